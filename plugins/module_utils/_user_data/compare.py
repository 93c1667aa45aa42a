# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Whether what a cloud-config asks for is there: one read-only script, and what it answers.

Content never leaves the host: it is the host that takes each text out of the user-data, by its lines, and compares it
with what coreos-cloudinit makes of it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    missing,
    out_of,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    SNAPSHOT_SH,
    Snapshot,
    left_variables,
    parse_snapshot,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import host_path, targets
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.texts import (
    TEXTS_SH,
    text_variables,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import (
    UNITS_SH,
    runtime_masks,
    unit_states,
    unit_variables,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import Target
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState

State = t.Literal["same", "differs", "missing", "not_compared"]

LIMIT = 10
"""Seconds that one command of the comparison may take."""

SIZE_LIMIT = 16777216
"""Bytes of a content that is encoded in the user-data; what is larger is not compared."""

UNWRITTEN = "its content is empty, and coreos-cloudinit does not write it"

# Where the texts of a user-data lie while they are compared; elsewhere only in tests.
_RUN = "/run"

_COMPARE_SH = r"""
# Words are pairs: what is to be there, and what is.
compare_pairs() {
  [ "$#" -gt 0 ] || return 0
  # a shell that has no room for these lines skips the loop
  STATS=$STATS$LINE$(timeout -k 1 "$LIMIT" stat -c '%a %u %g %U %G' -- "$@")
  while read -r WANTED REST && read -r FOUND REST; do
    if [ "${WANTED#\\}" = "${FOUND#\\}" ]; then
      SAME="$SAME same"
    else
      SAME="$SAME differs"
    fi
  done <<END || return
$(timeout -k 1 "$LIMIT" sha256sum -- "$@")
END
}

compare_all() {
  set --
  KINDS=
  STATS=
  SAME=
  EMPTY=
  while read -r TEXT && IFS= read -r TARGET; do
    WANTED=$TEXT
    while [ -e "$WANTED." ]; do
      WANTED=$WANTED.
    done
    [ -s "$WANTED" ] || EMPTY="$EMPTY $TEXT"
    if [ -L "$TARGET" ]; then
      KINDS="$KINDS link"
    elif [ -f "$TARGET" ]; then
      KINDS="$KINDS file"
      [ -e "$WANTED" ] || WANTED=/dev/null
      set -- "$@" "$WANTED" "$TARGET"
    elif [ -e "$TARGET" ]; then
      KINDS="$KINDS other"
    else
      KINDS="$KINDS absent"
    fi
    if [ "$#" -ge 100 ]; then
      compare_pairs "$@" || return
      set --
    fi
  done <<END || return
$TARGETS
END
  compare_pairs "$@"
}

compare_files() {
  begin work
  WORK=$(mktemp -d "$RUN/container-linux-remediation.XXXXXX") &&
    trap 'rm -f -r "$WORK"' EXIT &&
    trap 'exit 1' HUP INT PIPE TERM &&
    cd "$WORK" &&
    if [ -n "$HAS_CONTENT" ]; then
      FILE=$WORK/content
      printf '%s' "$CONTENT" >"$FILE"
    fi
  STATUS=$?
  finish work "$STATUS"
  [ "$STATUS" -eq 0 ] || return
  if [ -n "$SHA256" ]; then
    FOUND=$(timeout -k 1 "$LIMIT" sha256sum -- "$FILE")
    FOUND=${FOUND%% *}
    if [ "${FOUND#\\}" != "$SHA256" ]; then
      begin moved
      finish moved 0
      return
    fi
  fi
  begin extract
  [ -z "$TEXTS" ] || extract
  finish extract "$?"
  begin compare
  compare_all
  finish compare "$?"
  for PART in DOUBTS KINDS STATS SAME EMPTY; do
    begin "$PART"
    eval "printf '%s\n' \"\$$PART\""
    finish "$PART" 0
  done
}

set -f
if [ -n "$TARGETS" ]; then
  compare_files
fi
if [ -n "$HOSTNAME" ]; then
  begin hostname
  cat /proc/sys/kernel/hostname
  finish hostname "$?"
fi
if [ -n "$USERS" ]; then
  # a password that stands there, as none should, is not told
  begin users
  # shellcheck disable=SC2086 # users are a list of words
  timeout -k 1 "$LIMIT" getent passwd $USERS | sed -e 's/:.*/:/'
  finish users 0
fi
"""


@dataclass(frozen=True)
class Item:
    """A file that the cloud-config asks for.

    Attributes:
        kind: `file`, `unit` or `drop_in`.
        name: of a unit or drop-in such as `docker.service` or `docker.service/40-flannel.conf`; of a file its path.
        path: where coreos-cloudinit writes it.
        state: whether it is there as asked.
        why: why it was not compared, or what differs: content, mode, owner.
    """

    kind: str
    name: str
    path: str
    state: State
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """What a cloud-config asks for, held against its host.

    Attributes:
        items: files, units and drop-ins, each path once.
        units: every unit that is named.
        hostname: the host's own, where the cloud-config asks for one.
        users: those of the users asked for that the host has.
        masks: the units that are masked in /run, of those that coreos-cloudinit deals with there.
        snapshot: the units that it writes to, and their files, where that was asked for.
        partial: what is not known, and why, in sentences.
    """

    items: t.Sequence[Item] = ()
    units: t.Sequence[UnitState] = ()
    hostname: str = ""
    users: t.Sequence[str] = ()
    masks: t.Sequence[str] = ()
    snapshot: Snapshot | None = None
    partial: t.Sequence[str] = ()

    @property
    def reloads(self) -> bool:
        """Whether coreos-cloudinit would have systemd read its files anew: it does where it writes any for a unit."""
        return any(item.kind != "file" and item.why != UNWRITTEN for item in self.items)


class Question(t.NamedTuple):
    """What a host is asked, to hold a cloud-config against it: a script, and the variables that it reads."""

    script: str
    variables: t.Mapping[str, str]


def compare(
    host: Host,
    asked: Asked,
    *,
    path: str = "",
    content: str | None = None,
    sha256: str = "",
    snapshot: bool = False,
) -> Comparison:
    """Hold what a cloud-config asks for against its host, in one round trip; nothing is changed.

    Args:
        host: the host.
        asked: what it asks for.
        path: where the user-data lies on the host.
        content: the user-data itself, where it is not yet there.
        sha256: the digest of the user-data that was looked at, if it is to be made sure that it is still the same.
        snapshot: whether to tell, too, what `forecast` needs to know.

    Raises:
        RemediationError: the host could not be asked, or the user-data is another one than was looked at.
    """
    script, variables = question(asked, path=path, content=content, sha256=sha256)
    if snapshot:
        script += f"{SNAPSHOT_SH}snapshot snapshot\n"
        variables = {**variables, **left_variables(asked, Written(), Written())}
    needs = ("systemctl", "sed", "sha256sum", "mktemp", "truncate")
    answer = ask(host, script, variables={**variables, "LIMIT": str(LIMIT)}, needs=needs)
    return comparison(answer, asked, path=path)


def question(asked: Asked, *, path: str = "", content: str | None = None, sha256: str = "") -> Question:
    """Return what to ask a host, for the arguments of `compare`. The script also reads LIMIT, in seconds."""
    _wanted, sendable, texts = _targets(asked)
    numbers = _numbers(texts)
    variables = {
        **text_variables([(target.text, target.encoding) for target in texts if target.text]),
        **unit_variables(asked),
        "FILE": path,
        "HAS_CONTENT": "" if content is None else "yes",
        "CONTENT": content or "",
        "SHA256": sha256 if content is None else "",
        # the OEM's unit has no environment
        "ENVIRONMENT": "" if path == "/usr/share/oem/cloud-config.yml" else host_path("/etc", "environment"),
        "TARGETS": "\n".join(f"{numbers.get(target.path, 0)}\n{target.path}" for target in sendable),
        "HOSTNAME": asked.hostname,
        # a user's name stands in a list of words; one that is none cannot be there
        "USERS": " ".join(name for name in asked.users if re.match(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z", name)),
        "RUN": _RUN,
        "BLOCK_LIMIT": str(SIZE_LIMIT // 512),
    }
    return Question(f"{TEXTS_SH}{_COMPARE_SH}{UNITS_SH}", variables)


def comparison(answer: Answer, asked: Asked, *, path: str) -> Comparison:
    """Return what a host answered to the `question` about a cloud-config at a path.

    Raises:
        RemediationError: the user-data is another one than was looked at.
    """
    if "moved" in answer:
        raise RemediationError(
            f"The user-data {printable(path)} is another one than was looked at a moment ago. Wait until it is "
            f"settled, then run again."
        )
    wanted, sendable, texts = _targets(asked)
    told, whole = _items(answer, sendable, _numbers(texts))
    items = [
        told.get(target.path) or Item(target.kind, target.name, target.path, "not_compared", "its path has line breaks")
        for target in wanted
    ]
    return Comparison(
        items=items,
        units=unit_states(answer, asked),
        hostname=printable(out_of(answer, "hostname"), limit=100),
        users=[
            name for name in asked.users if re.search(rf"^{re.escape(name)}:", out_of(answer, "users"), re.MULTILINE)
        ],
        masks=runtime_masks(answer),
        snapshot=parse_snapshot(out_of(answer, "snapshot")) if "snapshot" in answer else None,
        partial=_partial(answer, whole=whole),
    )


def _targets(asked: Asked) -> tuple[list[Target], list[Target], list[Target]]:
    """Return all targets, those whose paths can be sent, and of these the ones with a text, in the order of that."""
    wanted = targets(asked)
    # a script's lists have one item a line
    sendable = [target for target in wanted if "\n" not in target.path]
    texts = sorted(((target.text.key, place) for place, target in enumerate(sendable) if target.text))
    return wanted, sendable, [sendable[place] for _line, place in texts]


def _numbers(texts: t.Sequence[Target]) -> dict[str, int]:
    return {target.path: number for number, target in enumerate(texts, 1)}


def _items(answer: Answer, wanted: t.Sequence[Target], numbers: t.Mapping[str, int]) -> tuple[dict[str, Item], bool]:
    """Return an item for each path, and whether the host told of all of them."""
    doubts: dict[int, str] = {}
    for row in out_of(answer, "DOUBTS").splitlines():
        digits, _blank, doubt = row.partition(" ")
        if digits.isdecimal():
            doubts.setdefault(int(digits), printable(doubt))
    kinds = out_of(answer, "KINDS").split()
    stats = [row.split(" ") for row in out_of(answer, "STATS").splitlines() if row][1::2]
    same = out_of(answer, "SAME").split()
    files = kinds.count("file")
    whole = len(kinds) == len(wanted) and len(stats) == len(same) == files
    extracted = "extract" in answer and not answer["extract"].rc
    empty = {int(digits) for digits in out_of(answer, "EMPTY").split() if digits.isdecimal()}
    items = {}
    position = 0
    for index, target in enumerate(wanted):
        kind = kinds[index] if whole else ""
        state, why = _judge(target, kind)
        number = numbers.get(target.path, 0)
        untold = f"its {' and '.join(target.untold)} could not be read" if target.untold else ""
        if untold and target.kind != "file":
            # where it is to be written is not known
            state, why = "not_compared", untold
            position += kind == "file"
        elif number and number in empty and target.kind != "file" and extracted and number not in doubts:
            state, why = "not_compared", UNWRITTEN
            position += kind == "file"
        elif kind == "file":
            differing = _differing(target, stats[position])
            doubt = target.made or doubts.get(number, "")
            if "encoding" in target.untold or "content" in target.untold:
                doubt = untold
            if target.text and not extracted:
                doubt = doubt or "its text could not be taken out of the user-data"
            if same[position] != "same" and not doubt:
                differing.insert(0, "content")
            state, why = ("differs", ", ".join(differing)) if differing else ("same", "")
            if (doubt or untold) and not differing:
                state, why = "not_compared", doubt or untold
            position += 1
        items[target.path] = Item(target.kind, target.name, target.path, state, why)
    return items, whole


def _judge(target: Target, kind: str) -> tuple[State, str]:
    """Return what is to be said where there is no file to be compared."""
    if kind == "absent":
        return "missing", ""
    if kind == "link":
        return "differs", "a symbolic link is in its place"
    if kind == "other":
        return "differs", "something that is no file is in its place"
    return "not_compared", "the host did not tell"


def _differing(target: Target, stat: t.Sequence[str]) -> list[str]:
    if len(stat) != 5 or not re.match(r"[0-7]{1,5}\Z", stat[0]):
        return []
    mode, uid, gid, user, group = stat
    found = []
    if int(mode, 8) != target.mode and "permissions" not in target.untold:
        found.append(f"mode (0{int(mode, 8):o} instead of 0{target.mode:o})")
    if "owner" not in target.untold and not _is_owner(target.owner, user=(user, uid), group=(group, gid)):
        wanted = target.owner if re.search("[:.]", target.owner) else f"{target.owner or 'root'}:root"
        found.append(f"owner ({printable(user, limit=40)}:{printable(group, limit=40)} instead of {wanted})")
    return found


def _is_owner(wanted: str, *, user: t.Sequence[str], group: t.Sequence[str]) -> bool:
    """Whether a file's user and group, each by name and number, are those that chown makes of what is asked for."""
    name, mark, owning = wanted.partition(":")
    if not mark and wanted not in user:
        name, mark, owning = wanted.partition(".")  # as it was written once
    if (name or "root") not in user:
        return False
    # with nothing behind the mark it is the user's own group, which is not known here
    return bool(mark and not owning) or (owning or "root") in group


_ASKED = {
    "work": "mktemp (in /run)",
    "extract": "sed (over the user-data)",
    "compare": "The comparison of files",
    "units": "systemctl show",
    "snapshot": "systemctl show, or sha256sum (over the files of units)",
}


def _partial(answer: Answer, *, whole: bool) -> list[str]:
    failed = [name for name in _ASKED if name in answer and answer[name].rc]
    sentences = [missing(_ASKED[name], answer[name], limit=LIMIT) for name in failed]
    return sentences if sentences or whole else ["stat or sha256sum did not tell of every file that is to be there."]
