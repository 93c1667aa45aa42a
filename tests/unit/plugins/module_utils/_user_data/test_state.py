# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How user-data stands, by what whole machines have answered; fixtures/user_data/record.py recorded it."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command, Run
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Access,
    Content,
    Look,
    Memory,
    Source,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import NAMES, State, judge

RECORDED = Path(__file__).parents[1] / "fixtures/user_data"


class Recording:
    """A host that once was."""

    def __init__(self, name: str) -> None:
        self.answer: dict[str, str] = json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))

    def run(self, script: str) -> Completed:
        fence = re.findall(r"^FENCE=(\S+)$", script, re.MULTILINE)[0]
        out, err = (self.answer[stream].replace("FENCE", fence) for stream in ("out", "err"))
        return Completed(0, out, err)


def recorded(state: str, *, thorough: bool = False) -> Look:
    return look(Recording(f"user-data-{state}{'-thorough' if thorough else ''}"))


def of_vagrant(seen: Look) -> Source:
    return seen.sources[0]


def states(seen: Look) -> dict[str, str]:
    """The state of each place that has a file, by kind."""
    return {source.place.kind: judge(source, boot=seen.boot).name for source in seen.sources if source.file}


@pytest.mark.parametrize(
    ("recording", "state", "settled"),
    [
        ("fresh", "current", True),
        ("one-boot-late", "stale", False),
        ("mtime-older", "stale", False),
        ("headless", "failed", False),
        ("ignition", "not_applicable", False),
        ("half-uploaded", "arriving", False),
        ("two-sources", "current", True),
        ("blocked", "applying", False),
        ("warned", "current", True),
    ],
)
def test_the_states_of_the_machine(recording: str, state: str, settled: bool) -> None:
    seen, thoroughly = recorded(recording), recorded(recording, thorough=True)
    found = states(seen)
    assert found["vagrant"] == state
    assert found["oem"] == "current"
    assert found.get("install") == ("current" if recording == "two-sources" else None)
    assert not seen.partial
    # what is settled is not looked into where all is, and the rest is
    assert of_vagrant(seen).form == ("" if settled else of_vagrant(thoroughly).form)
    oem = seen.sources[-1]
    assert (oem.form, bool(oem.run)) == (("", False) if settled else ("cloud-config", True))
    assert seen.cloudinit == ("" if settled else "1.11.0")
    assert states(thoroughly) == found
    assert not thoroughly.partial
    assert thoroughly.cloudinit == "1.11.0"
    assert thoroughly.addresses == ["COREOS_PUBLIC_IPV4", "COREOS_PRIVATE_IPV4"]


@pytest.mark.parametrize("thorough", [False, True])
def test_of_two_places_the_host_runs_one(thorough: bool) -> None:
    """It was CoreOS, and is Flatcar."""
    seen = recorded("of-before", thorough=thorough)
    assert seen.os["ID"] == "flatcar"
    before, now = (source for source in seen.sources if source.file and source.place.kind == "install")
    assert "coreos-install" in before.place.path
    assert (judge(before, boot=seen.boot).name, judge(now, boot=seen.boot).name) == ("not_applicable", "current")
    assert "nothing on this host runs it" in judge(before, boot=seen.boot).why
    assert judge(before, boot=seen.boot, wanted=True).name == "unapplied"
    # what was applied all the same, and what runs, is judged as any other
    assert judge(replace(before, started=now.started), boot=seen.boot).name == "current"
    running = replace(before, unit={**before.unit, "ActiveState": "activating"})
    assert judge(running, boot=seen.boot).name == "applying"
    applied = replace(before, memory=Memory(before.sha256, 5.0, seen.boot))
    assert judge(applied, boot=seen.boot).name == "current"


def test_who_has_logged_in_and_by_which_keys() -> None:
    access = recorded("fresh", thorough=True).access
    assert access.user == "core"
    file, merged = access.keys
    assert file.startswith("/home/core/.ssh/authorized_keys.d/")
    assert merged == "/home/core/.ssh/authorized_keys"
    assert access.keys[file] == access.keys[merged]
    # the machine's OEM brings that key
    oem = recorded("fresh", thorough=True).sources[-1].content
    assert oem
    assert [key for _line, key in oem.keys] == list(access.keys[file])
    assert recorded("fresh").access == Access()


def test_a_path_unit_runs_user_data_in_the_second_in_which_it_came() -> None:
    source = of_vagrant(recorded("fresh"))
    assert source.file
    assert source.started
    assert source.started[1] == 0.0
    assert 0 < source.started[0] - source.file.changed < 1


def test_the_evidence_is_told() -> None:
    why = {name: judge(of_vagrant(recorded(name)), boot="").why for name in ("one-boot-late", "headless", "blocked")}
    clock = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC"
    late = rf"its unit began its last run at {clock}, and the file changed at {clock}"
    assert re.fullmatch(f"{late}, after it", why["one-boot-late"])
    assert re.fullmatch(
        f"{late}, before it; that run failed: Failed to parse user-data: Unrecognized user-data format", why["headless"]
    )
    assert 'Calling unit command "start" on "flanneld.service"' in why["blocked"]


def test_mtime_alone_would_have_lied() -> None:
    source = of_vagrant(recorded("mtime-older"))
    assert source.file
    assert source.started
    assert source.file.modified < source.started[0] < source.file.changed


def test_what_the_last_run_has_done_is_known() -> None:
    seen = recorded("one-boot-late")
    run = of_vagrant(seen).run
    assert run
    assert run.units == [("docker-tcp.socket", "/etc/systemd/system/docker-tcp.socket")]
    assert Command("start", "docker-tcp.socket", "done") in run.commands
    assert [watch["Id"] for watch in of_vagrant(seen).watches] == ["coreos-cloudinit-vagrant-user.path"]
    content = of_vagrant(seen).content
    assert content
    assert content.variables == ["public_ipv4"]
    blocked = of_vagrant(recorded("blocked")).run
    assert blocked
    assert blocked.commands[-1] == Command("start", "flanneld.service")


def test_nothing_of_the_content_is_in_a_recording() -> None:
    for path in RECORDED.glob("*.json.gz"):
        answer = gzip.decompress(path.read_bytes()).decode()
        for text in (
            "hello",
            "ListenStream=2375",
            "sleep infinity",
            "discovery",
            "Docker Socket",
            "data:,",
            "TimeoutStartSec=0",
        ):
            assert text not in answer


# The rest is what no recording shows.
STALE = of_vagrant(recorded("one-boot-late"))
CURRENT = of_vagrant(recorded("fresh"))
BOOT = "5f3c"


def remembering(source: Source, *, digest: str = "", after: float = 5, boot: str = BOOT) -> Source:
    assert source.started
    return replace(source, memory=Memory(digest or source.sha256, source.started[0] + after, boot))


def containing(source: Source, **changes: Any) -> Source:
    assert source.content
    return replace(source, content=replace(source.content, **changes))


def test_a_remembered_digest_of_this_boot_is_better_evidence_than_time() -> None:
    # the same content was put there once more: nothing to do
    assert judge(remembering(STALE), boot=BOOT) == State("current", ANY_WHY, by_digest=True)
    other = judge(remembering(CURRENT, digest="0" * 64), boot=BOOT)
    assert (other.name, other.by_digest) == ("stale", True)
    assert "000000000000…" in other.why


def test_what_was_applied_and_not_proven_is_not_in_force() -> None:
    source = remembering(CURRENT)
    assert source.memory
    doubted = judge(replace(source, memory=replace(source.memory, proven=False)), boot=BOOT)
    assert (doubted.name, doubted.by_digest) == ("unproven", True)


class _Any(str):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __hash__(self) -> int:
        return 0


ANY_WHY = _Any()


@pytest.mark.parametrize(
    "source",
    [
        remembering(STALE, boot="of an earlier boot"),
        # somebody ran the unit after us: it took what was there then
        remembering(STALE, after=-5),
        containing(remembering(STALE), sha256=""),
        replace(remembering(STALE), content=None),
        replace(STALE, memory=None),
    ],
)
def test_a_digest_that_proves_nothing_is_not_used(source: Source) -> None:
    found = judge(source, boot=BOOT)
    assert (found.name, found.by_digest) == ("stale", False)


def test_without_a_boot_id_nothing_is_remembered() -> None:
    assert judge(remembering(STALE, boot=""), boot="").name == "stale"


def test_what_changed_in_the_second_of_the_run_is_taken_for_new() -> None:
    assert CURRENT.file
    second = float(int(CURRENT.file.changed))
    found = judge(replace(CURRENT, started=(second, 1.0)), boot=BOOT)
    assert found.name == "stale"
    assert "nobody can tell which came first" in found.why
    assert judge(replace(CURRENT, started=(second + 1, 1.0)), boot=BOOT).name == "current"


def test_a_unit_that_has_not_run_in_this_boot() -> None:
    assert judge(replace(CURRENT, started=None, run=None), boot=BOOT).name == "unapplied"


@pytest.mark.parametrize("doing", ["", 'Calling unit command "start" on "flanneld.service"'])
@pytest.mark.parametrize("active", ["activating", "reloading"])
def test_a_unit_that_runs_runs_what_was_there_when_it_began(active: str, doing: str) -> None:
    running = {**CURRENT.unit, "ActiveState": active}
    now, late = (replace(source, unit=running, run=Run(doing=doing)) for source in (CURRENT, STALE))
    at = f", at: {doing}" if doing else ""
    assert judge(now, boot=BOOT) == State("applying", f"its unit is running it now{at}")
    # waiting for its end would not bring the new one into force
    assert judge(late, boot=BOOT) == State("stale", f"its unit is running what was there before it changed{at}")
    # nor would a digest of an earlier run
    assert judge(remembering(late), boot=BOOT).name == "stale"
    assert judge(replace(late, started=None), boot=BOOT).name == "applying"


@pytest.mark.parametrize(
    "unit",
    [
        {"ActiveState": "inactive", "Result": "success"},
        {"ActiveState": "failed", "Result": "exit-code"},
        {"ActiveState": "inactive", "ExecMainStartTimestamp": ""},
    ],
)
@pytest.mark.parametrize("started", [STALE.started, None])
def test_a_remembered_digest_counts_whatever_the_unit_does(
    unit: dict[str, str], started: tuple[float, float] | None
) -> None:
    """Somebody stopped it, or systemd has forgotten it since: what it has placed is there."""
    source = replace(remembering(STALE), unit={**STALE.unit, **unit}, started=started)
    assert judge(source, boot=BOOT) == State("current", ANY_WHY, by_digest=True)
    other = replace(remembering(STALE, digest="0" * 64), unit={**STALE.unit, **unit}, started=started)
    assert judge(other, boot=BOOT) == State("stale", ANY_WHY, by_digest=True)
    assert judge(replace(source, memory=None), boot=BOOT).name == ("stale" if started else "unapplied")


def test_a_note_of_the_run_needs_no_clock() -> None:
    for source in (CURRENT, STALE):
        same = replace(source, noted=source.sha256)
        other = replace(source, noted="0" * 64)
        assert judge(same, boot=BOOT) == State("current", ANY_WHY, by_digest=True)
        assert judge(other, boot=BOOT) == State("stale", ANY_WHY, by_digest=True)
    run = Run(commands=[Command("start", "a.service", "failed")])
    failed = judge(replace(CURRENT, noted=CURRENT.sha256, run=run), boot=BOOT)
    assert failed.name == "failed"
    assert failed.why.endswith("that run failed: its 'start' of a.service ended with 'failed'")
    # what was applied since is remembered
    assert judge(replace(remembering(CURRENT), noted="0" * 64), boot=BOOT).name == "current"


def test_a_unit_that_did_not_start_is_told_though_the_run_ended_well() -> None:
    commands = [Command("start", "a.service", "done"), Command("restart", "b.service", "dependency")]
    found = judge(replace(CURRENT, run=Run(commands=[*commands, Command("start", "c.service")])), boot=BOOT)
    assert found.name == "failed"
    assert found.why.endswith("before it; that run failed: its 'restart' of b.service ended with 'dependency'")
    # what coreos-cloudinit says itself comes first
    found = judge(replace(CURRENT, run=Run(commands=commands, errors=["a", "Failed to b"])), boot=BOOT)
    assert found.why.endswith("that run failed: Failed to b")
    assert judge(replace(CURRENT, run=Run(commands=commands[:1])), boot=BOOT).name == "current"


def test_a_run_that_ended_ill_without_a_word() -> None:
    unit = {**CURRENT.unit, "ActiveState": "failed", "SubState": "failed", "Result": "signal"}
    found = judge(replace(CURRENT, unit=unit, run=Run()), boot=BOOT)
    assert found.name == "failed"
    assert found.why.endswith("that run failed: failed, result 'signal'")


def test_files_that_cannot_be_applied() -> None:
    assert CURRENT.file
    folder = replace(CURRENT, file=replace(CURRENT.file, type="directory"))
    found = {
        "folder": judge(folder, boot=BOOT),
        "loop": judge(Source(CURRENT.place, error="Too many levels"), boot=BOOT),
        "nothing": judge(Source(CURRENT.place), boot=BOOT),
        "empty": judge(replace(CURRENT, content=Content(0, "", form="empty")), boot=BOOT),
        "silence": judge(replace(CURRENT, unit={}), boot=BOOT),
        "no unit": judge(replace(CURRENT, unit={"LoadState": "not-found"}), boot=BOOT),
        "masked": judge(replace(CURRENT, unit={"LoadState": "masked"}), boot=BOOT),
    }
    assert {name: state.name for name, state in found.items()} == {
        "folder": "unusable",
        "loop": "unusable",
        "nothing": "absent",
        "empty": "not_applicable",
        "silence": "unknown",
        "no unit": "unusable",
        "masked": "not_applicable",
    }
    assert {state.name for state in found.values()} <= set(NAMES)


def test_a_clock_that_makes_no_sense() -> None:
    assert "a time that no clock has" in judge(replace(CURRENT, started=(1e18, 0.0)), boot=BOOT).why
