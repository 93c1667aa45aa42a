# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What diff mode says of a user-data that is not applied yet."""

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config import (
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_compare import (
    UNWRITTEN,
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_diff import predict
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_units import UnitState

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
    ssh_keys=2,
    hostname="core-01",
    unclear=["write_files.9.path (line 9) is not told."],
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
    found = predict("/x", ASKED, COMPARISON)
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
    found = predict("/x", Asked(), Comparison())
    assert found["before"] == found["after"] == ""


def test_what_a_host_says_stays_on_its_line() -> None:
    found = predict("/x\n", Asked(hostname="a"), Comparison(hostname="b\n\x1b[2Jc"))
    assert found["before"].count("\n") == 1
    assert "\x1b" not in found["before"]
    assert "\n" not in found["after_header"]
