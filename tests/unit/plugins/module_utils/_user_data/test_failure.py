# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why user-data did not come into force: every way in which it does not, and what is said of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, Section
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import failure
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import Applied
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison, Item
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.failure import Failure
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command, Run
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils._diagnosis.test_judgement import (
    Recording,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_machine import Saying

PATH = "/var/lib/x/user-data"
UNIT = "user-cloudinit@x.service"
UP = {"Id": UNIT, "LoadState": "loaded", "ActiveState": "active", "SubState": "exited", "Result": "success"}
DONE = Command("start", "a.service", "done")


def applied(
    *,
    rc: int = 0,
    err: str = "",
    unit: dict[str, str] | None = None,
    same: bool = True,
    logged: bool = True,
    **run: Any,
) -> Applied:
    return Applied(
        began="1",
        job=Section(rc, "", err),
        unit={**UP, **unit} if unit is not None else UP,
        run=Run(**run),
        logged=logged,
        same=same,
    )


def of_run(seen: Applied) -> Failure | None:
    return failure.of_run(seen, path=PATH, unit=UNIT, timeout=30)


def sentence_of(seen: Applied, *commands: Command) -> str:
    """The sentence of a failure that is to be explained by these calls of systemd."""
    found = of_run(seen)
    assert found
    assert list(found.commands) == list(commands)
    assert PATH in found.sentence
    assert is_complete(found.sentence)
    return found.sentence


def is_complete(text: str) -> bool:
    """Whether it could stand in a message: sentences on one line, with nothing left out."""
    return text.endswith(".") and "\n" not in text and not re.search(r"''|\(\)|: \.|None|  |\.\.", text)


@pytest.mark.parametrize("seen", [applied(), applied(commands=[DONE]), applied(logged=False)])
def test_a_run_that_went_well(seen: Applied) -> None:
    assert of_run(seen) is None


@pytest.mark.parametrize("rc", [124, 137])
def test_a_run_that_has_not_ended(rc: int) -> None:
    going_on = {"ActiveState": "activating", "SubState": "start"}
    doing = 'Calling unit command "start" on "b.service"\''
    waiting = Command("start", "b.service")
    said = sentence_of(applied(rc=rc, unit=going_on, commands=[DONE, waiting], doing=doing), waiting)
    assert said == (
        f'{PATH} is not applied whole: {UNIT} is activating (start) after 30 s, at \'Calling unit command "start" on '
        f'"b.service"\', and goes on without Ansible.'
    )
    # where it calls systemd for nothing, nothing is asked, and so that is left to the reader
    for commands in ([DONE], [DONE, Command("start", "no unit")]):
        said = sentence_of(applied(rc=rc, unit=going_on, commands=commands, doing="Fetching data from x"))
        assert said.endswith(
            "at 'Fetching data from x', and goes on without Ansible. Look with 'systemctl list-jobs' what it waits "
            "for, or give a longer 'timeout'."
        )
    assert "after 30 s, and goes on" in sentence_of(applied(rc=rc, unit=going_on))


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, "inactive (dead)"),
        ({}, "active (exited)"),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}, "failed, result 'exit-code'"),
    ],
)
def test_a_run_that_has_not_begun(unit: dict[str, str], state: str) -> None:
    """Its unit waits for another one: which one, the unit itself tells."""
    assert sentence_of(applied(rc=124, unit=unit, logged=False), Command("start", UNIT)) == (
        f"{PATH} is not applied yet: {UNIT} has not begun after 30 s, and is {state}."
    )


def test_a_run_that_systemd_skipped() -> None:
    skipped = {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "5"}
    assert sentence_of(applied(unit=skipped)) == (
        f"{PATH} was not applied: systemd skipped {UNIT}, for a condition in its unit file is not met. Find out which "
        f"with 'systemctl status' of it, cure that, then run again."
    )


def test_a_run_that_failed() -> None:
    failed = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
    error = "Failed to apply cloud-config: x"
    bad, masked = Command("start", "b.service", "failed"), Command("start", "no unit", "failed")
    said = sentence_of(
        applied(rc=1, err="Job failed.", unit=failed, errors=["a", error], commands=[DONE, bad, masked]), bad
    )
    assert said == (
        f"{PATH} was not applied whole: {UNIT} is failed, result 'exit-code', and coreos-cloudinit said '{error}'. "
        f"Correct what it names, then run again."
    )
    # what it calls may fail without a name
    said = sentence_of(applied(unit=failed, errors=["Failed to apply cloud-config: exit status 1"]))
    assert said.endswith(
        f"exit status 1'. Look at what it logged with 'journalctl -b _SYSTEMD_UNIT={UNIT}', cure that, then run again."
    )
    # the systemd of 899 and 1010 does not name the unit that it is to enable and does not have
    no_file = applied(errors=["Failed to apply cloud-config: No such file or directory"], failed_at='Enabling "a"')
    assert "No such file or directory', at 'Enabling \"a\"'. Correct what it names" in sentence_of(no_file)
    # it may say so and end well, and end ill without a word
    assert error in sentence_of(applied(errors=[error]))
    assert sentence_of(applied(unit={"Result": "signal"})).endswith(
        f"result 'signal'. Look at what it logged with 'journalctl -b _SYSTEMD_UNIT={UNIT}', cure that, then run again."
    )
    said = sentence_of(applied(rc=4, err="Access denied\n", logged=False))
    assert said.endswith(
        "and systemctl said 'Access denied'. Let the task become root ('become: true'), then run again."
    )
    said = sentence_of(applied(rc=1, err="A dependency job for x failed.\n", logged=False))
    assert said.endswith("and systemctl said 'A dependency job for x failed.'. Cure what it names, then run again.")
    # a path unit has run it once more, and well
    assert of_run(applied(rc=1, err="Job failed.")) is None


@pytest.mark.parametrize(
    ("said", "name", "or_else"),
    [
        ("Unit nosuch.service not found.", "nosuch.service", "bring the unit with 'content'"),
        ("Unit nosuch.service not loaded.", "nosuch.service", "bring the unit with 'content'"),
        ("Unit file nosuch@1.service does not exist.", "nosuch@1.service", "bring the unit with 'content'"),
        # the systemd of 899 and 1010
        (
            "Unit a.service failed to load: No such file or directory.",
            "a.service",
            "bring the unit with 'content'",
        ),
        (
            "Unit update-engine.service not found.",
            "update-engine.service, as coreos.update does,",
            "bring the unit with 'content'",
        ),
        ("Unit a.service is masked.", "a.service", "lift its mask with 'systemctl unmask'"),
        (
            "Unit file /etc/systemd/system/a.service is masked.",
            "a.service",
            "lift its mask with 'systemctl unmask'",
        ),
    ],
)
def test_a_run_that_ended_at_a_unit_that_is_not_there(said: str, name: str, or_else: str) -> None:
    error = f"Failed to apply cloud-config: {said}"
    sentence = sentence_of(applied(rc=1, errors=[error], commands=[DONE, Command("start", name)]))
    told = f"coreos-cloudinit said '{error}'. Take what calls for {name} out of the user-data, or {or_else}, then run"
    assert told in sentence


def test_a_unit_that_systemd_says_nothing_of() -> None:
    seen = Applied("1", Section(1, "", ""), {}, Run(), logged=False, same=True)
    assert "is unknown to systemd. Look at" in sentence_of(seen)


def test_a_file_that_somebody_changed_meanwhile() -> None:
    assert "See who does, then run again." in sentence_of(applied(same=False))


def test_units_that_did_not_do_as_they_were_told() -> None:
    """Although coreos-cloudinit ended well."""
    bad = [Command("start", "b.service", "dependency"), Command("restart", "c.service", "failed")]
    said = sentence_of(applied(commands=[DONE, *bad]), *bad)
    assert said == (
        f"{PATH} was applied, but not all that it calls systemd for went well: 'start b.service' with 'dependency', "
        f"'restart c.service' with 'failed'."
    )
    # nobody can be asked about what is no unit
    said = sentence_of(applied(commands=[DONE, Command("start", "--all", "failed")]))
    assert said.endswith("cure that, then run again.")


@given(
    st.builds(
        applied,
        rc=st.sampled_from([0, 1, 124]),
        err=st.text(),
        unit=st.dictionaries(st.sampled_from(["Result", "ActiveState", "LoadState"]), st.text(min_size=1)),
        same=st.booleans(),
        commands=st.lists(st.builds(Command, st.text(), st.text(), st.text())),
    )
)
def test_only_units_are_asked_about(seen: Applied) -> None:
    found = of_run(seen)
    assert found is None or found.sentence.endswith(".")
    assert found is None or all(re.match(r"[^-]\S*\.[a-z]+\Z", command.unit) for command in found.commands)


def test_all_is_there() -> None:
    items = [Item("file", "/a", "/a", "same"), Item("unit", "b.service", "/b", "not_compared", "its text is encoded")]
    assert failure.of_proof(Comparison(), path=PATH) is None
    assert failure.of_proof(Comparison(items=items, units=[UnitState("b.service")]), path=PATH) is None


def test_what_is_not_there_is_named() -> None:
    items = [
        Item("file", "/a", "/a", "missing"),
        Item("file", "/b", "/b", "same"),
        Item("drop_in", "c.service/1.conf", "/c", "differs", "content, mode (0600 instead of 0644)"),
    ]
    units = [
        UnitState("d.service", asked="started", as_asked=False, why="it is failed"),
        UnitState("e.service", asked="masked", as_asked=False),
        UnitState("f.service", asked="started"),
    ]
    found = failure.of_proof(Comparison(items=items, units=units), path=PATH)
    assert found
    assert found.sentence == (
        f"{PATH} was applied without an error, yet not all that it asks for is there: file /a missing; drop-in "
        f"c.service/1.conf differs (content, mode (0600 instead of 0644)); d.service should be started and is not "
        f"(it is failed); e.service should be masked and is not. Find out what changed it since (another user-data, a "
        f"unit, an operator), then run again."
    )
    assert is_complete(found.sentence)
    assert [command.unit for command in found.commands] == ["d.service"]
    # why it is down its journal tells, and nobody has changed it
    down = failure.of_proof(Comparison(units=units[:1]), path=PATH)
    assert down
    assert "changed it" not in down.sentence
    assert [command.verb for command in down.commands] == ["start"]
    many = [Item("file", f"/{n}", f"/{n}", "missing") for n in range(1000)]
    cut = failure.of_proof(Comparison(items=many), path=PATH)
    assert cut
    assert len(cut.sentence) < 1300
    assert "…. Find out" in cut.sentence


def block(name: str, **properties: str) -> str:
    unit = {"Id": name, "LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", **properties}
    return "".join(f"{key}={value}\n" for key, value in unit.items())


class Host:
    """Tells of units that did not start, and of the network what a recorded machine told."""

    def __init__(self, *blocks: str, recording: str = "", show_rc: int = 0) -> None:
        journal = {f"{kind}-{number}": ("a line", 0) for kind in ("last", "since") for number in range(2)}
        told = {"now": ("1000", 0), "show": (blocks[0], show_rc), "jobs": ("", 0), "chain": ("\n".join(blocks), 0)}
        self.units = Saying({**told, **journal})
        self.recording = Recording(recording) if recording else None
        self.asked = 0

    def run(self, script: str) -> Completed:
        self.asked += 1
        if re.search(r"^(UNIT|BEGAN)=", script.partition("\nmain() {")[0], re.MULTILINE):
            return self.units.run(script)
        if not self.recording:
            return Completed(255, "", "the connection broke")
        return self.recording.run(script)


def test_nothing_is_asked_where_nothing_can_be() -> None:
    host = Host("")
    found = failure.cause(host, Failure("x"), timeout=30)
    assert (list(found.sentences), found.details) == ([], {})
    assert host.asked == 0


def test_why_a_unit_did_not_start() -> None:
    host = Host(block("b.service", Requires="c.mount"), block("c.mount", ActiveState="failed", Result="exit-code"))
    found = failure.cause(host, Failure("x", [Command("start", "b.service", "dependency")]), timeout=30)
    (said,) = found.sentences
    assert said.startswith("b.service did not start: its job ended with result 'dependency', because of c.mount")
    assert is_complete(said)
    assert found.details == {
        "failures": [{"unit": "b.service", "job_result": "dependency", "waits_for": ["c.mount"]}],
        "journal": {"b.service": ["a line"], "c.mount": ["a line"]},
    }


def test_not_of_every_unit() -> None:
    host = Host(block("b.service", ActiveState="failed", Result="exit-code"))
    commands = [
        Command(verb, "b.service", "failed") for verb in ("start", "stop", "reload-or-restart", "start", "start")
    ]
    found = failure.cause(host, Failure("x", commands), timeout=30)
    verbs = [re.match(r"b\.service did not (\w+)", said) for said in found.sentences]
    assert [verb and verb[1] for verb in verbs] == ["start", "stop", "restart"]
    assert host.asked == 6


def test_a_unit_that_the_host_tells_nothing_of() -> None:
    host = Host("", show_rc=1)
    found = failure.cause(host, Failure("x", [Command("start", "b.service", "failed")]), timeout=30)
    assert found.details == {"failures": [], "journal": {}}
    assert len(found.sentences) == 1
    assert "b.service did not start, and 'systemctl show' did not tell why" in found.sentences[0]


def test_what_waits_behind_the_network_is_diagnosed() -> None:
    blocks = block("b.service", Requires="flanneld.service"), block("flanneld.service", ActiveState="activating")
    host = Host(*blocks, recording="key-missing")
    found = failure.cause(host, Failure("x", [Command("start", "b.service", "dependency")]), timeout=30)
    assert [verdict["name"] for verdict in found.details["diagnosis"]["verdicts"] if verdict["kind"] == "cause"]
    assert len(found.sentences) == 2
    assert "/coreos.com/network/config" in found.sentences[1]
    assert all(map(is_complete, found.sentences))
    # what it does not know of is not diagnosed
    host = Host(block("b.service", Requires="flanneldx.service"), block("flanneldx.service"), recording="key-missing")
    found = failure.cause(host, Failure("x", [Command("start", "b.service", "dependency")]), timeout=30)
    assert "diagnosis" not in found.details


def test_a_diagnosis_that_fails_takes_nothing_from_the_rest() -> None:
    host = Host(block("docker.service", ActiveState="failed"))
    found = failure.cause(host, Failure("x", [Command("start", "docker.service", "failed")]), timeout=30)
    assert found.sentences[0].startswith("docker.service did not start")
    assert "the connection broke" in found.sentences[1]
    assert "diagnosis" not in found.details
    assert found.details["failures"]
