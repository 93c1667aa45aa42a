# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Why a unit did not start or stop: the job's result, the unit that held it up, and what the journal says."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Answer,
    Host,
    Section,
    ask,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    Job,
    Properties,
    blocking_chain,
    is_unit_name,
    job_result,
    parse_jobs,
    parse_show,
    state_words,
)

_JOURNAL_SH = r"""
# shellcheck disable=SC2086 # names of units hold no blanks, and the list of them is split here
set -f
NUMBER=0
for NAME in $UNITS; do
  section "last-$NUMBER" 20 journalctl --no-pager -q -b -n 10 -o short-iso -u "$NAME"
  section "since-$NUMBER" 20 journalctl --no-pager -q -n 50 -o cat --since "@$BEGAN" -u "$NAME"
  NUMBER=$((NUMBER + 1))
done
"""


@dataclass(frozen=True)
class Failure:
    """One unit's failed job.

    Attributes:
        unit: its properties after the attempt.
        job: its job, if one is still there.
        verb: what was asked of it: `start`, `stop` or `restart`.
        late: whether it was waited for until the time limit passed.
        chain: the units from it down to the one that holds it up, itself first.
        culprit: that last one's properties.
    """

    unit: Properties
    job: Job | None
    verb: str
    late: bool
    chain: list[str]
    culprit: Properties

    @property
    def id(self) -> str:
        return self.unit["Id"]


def find_failure(unit: Properties, job: Job | None, verb: str, answer: Answer, *, late: bool) -> Failure:
    """Return a unit's failure with what held it up, from the sections `chain` and `jobs` of the attempt."""
    loaded = {block["Id"]: block for block in parse_show(answer["chain"].out)} if "chain" in answer else {}
    chain = blocking_chain(unit["Id"], loaded, parse_jobs(answer["jobs"].out)) if verb != "stop" else [unit["Id"]]
    return Failure(unit, job, verb, late, chain, loaded.get(chain[-1], {"LoadState": "not-found"}))


def explain(
    host: Host, failures: t.Sequence[Failure], *, told: Section, began: str, timeout: int
) -> tuple[str, dict[str, t.Any]]:
    """Ask the journal about failed units, and return a message and the result keys that go with it.

    Args:
        host: the host.
        failures: what failed.
        told: how `systemctl` itself ended.
        began: when it was called, seconds since the epoch, as the host's clock says.
        timeout: the time limit it was given, in seconds.
    """
    asked = [name for failure in failures for name in (failure.id, failure.chain[-1]) if is_unit_name(name)]
    asked = list(dict.fromkeys(asked))
    answer = ask(host, _JOURNAL_SH, variables={"UNITS": " ".join(asked), "BEGAN": began}, needs=["journalctl"])
    last = {name: clean(answer[f"last-{number}"].out).splitlines() for number, name in enumerate(asked)}
    since = {name: answer[f"since-{number}"].out for number, name in enumerate(asked)}

    results = {f.id: job_result(f.id, told=told.err, logged=since[f.id]) for f in failures}
    sentences = [_sentence(f, results[f.id], told, timeout) for f in failures]
    return " ".join(sentences), {
        "failures": [
            {"unit": f.id, "job_result": results[f.id], "waits_for": [clean(name) for name in f.chain[1:]]}
            for f in failures
        ],
        "journal": last,
    }


def next_step(words: str) -> str:
    """Return what to do about words of `systemctl` itself."""
    if re.search(r"denied|authentication|not permitted", words, re.IGNORECASE):
        return "Let the task become root ('become: true'), then run again."
    return "Cure what it names, then run again."


def _sentence(failure: Failure, result: str, told: Section, timeout: int) -> str:
    head = f"{failure.id} did not {failure.verb}"
    state = state_words(failure.unit)
    if failure.late and (failure.job or failure.unit.get("ActiveState") in ("activating", "deactivating")):
        return f"{head} within {timeout} s: {_going_on(failure, state)}"
    if result == "dependency":
        return f"{head}: its job ended with result 'dependency', {_dependency(failure)}"
    if result:
        return (
            f"{head}: its job ended with result '{result}', and it is {state}. "
            f"Cure what its last lines in 'journal' tell of, then run again."
        )
    # of several units systemctl tells only about those whose jobs failed
    about_another = "Job for " in told.err and failure.id not in told.err
    if told.rc and told.err.strip() and not about_another:
        said = printable(told.err)
        return f"{head}: systemctl ended with exit status {told.rc} and said '{said}'. {next_step(told.err)}"
    if failure.verb == "stop":
        return f"{head}: its job ended well, yet it is {state} again. Stop what starts it, such as its socket, too."
    cause = "It ended by itself"
    if failure.unit.get("ActiveState") == "inactive":
        cause += ", or a condition of its unit file is not met"
    return (
        f"{head}: its job ended well, yet it is {state}. {cause}: "
        f"cure what its last lines in 'journal' tell of, then run again."
    )


def _going_on(failure: Failure, state: str) -> str:
    if not failure.job:
        return (
            f"it is {state}, and systemd goes on by itself. "
            f"Cure what its last lines in 'journal' tell of, or give a longer 'timeout'."
        )
    job = f"its {failure.job.type} job {failure.job.id}"
    if len(failure.chain) == 1:
        return (
            f"it is {state}, and {job} is still {failure.job.state} and goes on without Ansible. "
            f"Cure what its last lines in 'journal' tell of, or give a longer 'timeout'."
        )
    return (
        f"{job} still waits behind {_culprit(failure)}, and goes on without Ansible. Cure {failure.chain[-1]} "
        f"(its last lines are in 'journal'), or end the waiting with 'systemctl cancel {failure.job.id}'."
    )


def _dependency(failure: Failure) -> str:
    if len(failure.chain) == 1:
        return "yet nothing that it requires is down any more. Run again."
    return (
        f"because of {_culprit(failure)}. Cure {failure.chain[-1]} first "
        f"(its last lines are in 'journal'), then run again."
    )


def _culprit(failure: Failure) -> str:
    through = f", through {', '.join(failure.chain[1:-1])}" if len(failure.chain) > 2 else ""
    return printable(f"{failure.chain[-1]}, which is {state_words(failure.culprit)}{through}")
