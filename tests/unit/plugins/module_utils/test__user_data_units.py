# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether units are in the state that a cloud-config asks for, by what systemd tells of them."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config import Asked, AskedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Section
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_units import (
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
