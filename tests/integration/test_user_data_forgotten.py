# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""User-data whose unit systemd has forgotten: one that is stopped, or does not stay active, is unloaded once nothing
refers to it, and what systemctl shows of it then is that of a unit which never ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    UNIT,
    WATCH,
    config,
    place,
    rerun,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory

FORGET = f"systemctl stop {WATCH} '{UNIT}'; systemctl show -p ExecMainPID '{UNIT}'"


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_stopped_unit_has_applied_what_it_has_applied(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release)
    assert host.sh(FORGET).strip() == "ExecMainPID=0"
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("current", False), found
    assert host.sh(f"systemctl is-active '{UNIT}'", check=False).strip() == "inactive"


def test_who_applied_another_file_before_the_unit_was_stopped_is_not_forgotten(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh(place(config(1)))
    assert host.play([rerun()], options=AS_ROOT).last.result["changed"]
    host.sh(f"{place(config(2))}; systemctl restart '{UNIT}'; {place(config(1))}; {FORGET}")
    assert host.sh("cat /etc/luck.txt").strip() == "number-2"
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("stale", True), found
    assert host.sh("cat /etc/luck.txt").strip() == "number-1"


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_unit_that_does_not_stay_active(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release)
    folder = f"/etc/systemd/system/{UNIT}.d"
    host.sh(
        f"mkdir -p '{folder}'; printf '[Service]\\nRemainAfterExit=no\\n' >'{folder}/10-once.conf'; "
        f"systemctl stop {WATCH}; systemctl daemon-reload; {place(config(3))}"
    )
    done = host.play([rerun()], options=AS_ROOT).last.result
    assert done["changed"]
    assert not done.get("warnings"), done
    assert host.sh("cat /etc/luck.txt").strip() == "number-3"
    again = host.play([rerun()], options=AS_ROOT).last.result
    assert (again["sources"][FILE]["state"], again["changed"]) == ("current", False), again
    # what it asks for is proven, and a call that failed is a failure, without systemd's memory
    host.sh(place(config(4, "coreos:", "  units:", "    - name: none-such.service", "      command: start")))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert "none-such.service" in failed["msg"], failed
