# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether units are in the state that a cloud-config asks for, by what systemd tells of them."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, AskedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Section
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import (
    unit_states,
    unit_variables,
)

ACTIVE = "ActiveState=active\nSubState=running\nResult=success"
DEAD = "ActiveState=inactive\nSubState=dead\nResult=success"
RAN = "InactiveExitTimestampMonotonic=5\nExecMainCode=1\nExecMainStatus=0"
SKIPPED = "ConditionResult=no\nConditionTimestampMonotonic=5"
FAILED = "ActiveState=failed\nSubState=failed\nResult=exit-code"
UP = "39f53479d3a045ac8e11786248231fbf"
DOWN = "9d1aaa27d60140bd96365438aad20286"


def states(unit: AskedUnit, shown: str, *, lasting: str = "", ends: str = "") -> list[tuple[str, bool, str]]:
    answer = {
        "units": Section(0, f"Id={unit.name}\nLoadState=loaded\n{shown}\n", ""),
        "lasting": Section(0, lasting, ""),
        "ends": Section(0, ends, ""),
    }
    return [(state.asked, state.as_asked, state.why) for state in unit_states(answer, Asked(units=[unit]))]


@pytest.mark.parametrize(
    ("kind", "since", "command", "is_young"),
    [
        ("simple", "99.5", "start", True),
        ("simple", "99.5", "restart", True),
        ("idle", "99.5", "start", True),
        ("simple", "97.5", "start", False),
        # what tells that it is ready is ready
        ("notify", "99.5", "start", False),
        ("forking", "99.5", "start", False),
        # such as a socket
        ("", "99.5", "start", False),
        ("simple", "99.5", "stop", False),
        ("simple", "0", "start", False),
        ("simple", "", "start", False),
    ],
)
def test_a_process_that_has_just_begun_is_young(kind: str, since: str, command: str, is_young: bool) -> None:
    microseconds = since.replace(".", "") + "00000" if since not in ("", "0") else since
    shown = f"Id=a.service\nLoadState=loaded\n{ACTIVE}\nType={kind}\nActiveEnterTimestampMonotonic={microseconds}\n"
    answer = {"units": Section(0, shown, ""), "uptime": Section(0, "100.25\n", "")}
    asked = Asked(units=[AskedUnit("a.service", command)])
    assert [state.is_young for state in unit_states(answer, asked)] == [is_young]
    # without a clock nothing is waited for
    assert not unit_states({"units": answer["units"]}, asked)[0].is_young


def entry(number: str, *, skipped: bool = False) -> str:
    return f"-\nMESSAGE_ID={number}\n{'SKIPPED=yes' * skipped}\nUNIT=a.service\n"


@pytest.mark.parametrize(
    ("command", "shown", "ends", "expected"),
    [
        ("start", ACTIVE, "", ("started", True, "")),
        ("start", "ActiveState=reloading", "", ("started", True, "")),
        ("start", f"{DEAD}\nType=oneshot\n{RAN}", "", ("started", True, "")),
        ("start", f"{DEAD}\nType=simple\n{RAN}", "", ("started", True, "it has ended by itself, and well")),
        ("start", f"{DEAD}\nType=simple\n{RAN}", entry(UP) + entry(DOWN), ("started", False, "it is inactive (dead)")),
        ("start", f"{DEAD}\nType=oneshot", entry(DOWN) + entry(UP), ("started", True, "")),
        ("start", f"{DEAD}\nType=oneshot", "", ("started", False, "it is inactive (dead)")),
        (
            "restart",
            DEAD,
            entry(UP, skipped=True),
            ("restarted", True, "a condition of its unit file is not met, and systemd skipped it"),
        ),
        (
            "restart",
            f"{DEAD}\n{SKIPPED}",
            "",
            ("restarted", True, "a condition of its unit file is not met, and systemd skipped it"),
        ),
        ("start", FAILED, entry(UP), ("started", False, "it is failed, result 'exit-code'")),
        (
            "reload",
            "ActiveState=activating\nSubState=auto-restart\nResult=exit-code",
            "",
            ("reloaded", False, "it is activating (auto-restart), result 'exit-code'"),
        ),
        (
            "start",
            "ActiveState=activating\nSubState=auto-restart\nResult=success",
            "",
            ("started", True, "it has ended well, and systemd starts it again, as its unit file says"),
        ),
        ("try-restart", DEAD, "", ("restarted if it ran", True, "it was not running, and stays so")),
        ("stop", DEAD, "", ("stopped", True, "")),
        ("stop", FAILED, "", ("stopped", True, "it is failed, result 'exit-code'")),
        ("stop", ACTIVE, "", ("stopped", False, "it is active (running)")),
        ("", DEAD, "", ("", True, "")),
        ("launch", DEAD, "", ("", True, "")),
    ],
)
def test_a_command(command: str, shown: str, ends: str, expected: tuple[str, bool, str]) -> None:
    assert states(AskedUnit("a.service", command), shown, ends=ends) == [expected]


@pytest.mark.parametrize(
    ("lasting", "enabled", "masked"),
    [
        ("enabled", True, False),
        ("enabled-runtime", True, False),
        ("static", True, False),
        ("disabled", False, False),
        ("masked", False, True),
        ("masked-runtime", False, True),
    ],
)
def test_what_lasts(lasting: str, enabled: bool, masked: bool) -> None:
    # systemctl show may tell what was so before
    shown = f"{ACTIVE}\nUnitFileState=bad"
    for unit, expected in (
        (AskedUnit("a.service", enable=True), enabled),
        (AskedUnit("a.service", mask=True), masked),
    ):
        ((_asked, as_asked, why),) = states(unit, shown, lasting=lasting)
        assert as_asked == expected
        assert bool(why) == (not expected or lasting == "static")


def test_a_unit_that_is_named_twice_and_one_that_systemd_does_not_tell_of() -> None:
    asked = Asked(
        units=[
            AskedUnit("a.service", "stop", enable=True),
            AskedUnit("a.service", "start"),
            AskedUnit("b@.service", enable=True),
            AskedUnit("c d", "start"),
            AskedUnit("e.network", "start", enable=True),
        ]
    )
    variables = unit_variables(asked)
    assert variables["UNITS"] == "a.service"
    assert variables["LASTING"] == "a.service b@.service"
    assert variables["STARTED"].endswith(" UNIT=a.service")
    answer = {"lasting": Section(0, "disabled\nenabled\n", "")}
    assert [(state.name, state.asked, state.as_asked) for state in unit_states(answer, asked)] == [
        ("a.service", "enabled", False),
        ("a.service", "started", False),
        ("b@.service", "enabled", True),
        ("c d", "started", False),
        ("e.network", "", True),
    ]


ENGINE = "update-engine.service"
LOCKSMITH = "locksmithd.service"


def of_update(
    strategy: str, shown: str, *units: AskedUnit, masks: str = "", group: bool = False
) -> list[tuple[str, str, bool, str]]:
    """What is said of the units that `coreos.update` concerns."""
    asked = Asked(units=units, update={"reboot_strategy": strategy, **({"group": ""} if group else {})})
    names = unit_variables(asked)["UNITS"].split()
    blocks = "\n\n".join(f"Id={name}\nLoadState=loaded\n{shown}" for name in names)
    answer = {"units": Section(0, f"{blocks}\n", ""), "masks": Section(0, masks, "")}
    return [(state.name, state.wanted, state.as_asked, state.why) for state in unit_states(answer, asked)]


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (ACTIVE, ""),
        (f"{DEAD}\n{SKIPPED}", "it is inactive (dead), skipped by a condition of its unit file"),
        # such as locksmithd, as long as it does not reach etcd
        (
            "ActiveState=activating\nSubState=auto-restart\nResult=exit-code",
            "it is activating (auto-restart), result 'exit-code'",
        ),
        (FAILED, "it is failed, result 'exit-code'"),
    ],
)
def test_whether_the_systems_own_services_stay_up_is_told_and_not_asked(shown: str, why: str) -> None:
    assert of_update("reboot", shown, group=True) == [
        (LOCKSMITH, "restarted for coreos.update", True, why),
        (ENGINE, "restarted for coreos.update", True, why),
    ]


def test_what_the_user_has_started_as_well_has_to_stay_up() -> None:
    (found,) = of_update("reboot", FAILED, AskedUnit(LOCKSMITH, "start"))
    assert found == (LOCKSMITH, "restarted", False, "it is failed, result 'exit-code'")


def test_no_reboots_are_no_locksmith() -> None:
    masked, stopped = "masked for coreos.update", "stopped for coreos.update"
    assert of_update("off", DEAD, masks=f"{LOCKSMITH}\n") == [
        (LOCKSMITH, masked, True, ""),
        (LOCKSMITH, stopped, True, ""),
    ]
    assert of_update("off", f"{ACTIVE}\nUnitFileState=disabled") == [
        (LOCKSMITH, masked, False, "it is disabled"),
        (LOCKSMITH, stopped, False, "it is active (running)"),
    ]
    # a unit file of the user's own in /etc hides that mask
    own = AskedUnit(LOCKSMITH, text=Text(1, 1, 1))
    assert of_update("off", DEAD, own, masks=f"{LOCKSMITH}\n") == [(LOCKSMITH, stopped, True, "")]


def test_of_services_that_are_only_unmasked_nothing_is_said() -> None:
    asked = Asked(sections={"etcd2": 3}, update={"server": ""})
    variables = unit_variables(asked)
    assert variables["UNITS"] == ENGINE
    assert variables["RUNTIME"].split() == ["etcd.service", "etcd2.service", "fleet.service", LOCKSMITH]
    assert [state.name for state in unit_states({}, asked)] == [ENGINE]
