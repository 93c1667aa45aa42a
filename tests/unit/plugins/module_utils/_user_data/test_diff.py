# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What diff mode says of a user-data that is not applied yet."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
    Doubt,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    UNWRITTEN,
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.diff import predict
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.forecast import Forecast
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState

TEXT = Text(1, 2, 4, 0, True, 3)
ASKED = Asked(
    files=[
        AskedFile("/etc/new", "0600", "core", text=TEXT),
        AskedFile("/etc/other", encoding="b64", text=Text(1, 1, 1)),
        AskedFile("/etc/same"),
        AskedFile("/etc/unknown"),
        AskedFile("/etc/link"),
    ],
    units=[
        AskedUnit("a.service", "start", enable=True, text=TEXT, drop_ins=[AskedDropIn("1.conf", TEXT, 1)]),
        AskedUnit("b.service", "restart", text=TEXT),
        AskedUnit("c.service", "stop", mask=True),
        AskedUnit("d.service", "start", enable=True),
    ],
    sections={"etcd2": 3},
    users=["core", "elsa"],
    ssh_keys={"core": 1, "joe": 1},
    hostname="core-01",
    unclear=[Doubt("write_files.9.path", "write_files.9.path (line 9) is not told.")],
)
COMPARISON = Comparison(
    items=[
        Item("file", "/etc/new", "/etc/new", "missing"),
        Item("file", "/etc/other", "/etc/other", "differs", "content, mode (0600 instead of 0644)"),
        Item("file", "/etc/same", "/etc/same", "same"),
        Item("file", "/etc/unknown", "/etc/unknown", "not_compared", "it is an alias"),
        Item("file", "/etc/link", "/etc/link", "differs", "a symbolic link is in its place"),
        Item("unit", "a.service", "/etc/systemd/system/a.service", "missing"),
        Item("drop_in", "a.service/1.conf", "/etc/systemd/system/a.service.d/1.conf", "same"),
        Item("unit", "b.service", "/etc/systemd/system/b.service", "not_compared", UNWRITTEN),
        Item("drop_in", "etcd2", "/run/systemd/system/etcd2.service.d/20-cloudinit.conf", "missing"),
    ],
    units=[
        UnitState("a.service", {"LoadState": "not-found"}, "enabled", as_asked=False),
        UnitState("a.service", {"LoadState": "not-found"}, "started", as_asked=False),
        UnitState("b.service", {"ActiveState": "active"}, "restarted"),
        UnitState("c.service", {"UnitFileState": "disabled"}, "masked", as_asked=False),
        UnitState("c.service", {"ActiveState": "inactive"}, "stopped"),
        UnitState("d.service", {"UnitFileState": "static"}, "enabled", why="no [Install]"),
        UnitState("d.service", {"ActiveState": "active", "SubState": "running"}, "started"),
    ],
    hostname="localhost",
    users=["core"],
)


def test_a_line_for_each_thing_and_the_same_for_what_stays() -> None:
    found = predict("/x", ASKED, COMPARISON, Forecast())
    assert found["before_header"] == "the host as it is"
    assert found["after_header"] == "the host with /x applied"
    assert found["before"].splitlines() == [
        "hostname: localhost",
        "user core: exists",
        "user elsa: absent",
        "SSH keys of the cloud-config: 2",
        "/etc/new: absent",
        "/etc/other: differs in content, mode (0600 instead of 0644)",
        "/etc/same: mode 0644, owner root, content: unchanged",
        "/etc/unknown: there, not compared",
        "/etc/link: a symbolic link is in its place",
        "/etc/systemd/system/a.service: absent",
        "/etc/systemd/system/a.service.d/1.conf: mode 0644, owner root, content: unchanged",
        "/run/systemd/system/etcd2.service.d/20-cloudinit.conf: absent",
        "a.service: not enabled",
        "c.service: disabled",
        "d.service: enabled (no [Install])",
        "call: systemctl stop c.service (it is inactive, and stays so)",
        "call: systemctl start d.service (it is active (running), and stays so)",
        "not known: write_files.9.path (line 9) is not told.",
    ]
    assert found["after"].splitlines() == [
        "hostname: core-01",
        "user core: exists",
        "user elsa: created",
        "SSH keys of the cloud-config: 2",
        "/etc/new: mode 0600, owner core, content: 3 lines, not shown",
        "/etc/other: mode 0644, owner root, content: 1 line of b64, not shown",
        "/etc/same: mode 0644, owner root, content: unchanged",
        "/etc/unknown: mode 0644, owner root, content: 0 lines, not shown",
        "/etc/link: mode 0644, owner root, content: 0 lines, not shown",
        "/etc/systemd/system/a.service: mode 0644, owner root, content: 3 lines, not shown",
        "/etc/systemd/system/a.service.d/1.conf: mode 0644, owner root, content: unchanged",
        "/run/systemd/system/etcd2.service.d/20-cloudinit.conf: mode 0644, owner root, content: it is made from the "
        "section coreos.etcd2, not shown",
        "a.service: enabled",
        "c.service: masked",
        "d.service: enabled (no [Install])",
        "call: systemctl daemon-reload",
        "call: systemctl start a.service",
        "call: systemctl restart b.service",
        "call: systemctl stop c.service (it is inactive, and stays so)",
        "call: systemctl start d.service (it is active (running), and stays so)",
        "not known: write_files.9.path (line 9) is not told.",
    ]


def test_nothing_asked_for_is_no_difference() -> None:
    found = predict("/x", Asked(), Comparison(), Forecast())
    assert found["before"] == found["after"] == ""


def test_the_keys_of_a_config_drive_are_told_apart() -> None:
    before, after = lines(Asked(hostname="drive", ssh_keys={"core": 1}, metadata_keys=2), Comparison(hostname="old"))
    keys = ["SSH keys of the cloud-config: 1", "SSH keys of the config drive's meta_data.json: 2"]
    assert (before, after) == (["hostname: old", *keys], ["hostname: drive", *keys])


def test_what_a_host_says_stays_on_its_line() -> None:
    found = predict("/x\n", Asked(hostname="a"), Comparison(hostname="b\n\x1b[2Jc"), Forecast())
    assert found["before"].count("\n") == 1
    assert "\x1b" not in found["before"]
    assert "\n" not in found["after_header"]


LOCKSMITH = "locksmithd.service"
MASKED = {"LoadState": "masked", "ActiveState": "inactive"}
UP = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running"}
REFUSED = "so that systemd refuses that, and the run stops there"


def lines(asked: Asked, comparison: Comparison) -> tuple[list[str], list[str]]:
    found = predict("/x", asked, comparison, Forecast())
    return found["before"].splitlines(), found["after"].splitlines()


def test_what_is_called_for_a_section_comes_after_the_users_own() -> None:
    asked = Asked(
        units=[AskedUnit("a.service", "start"), AskedUnit(LOCKSMITH, "start")],
        update={"reboot_strategy": "off", "server": ""},
    )
    units = [
        UnitState("a.service", {"ActiveState": "inactive"}, "started"),
        UnitState(LOCKSMITH, {**UP, "UnitFileState": "disabled"}, "masked", as_asked=False, section="update"),
        UnitState(LOCKSMITH, UP, "stopped", as_asked=False),
        UnitState("update-engine.service", UP, "restarted", section="update"),
    ]
    before, after = lines(asked, Comparison(units=units, masks=["etcd2.service"]))
    # it runs, and so its start does nothing; then it is stopped
    start = f"call: systemctl start {LOCKSMITH} (it is active (running), and stays so)"
    assert before == [f"{LOCKSMITH}: disabled", "etcd2.service: masked in /run", start]
    assert after == [
        f"{LOCKSMITH}: masked for coreos.update",
        "etcd2.service: not masked in /run",
        "call: systemctl start a.service",
        start,
        f"call: systemctl stop {LOCKSMITH}, for coreos.update",
        "call: systemctl restart update-engine.service, for coreos.update",
    ]


@pytest.mark.parametrize(
    ("properties", "masks", "own", "reloads", "told"),
    [
        (UP, [], False, False, ""),
        ({"LoadState": "not-found"}, [], False, True, f" (it is not-found, {REFUSED})"),
        # systemd does not notice that the mask is lifted
        (
            MASKED,
            [LOCKSMITH],
            False,
            False,
            " (it is masked until systemd reads its files anew, so that the run may stop there)",
        ),
        (MASKED, [LOCKSMITH], False, True, ""),
        # one in /etc is not lifted
        (MASKED, [], False, True, f" (it is masked, {REFUSED})"),
        ({"LoadState": "not-found"}, [], True, True, ""),
    ],
)
def test_what_systemd_would_refuse_is_told(
    properties: dict[str, str], masks: list[str], own: bool, reloads: bool, told: str
) -> None:
    asked = Asked(units=[AskedUnit(LOCKSMITH, text=TEXT)] * own, update={"reboot_strategy": "reboot"})
    name = LOCKSMITH if own else "x.service"
    comparison = Comparison(
        items=[Item("unit", name, f"/etc/systemd/system/{name}", "same")] * reloads,
        units=[UnitState(LOCKSMITH, properties, "restarted", section="update")],
        masks=masks,
    )
    assert lines(asked, comparison)[1][-1] == f"call: systemctl restart {LOCKSMITH}, for coreos.update{told}"


def test_what_systemd_would_refuse_to_the_user_is_told_as_well() -> None:
    asked = Asked(units=[AskedUnit("a.service", "start", enable=True), AskedUnit("b.service", "stop")])
    absent = {"LoadState": "not-found", "ActiveState": "inactive"}
    units = [UnitState("a.service", absent, asked, as_asked=False) for asked in ("enabled", "started")]
    before, after = lines(asked, Comparison(units=[*units, UnitState("b.service", absent, "stopped")]))
    assert before == ["a.service: not enabled"]
    assert after == [
        f"a.service: enabled (it is not-found, {REFUSED})",
        f"call: systemctl start a.service (it is not-found, {REFUSED})",
        f"call: systemctl stop b.service (it is not-found, {REFUSED})",
    ]


def test_what_is_restarted_afterwards_and_what_is_not() -> None:
    forecast = Forecast(["a.service"], ["b.service would not be restarted, for X."], ["c.service"])
    found = predict("/x", Asked(), Comparison(), forecast)
    stays = [
        "b.service would not be restarted, for X.",
        "not known: whether c.service is restarted, for not all of its files could be compared",
    ]
    assert found["before"].splitlines() == stays
    assert found["after"].splitlines() == ["call: systemctl restart a.service, for its new files", *stays]
