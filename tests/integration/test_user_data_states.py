# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of the failure catalogue that are a machine's state by themselves: what the playbook says of it, and does."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.container_linux.remediation.tests.integration.chain import one_sentence, recap
from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    FILE,
    FINGERPRINT,
    INSTALL,
    REAPPLY,
    runs,
    untouched,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
    )


def result(play: Play) -> dict[str, Any]:
    """What the playbook's module has returned."""
    (found,) = [task.result for task in play.tasks if task.name.endswith(": Have the user-data in force")]
    return found


def warnings(play: Play) -> list[str]:
    return list(result(play).get("warnings", []))


def predicted(host: Machine) -> Play:
    """The playbook in check mode, which has something to do, and leaves the host alone."""
    before = host.sh(FINGERPRINT)
    play = host.playbook(REAPPLY, check=True, diff=True)
    assert play.rc == 0 and recap(play)["changed"] == 1 and "To do: " in play.output, play.output
    assert host.sh(FINGERPRINT) == before
    return play


def applied(host: Machine) -> Play:
    """The playbook, which does what it has foretold; the next one finds it done."""
    before = predicted(host)
    play = host.playbook(REAPPLY)
    assert play.rc == 0 and recap(play)["changed"] == 1 and "Done: " in play.output, play.output
    assert result(play)["actions"] == result(before)["actions"]
    assert warnings(play) == warnings(before)
    states = [source["state"] for source in result(left_alone(host))["sources"].values()]
    assert states == ["current"] * len(states)
    return play


def left_alone(host: Machine) -> Play:
    """The playbook, which has nothing to do, neither in check mode nor without."""
    before, count = host.sh(FINGERPRINT), runs(host)
    untouched(host, host.playbook(REAPPLY, check=True, diff=True), before)
    play = host.playbook(REAPPLY)
    untouched(host, play, before)
    assert runs(host) == count
    return play


def add_a_line(host: Machine, path: str) -> None:
    """Another file that asks for the same."""
    host.sh(f"{{ cat {path}; echo '# again'; }} >/tmp/uploaded; mv /tmp/uploaded {path}")


def at(host: Machine, path: str, form: str) -> str:
    """A time of a file as the evidence has it."""
    seconds = float(host.sh(f"TZ=UTC stat -c {form} {path}"))
    when = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}."


def test_row_2_it_is_stale_by_its_time_of_change(machine: MachineFactory) -> None:
    host = machine("user-data-mtime-older", release="899")
    modified, changed = at(host, FILE, "%Y"), at(host, FILE, "%Z")
    done = applied(host)
    told = result(done)["sources"][FILE]
    assert told["state"] == "stale"
    assert told["why"].startswith("its unit began its last run at ") and told["why"].endswith(" UTC, after it")
    assert f"and the file changed at {changed}" in told["why"] and modified not in told["why"]
    assert f"{FILE} was stale: {told['why']}" in done.output
    assert host.sh("cat /etc/test.txt") == "hello, write_files\n"


def test_row_8_a_wrong_first_line_is_refused(machine: MachineFactory) -> None:
    host = machine("user-data-headless", release="1235")
    before, count = host.sh(FINGERPRINT), runs(host)
    for check in (True, False, False):
        play = host.playbook(REAPPLY, check=check, diff=True)
        one_sentence(play, f"{FILE}, line 1: the first line must be '#cloud-config'", "Nothing was changed.")
        told = result(play)
        assert [sentence.partition(": ")[0] for sentence in told["refused"]] == [f"{FILE}, line 1"]
        assert (told["changed"], told["actions"]) == (False, [])
        assert told["sources"][FILE]["state"] == "failed"
    assert host.sh(FINGERPRINT) == before and runs(host) == count
    host.sh(f"sed 1d {FILE} >/tmp/uploaded; mv /tmp/uploaded {FILE}")
    applied(host)
    assert host.sh("cat /etc/test.txt") == "hello, write_files\n"


def test_rows_9_and_10_warnings_are_told_and_do_not_block(machine: MachineFactory) -> None:
    host = machine("user-data-warned", release="2512")
    assert warnings(left_alone(host)) == []
    add_a_line(host, FILE)
    done = applied(host)
    told = result(done)
    findings = [(each["line"], each["level"]) for each in told["sources"][FILE]["findings"]]
    assert findings == [(5, "warning"), (7, "warning")]
    unknown, deprecated = warnings(done)
    for word in (f"{FILE}, line 5: ", "'etcd_endpoint' in 'coreos.flannel'", "did you mean 'etcd_endpoints'?"):
        assert word in unknown
    assert deprecated.startswith(f"{FILE}, line 7: 'fleet' is deprecated: ")
    # applied without it
    address = host.sh("hostname -i").split()[0]
    assert host.sh("cat /run/flannel/options.env").split() == [f"FLANNELD_IFACE={address}"]


def test_row_11_two_that_disagree_are_both_named(machine: MachineFactory) -> None:
    host = machine("user-data-two-sources")
    assert warnings(left_alone(host)) == []
    # the second time, the first is known by its digest alone
    for path, winner in ((INSTALL, "coreos-install"), (FILE, "vagrant")):
        add_a_line(host, path)
        assert warnings(applied(host)) == [
            f"The unit file of app.service is set by {FILE} and {INSTALL}, and whichever runs last decides; leave it "
            f"in one of them."
        ]
        assert host.sh("systemctl show -p Environment app.service").strip() == f"Environment=FROM={winner}"


def test_row_12_a_config_for_ignition_is_left_alone(machine: MachineFactory) -> None:
    host = machine("user-data-ignition", release="2512")
    play = left_alone(host)
    told = result(play)
    why = "the file is a config for Ignition, which runs at the first boot only and never from this file"
    assert (told["sources"][FILE]["state"], told["sources"][FILE]["why"]) == ("not_applicable", why)
    assert warnings(play) == [f"{FILE} is left alone: {why}."]
    assert host.sh("ls /etc/test.txt 2>/dev/null; true") == ""
