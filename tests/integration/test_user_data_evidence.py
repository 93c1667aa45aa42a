# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""By what it is told whether user-data is in force, where what systemctl and stat say at first sight is not so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    MEMORY,
    UNIT,
    WATCH,
    config,
    place,
    rerun,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory

# A unit that is stopped is unloaded once nothing refers to it, and then shown like one that never ran.
FORGET = f"systemctl stop {WATCH} '{UNIT}'; systemctl show -p ExecMainPID '{UNIT}'"

# What is young is kept, and so it takes more than one try.
VACUUM = f"""
for try in 1 2 3 4 5 6 7 8; do
  journalctl -b -q -o cat _SYSTEMD_UNIT='{UNIT}' | grep -q . || exit 0
  sleep 1
  journalctl --rotate
  journalctl --vacuum-time=1s
done 2>/dev/null >&2
exit 1
"""


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


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_link_that_leads_elsewhere(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release, fresh=True)
    host.sh(f"mkdir /opt/two; {place(config(1), '/opt/one')}; {place(config(2), '/opt/two/x')}; ln -sf /opt/one {FILE}")
    host.sh(f"sleep 1; systemctl restart '{UNIT}'; cat /etc/luck.txt | grep number-1")
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("current", False), found
    # neither of the files is younger than the run
    host.sh(f"ln -sfn /opt/two/x {FILE}")
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("stale", True), found
    assert host.sh("cat /etc/luck.txt").strip() == "number-2"
    # nor does systemd see what takes the place of a link
    refused = host.play([rerun(watch=True)], options=AS_ROOT).last.result
    assert f"{FILE} cannot be watched: it is a symbolic link" in refused["msg"], refused
    assert not refused["changed"]


def test_a_watched_unit_notes_what_it_runs(machine: MachineFactory) -> None:
    """The same file once more, as Vagrant brings it on each provision, is younger than the run and in force."""
    host = machine("user-data-fresh", release="1235")
    host.sh(place(config(1)))
    assert host.play([rerun(watch=True)], options=AS_ROOT).last.result["changed"]
    # what was applied in another boot tells nothing of this one
    host.sh(f"systemctl restart '{UNIT}'; rm '{MEMORY}'; sleep 1; {place(config(1))}")
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert found["sources"][FILE]["why"].startswith("its unit noted that what it ran last has the digest"), found
    assert (found["sources"][FILE]["state"], found["changed"]) == ("current", False), found


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_run_whose_journal_is_gone(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release, fresh=True)
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found.get("warnings")) == ("current", None), found
    host.sh(VACUUM)
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("current", False), found
    gone = "; the journal has nothing of that run any more, so how its calls of systemd ended is not known"
    assert found["sources"][FILE]["why"].endswith(gone), found
    # what has been proven needs no journal
    host.sh(place(config(1)))
    assert host.play([rerun()], options=AS_ROOT).last.result["changed"]
    host.sh(VACUUM)
    found = host.play([rerun()], options=AS_ROOT).last.result
    assert (found["sources"][FILE]["state"], found["changed"]) == ("current", False), found
    assert "journal" not in found["sources"][FILE]["why"], found
