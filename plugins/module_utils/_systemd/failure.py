# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Why a unit did not start or stop: the job's result, the unit that held it up, and what the journal says."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Answer,
    Host,
    RemediationError,
    Section,
    ask,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    CHAIN_PROPERTIES,
    REQUIREMENTS,
    Job,
    Properties,
    blocking_chain,
    is_active,
    is_unit_name,
    job_result,
    parse_jobs,
    parse_show,
    shown,
    state_words,
)

NAMES_SH = r"""
LINE='
'

# named: the names of units in what systemctl shows; systemd 240 and later quotes one with a backslash
named() {
  sed 's/^[A-Za-z]*=//' | tr -s ' ' '\n' | sed '/^"/{ s/^"\(.*\)"$/\1/; s/\\\\/\\/g; }'
}

# is_among LINE LINES
is_among() {
  case $LINE$2$LINE in
    *"$LINE$1$LINE"*) return 0 ;;
  esac
  return 1
}
"""

WALK_SH = (
    NAMES_SH
    + r"""
# walk UNITS PROPERTIES: the units, those that they name in these properties (as `-p NAME -p NAME`), those that these
# name, and so on. It fails where not all of them can be told.
walk() {
  REACHED=$1
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    # shellcheck disable=SC2086 # units and properties are lists of words
    TOLD=$(set -f && timeout -k 1 20 systemctl show --no-pager $2 -- $REACHED) || break
    TOLD=$(printf '%s\n' "$REACHED" "$TOLD" | named | sort -u)
    if [ "$TOLD" = "$REACHED" ]; then
      printf '%s\n' "$REACHED"
      return
    fi
    REACHED=$TOLD
  done
  printf '%s\n' "$REACHED"
  return 1
}
"""
)

CHAIN_SH = (
    WALK_SH
    + r"""
# chain UNITS: what `find_failure` reads of units that did not start, in a section of that name
chain() {
  # A unit that is down leaves systemd's memory, and so the answer to '*': what is required is asked for by name.
  NEEDED=$(walk "$1" '"""
    + shown(REQUIREMENTS).strip()
    + r"""')
  # shellcheck disable=SC2046,SC2086 # names of units hold no blanks, and the list of them is split here
  section chain 20 systemctl show --no-pager"""
    + shown(CHAIN_PROPERTIES)
    + r""" -- $NEEDED '*'
}
"""
)

_BLOCKED_SH = (
    CHAIN_SH
    + r"""
set -f
section now 5 date +%s
section show 20 systemctl show --no-pager"""
    + shown(CHAIN_PROPERTIES)
    + r""" -- "$UNIT"
section jobs 20 systemctl list-jobs --no-pager --no-legend --full
chain "$UNIT"
"""
)

_JOURNAL_SH = r"""
# shellcheck disable=SC2086 # names of units hold no blanks, and the list of them is split here
set -f
# what was said just before the end may still be on its way to the journal; systemd before 228 cannot wait
timeout -k 1 10 journalctl --sync >/dev/null 2>&1 || sleep 1
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
        result: how its job ended, such as `dependency`, where the caller knows; else what is told and logged decides.
    """

    unit: Properties
    job: Job | None
    verb: str
    late: bool
    chain: list[str]
    culprit: Properties
    result: str = ""

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

    results = {f.id: f.result or job_result(f.id, told=told.err, logged=since[f.id]) for f in failures}
    sentences = [_sentence(f, results[f.id], told, timeout) for f in failures]
    return " ".join(sentences), {
        "failures": [
            {"unit": f.id, "job_result": results[f.id], "waits_for": [clean(name) for name in f.chain[1:]]}
            for f in failures
        ],
        "journal": last,
    }


def blocked_by(host: Host, unit: str, verb: str, timeout: int, *, result: str = "") -> tuple[str, dict[str, t.Any]]:
    """Look at a unit whose job somebody else waits for, or has waited for, and return what `explain` says of it.

    Args:
        host: the host.
        unit: the unit's full name.
        verb: what was asked of it: `start`, `stop` or `restart`.
        timeout: how long it has been waited for, in seconds; the journal is read since then.
        result: how its job ended, such as `dependency`; empty if it has not, or is not known.

    Raises:
        RemediationError: the host tells nothing of the unit.
    """
    answer = ask(host, _BLOCKED_SH, variables={"UNIT": unit}, needs=["systemctl", "sed"])
    show, now = answer["show"], answer["now"].out.strip()
    found = parse_show(show.out)
    if show.rc or len(found) != 1:
        seen = "no answer in time" if show.timed_out else f"'{printable(show.err or show.out)}'"
        raise RemediationError(
            f"{printable(unit)} did not {verb}, and 'systemctl show' did not tell why: exit status {show.rc}, {seen}. "
            f"Check that the host's systemd answers, then run again."
        )
    properties = found[0]
    job = next((job for job in parse_jobs(answer["jobs"].out) if job.unit == properties["Id"]), None)
    began = int(now) - timeout if re.match(r"[0-9]{1,11}\Z", now) else 0
    failure = replace(find_failure(properties, job, verb, answer, late=not result), result=result)
    sentence, details = explain(host, [failure], told=Section(0, "", ""), began=str(began), timeout=timeout)
    ended = properties.get("ActiveState") not in ("activating", "deactivating")
    if ended and not job and not details["failures"][0]["job_result"]:
        sentence = (
            f"{failure.id} is {state_words(properties)} by now, so that what waited for it goes on. Run again, with "
            f"more time if it takes long."
            if verb != "stop" and is_active(properties)
            else f"{failure.id} is {state_words(properties)}, and has no job any more that could {verb} it. "
            f"Look at its last lines in 'journal', then run again."
        )
    return sentence, details


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
