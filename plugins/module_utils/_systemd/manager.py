# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""systemd as a host runs it: one round trip reads units, one changes them and reads them again."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Answer,
    Host,
    RemediationError,
    ask,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import CHAIN_SH
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    Job,
    Properties,
    is_unit_name,
    parse_jobs,
    parse_show,
    shown,
    words,
)

_PROPERTIES = (
    "Id",
    "LoadState",
    "LoadError",
    "ActiveState",
    "SubState",
    "Result",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "Type",
    "RemainAfterExit",
)


_READ_SH = (
    r"""
# shellcheck disable=SC2086 # names of units hold no blanks, and the lists of them are split here
set -f
read_units() {
  section show 20 systemctl show --no-pager"""
    + shown(_PROPERTIES)
    + r""" -- $UNITS
  section jobs 20 systemctl list-jobs --no-pager --no-legend --full
  NUMBER=0
  for NAME in $UNITS; do
    section "enabled-$NUMBER" 20 systemctl is-enabled -- "$NAME"
    begin "disk-$NUMBER"
    unit_files
    finish "disk-$NUMBER" 0
    NUMBER=$((NUMBER + 1))
  done
}

# What systemd does not notice by itself: a unit's first drop-in, and a file that goes before its fragment.
unit_files() (
  set +f
  for DIRECTORY in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system; do
    for FILE in "$DIRECTORY/$NAME" "$DIRECTORY/$NAME.d"/*.conf "$DIRECTORY/${NAME%%@*}@.${NAME##*.}.d"/*.conf; do
      if [ -f "$FILE" ] && [ -s "$FILE" ] && [ ! -L "$FILE" ]; then
        printf '%s\n' "$FILE"
      fi
    done
  done
)
"""
)

_PROBE_SH = _READ_SH + "read_units\n"

_ACT_SH = (
    _READ_SH
    + CHAIN_SH
    + r"""
change() {
  section "$1" 60 systemctl --no-ask-password "$@"
}

# The unit files first: what is started must be what is on disk and asked for.
act() {
  if [ -n "$RELOAD" ]; then
    change daemon-reload || return
  fi
  if [ -n "$UNMASK" ]; then
    change unmask -- $UNMASK || return
    change unmask --runtime -- $UNMASK || return
  fi
  if [ -n "$ENABLE" ]; then
    change enable -- $ENABLE || return
  fi
  if [ -n "$DISABLE" ]; then
    change disable -- $DISABLE || return
    change disable --runtime -- $DISABLE || return
  fi
  if [ -n "$MASK" ]; then
    change mask -- $MASK || return
  fi
  if [ -n "$TARGETS" ]; then
    section job "$TIMEOUT" systemctl --no-ask-password "$VERB" -- $TARGETS || wait_for_the_starting
  fi
}

# A unit that systemd was starting before this call may be between two attempts of its own. It is not started
# again, which would only wear out its limit of starts: the next attempt is waited for.
wait_for_the_starting() {
  while [ -n "$STARTING" ] && [ "$(($(date +%s) - BEGAN))" -lt "$TIMEOUT" ] && any_starting; do
    sleep 1
  done
  return 1
}

# An attempt that was cut short is "deactivating", and for a moment "inactive" with a job.
any_starting() {
  timeout -k 1 20 systemctl show -p ActiveState -p Job -- $STARTING |
    grep -q -E '^(ActiveState=(de)?activating|Job=[1-9])'
}

section began 5 date +%s
BEGAN=$(date +%s)
DONE=1
act || DONE=
read_units
if [ -z "$DONE" ] && [ -n "$TARGETS" ]; then
  chain "$TARGETS"
fi
"""
)


@dataclass(frozen=True)
class Unit:
    """One unit as the host described it."""

    properties: Properties
    file_state: str
    job: Job | None
    on_disk: list[str]
    """The paths of its own files and drop-ins (regular ones), those that go before others first."""

    @property
    def id(self) -> str:
        return self.properties["Id"]

    @property
    def load(self) -> str:
        return self.properties.get("LoadState", "")

    @property
    def active(self) -> str:
        return self.properties.get("ActiveState", "")

    @property
    def fragment(self) -> str:
        return self.properties.get("FragmentPath", "")

    @property
    def masked(self) -> bool:
        return self.load == "masked" or self.file_state in ("masked", "masked-runtime")

    @property
    def enabled(self) -> bool:
        return self.file_state in ("enabled", "enabled-runtime")

    @property
    def drop_ins(self) -> list[str]:
        return words(self.properties.get("DropInPaths", ""))

    @property
    def stale(self) -> bool:
        """Whether its files changed on disk since systemd read them."""
        known = {path.rpartition("/")[2] for path in self.drop_ins}
        new = [path for path in self.on_disk if ".d/" in path and path.rpartition("/")[2] not in known]
        own = [path for path in self.on_disk if ".d/" not in path]
        shadowed = bool(own) and own[0].startswith(("/etc/", "/run/")) and own[0] != self.fragment
        return (
            self.properties.get("NeedDaemonReload") == "yes"
            or (self.load == "loaded" and (bool(new) or shadowed))
            or (self.load == "not-found" and not self.missing)
        )

    @property
    def missing(self) -> bool:
        """Whether neither systemd nor the disk knows it."""
        return self.load == "not-found" and not self.file_state

    @property
    def up(self) -> bool:
        return self.active in ("active", "reloading") and not (self.job and self.job.type == "stop")

    @property
    def down(self) -> bool:
        return self.active in ("inactive", "failed") and not (self.job and self.job.type != "stop")

    @property
    def passes(self) -> bool:
        """Whether a successful start leaves it inactive, as it only runs something once."""
        return self.properties.get("Type") == "oneshot" and self.properties.get("RemainAfterExit") == "no"

    def result(self) -> dict[str, t.Any]:
        """Return the unit for the module's result."""
        shown = {
            "id": self.id,
            "load_state": self.load,
            "active_state": self.active,
            "sub_state": self.properties.get("SubState", ""),
            "result": self.properties.get("Result", ""),
            "unit_file_state": self.file_state,
            "fragment": self.fragment,
            "job": f"{self.job.type} {self.job.state}" if self.job else "",
        }
        return {
            **{key: clean(value) for key, value in shown.items()},
            "drop_ins": [clean(path) for path in self.drop_ins],
            "need_daemon_reload": self.stale,
        }


@dataclass(frozen=True)
class Plan:
    """What is to be done, by unit `Id`; a plan that is false has nothing to do."""

    reload: bool
    unmask: list[str]
    enable: list[str]
    disable: list[str]
    mask: list[str]
    verb: str
    targets: list[str]
    starting: list[str]

    def __bool__(self) -> bool:
        return bool(self.actions())

    def actions(self) -> list[str]:
        """Return the verbs and units, in the order in which they are run."""
        lists = (
            ("unmask", self.unmask),
            ("enable", self.enable),
            ("disable", self.disable),
            ("mask", self.mask),
            (self.verb, self.targets),
        )
        reload = ["daemon-reload"] if self.reload else []
        return reload + [f"{verb} {' '.join(units)}" for verb, units in lists if units]


def look(host: Host, names: t.Sequence[str]) -> dict[str, Unit]:
    """Return the units by the names asked for. Raises RemediationError."""
    return _units(ask(host, _PROBE_SH, variables={"UNITS": " ".join(names)}, needs=["systemctl"]), names)


def act(host: Host, ids: t.Sequence[str], plan: Plan, *, timeout: int) -> tuple[Answer, dict[str, Unit]]:
    """Carry out a plan, and return how each step ended and the units after it. Raises RemediationError.

    Args:
        host: the host.
        ids: the units to read again, by `Id`: an alias may be gone by then, as disabling a unit removes it.
        plan: what to do.
        timeout: seconds that the units may take to start or stop, all of them together.

    The answer has a section for each step of the plan up to the first that failed: `daemon-reload`, `unmask`,
    `enable`, `disable`, `mask`, `job`. `began` is the host's clock at the start; `jobs` and, where a job failed,
    `chain` are what `find_failure` reads.
    """
    variables = {
        "UNITS": " ".join(ids),
        "RELOAD": "1" if plan.reload else "",
        "UNMASK": " ".join(plan.unmask),
        "ENABLE": " ".join(plan.enable),
        "DISABLE": " ".join(plan.disable),
        "MASK": " ".join(plan.mask),
        "VERB": plan.verb,
        "TARGETS": " ".join(plan.targets),
        "STARTING": " ".join(plan.starting),
        "TIMEOUT": str(timeout),
    }
    answer = ask(host, _ACT_SH, variables=variables, needs=["systemctl", "grep", "sed"])
    return answer, _units(answer, ids)


def _units(answer: Answer, names: t.Sequence[str]) -> dict[str, Unit]:
    show, jobs = answer["show"], answer["jobs"]
    blocks = parse_show(show.out)
    if show.rc or len(blocks) != len(names) or not all(is_unit_name(block["Id"]) for block in blocks):
        seen = "no answer in time" if show.timed_out else f"'{printable(show.err or show.out)}'"
        raise RemediationError(
            f"'systemctl show' did not describe {', '.join(names)}: exit status {show.rc}, {seen}. "
            f"Check that the host runs systemd, and that the user may ask it, then run again."
        )
    queued = {job.unit: job for job in parse_jobs(jobs.out)}
    units = {}
    for number, (name, block) in enumerate(zip(names, blocks)):
        said = answer[f"enabled-{number}"].out.strip()
        # is-enabled looks at the disk, the property may be what systemd remembers; of an alias only the latter tells
        on_disk = said if block["Id"] == name and said != "alias" else ""
        state = on_disk or block.get("UnitFileState", "")
        units[name] = Unit(
            properties=block,
            file_state="" if state == "not-found" else state,
            job=queued.get(block["Id"]),
            on_disk=answer[f"disk-{number}"].out.splitlines(),
        )
    return units
