# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""One read-only look at a host's user-data and what has run it, in one round trip: the script, and what it answers.

User-data holds secrets, and Ansible prints what a task says: the content never leaves the host. Nothing here judges:
`_user_data_state` does.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import (
    Run,
    last_run,
    parse_findings,
    parse_journal,
    parse_run,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    is_unit_name,
    parse_show,
    words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import (
    SKELETON_SED,
    parse_skeleton,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import Finding, Message
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import Skeleton

MEMORY = "/var/lib/container-linux-remediation/user-data"
"""Where the digest of what was applied last is remembered: a file for each source, of mode 0600 and root's own,
named after the source's path as systemd escapes it, with the variables SHA256, APPLIED (seconds since 1970) and BOOT
(the kernel's boot id)."""

SIZE_LIMIT = 1048576
"""Bytes of a user-data; nothing but its digest is made of one that is larger."""

ALIAS_LIMIT = 20
"""Aliases of a user-data; one with more is not validated, for each may stand for all those before it."""

LIMIT = 10
"""Seconds that one command of the look may take."""

_PROPERTIES = (
    "Id LoadState ActiveState SubState Result ConditionResult ConditionTimestampMonotonic ExecMainPID ExecMainStatus "
    "ExecMainStartTimestamp ExecMainExitTimestamp InactiveExitTimestamp ActiveEnterTimestamp NeedDaemonReload "
    "FragmentPath TriggeredBy Unit"
)

# Only the runs of this boot are asked for: what those before have put into /run is gone.
_LOOK_SH = r"""
LINE='
'
TZ=UTC
export TZ

# What coreos-cloudinit says in spite of itself: a password's digest, a password that begins with * and so is the name
# of an anchor to YAML, a value that does not fit its tag, a token in a URL.
hide() {
  sed -e 's/\(--password \)[^ ]*/\1*/' -e "s/\([Uu]nknown anchor \)'.*'/\1'...'/" -e 's/\x60.*\x60/.../' \
    -e 's|\(https\{0,1\}://\)[^ ]*|\1...|g'
}

show_units() {
  PART=$1
  shift
  begin "$PART"
  # shellcheck disable=SC2086 # properties are a list of words
  SHOWN=$(timeout -k 1 "$LIMIT" systemctl show --no-pager $PROPERTIES -- "$@")
  TOLD=$?
  printf '%s\n' "$SHOWN"
  finish "$PART" "$TOLD"
}

# The first bytes decide, as they do for coreos-cloudinit.
classify() {
  case $(head -n 1 "$FILE" | head -c 256 | tr -d '\0' | sed -e 's/[[:space:]]*$//') in
    '#cloud-config') echo cloud-config ;;
    '#!'*) echo script ;;
    *)
      if [ "$(head -c 2 "$FILE" | tr '\037\213' 'gz')" = gz ]; then
        echo gzip
      elif [ "$(head -c 65536 "$FILE" | tr -d '\0' | wc -c)" -ne "$(head -c 65536 "$FILE" | wc -c)" ]; then
        echo binary
      elif [ "$(tr -d ' \t\r\n' <"$FILE" | head -c 1)" = '{' ] &&
        grep -q '"ignition\(Version\)\{0,1\}"[[:space:]]*:' "$FILE"; then
        echo ignition
      else
        echo other
      fi
      ;;
  esac
}

# count PATTERN: how often it is there
count() {
  grep -o -E "$1" "$FILE" | wc -l
}

look_into() {
  CLASS=$(classify)
  ALIASES=$(count '(^|[[:space:]{[,:-])[*][A-Za-z0-9_]+')
  begin "form-$NUMBER"
  printf '%s\n' "class=$CLASS" "aliases=$ALIASES" "crlf=$(count "$RETURN\$")" "tabs=$(count "^ *$TAB")" \
    "anchors=$(count '(^|[[:space:]{[,:-])&[A-Za-z0-9_]+')" "bom=$(head -c 3 "$FILE" | grep -c "^$BOM")"
  finish "form-$NUMBER" 0
  begin "variables-$NUMBER"
  # shellcheck disable=SC2016 # a variable of coreos-cloudinit's; after a backslash it is none
  grep -o -E '\\?\$(public|private)_ipv[46]' "$FILE" | sed -n 's/^\$//p' | sort -u
  finish "variables-$NUMBER" 0
  if [ "$CLASS" = cloud-config ]; then
    section "skeleton-$NUMBER" "$LIMIT" sed -e "$SKELETON" "$FILE"
  fi
  if [ "$VERSION" -eq 0 ] && [ "$ALIASES" -le "$ALIAS_LIMIT" ]; then
    begin "report-$NUMBER"
    REPORT=$(timeout -k 1 "$LIMIT" coreos-cloudinit --validate --from-file="$FILE" 2>&1)
    STATUS=$?
    printf '%s\n' "$REPORT" | hide
    finish "report-$NUMBER" "$STATUS"
  fi
}

look_at() {
  section "stat-$NUMBER" "$LIMIT" stat -L -c '%s %a %u %Y %z %F' -- "$FILE"
  if [ "$STATUS" -ne 0 ]; then
    return
  fi
  # what changed a moment ago may still be on its way
  AGE=$(($(date +%s) - $(stat -L -c %Z -- "$FILE")))
  if [ "$AGE" -ge -2 ] && [ "$AGE" -le 2 ]; then
    YOUNG=yes
  fi
  begin "journal-$NUMBER"
  timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o short-precise -n 2000 _SYSTEMD_UNIT="$UNIT" | hide
  finish "journal-$NUMBER" "$?"
  if [ ! -f "$FILE" ] || [ ! -s "$FILE" ]; then
    return
  fi
  section "digest-$NUMBER" "$LIMIT" sha256sum -- "$FILE"
  if [ -f "$MEMORY/$NAME" ]; then
    begin "memory-$NUMBER"
    stat -c '%a %u' -- "$MEMORY/$NAME"
    head -c 4096 "$MEMORY/$NAME"
    finish "memory-$NUMBER" 0
  fi
  if [ "$(head -c "$SIZE_LIMIT" "$FILE" | wc -c)" -lt "$SIZE_LIMIT" ]; then
    look_into
  fi
}

TAB=$(printf '\t')
RETURN=$(printf '\r')
BOM=$(printf '\357\273\277')

section os "$LIMIT" cat /etc/os-release
section version "$LIMIT" coreos-cloudinit --version
VERSION=$STATUS
begin boot
cat /proc/sys/kernel/random/boot_id
finish boot 0
section addresses "$LIMIT" sed -n 's/^\(COREOS_[A-Z0-9_]*\)=..*/\1/p' /etc/environment
set -f
# shellcheck disable=SC2086 # units are a list of words
show_units units $UNITS
if [ "$TOLD" -eq 0 ]; then
  WATCHES=$(printf '%s\n' "$SHOWN" | sed -n 's/^TriggeredBy=//p' | tr ' ' '\n' | sed -e 's/^"\(.*\)"$/\1/' \
    -e 's/\\\\/\\/g' | grep -x '[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]*\.path' | sort -u)
  # shellcheck disable=SC2086 # units are a list of words
  [ -z "$WATCHES" ] || show_units watches $WATCHES
fi
IFS=$LINE
# shellcheck disable=SC2086 # sources are a list of lines, three for each
set -- $SOURCES
unset IFS
set +f
NUMBER=0
YOUNG=
for WORD in "$@"; do
  case $((NUMBER % 3)) in
    0) FILE=$WORD ;;
    1) UNIT=$WORD ;;
    2)
      NAME=$WORD
      look_at
      ;;
  esac
  NUMBER=$((NUMBER + 1))
done
[ -z "$YOUNG" ] || sleep 1
NUMBER=0
for WORD in "$@"; do
  if [ "$((NUMBER % 3))" -eq 0 ]; then
    section "again-$((NUMBER + 2))" "$LIMIT" stat -L -c '%s %a %u %Y %z %F' -- "$WORD"
  fi
  NUMBER=$((NUMBER + 1))
done
section now "$LIMIT" date +%s
"""


@dataclass(frozen=True)
class Place:
    """Where user-data may lie: what it is called, its path, and the unit that runs it."""

    kind: str
    path: str
    unit: str


@dataclass(frozen=True)
class File:
    """What stat tells of a file: size in bytes, mode such as `644`, owner's number, times in seconds since 1970."""

    type: str
    size: int
    mode: str
    owner: int
    modified: int
    changed: float


@dataclass(frozen=True)
class Memory:
    """What was applied last, as we remember it: digest, when in seconds since 1970, and the boot's id."""

    sha256: str
    applied: float
    boot: str


@dataclass(frozen=True)
class Source:
    """What one look saw of one user-data.

    Attributes:
        place: where it lies, and what runs it.
        file: what stat tells; None where there is none.
        error: why stat told nothing, though there is something.
        moving: whether the file changed while it was looked at.
        sha256: its digest, or empty.
        form: `cloud-config`, `script`, `ignition`, `gzip`, `binary`, `empty` or `other`; empty where not known.
        counts: how many `crlf`, `tabs` (at the beginning of a line), `anchors`, `aliases`, and `bom` it has.
        variables: those that it uses, such as `public_ipv4`.
        skeleton: its structure, where it is a cloud-config.
        validation: how the host's own validation ended: 0, 1 for any finding, 2 where it has none; None if not run.
        findings: what that found.
        unit: the properties of the unit that runs it; empty where systemd told nothing.
        watches: the path units that start that unit.
        run: the last run in this boot, as its log tells it; None where there is none.
        started: when that run began, in seconds since 1970, and how exact that is, in seconds; None if there is none.
        memory: what we remember, if anything, and if nobody else could have written it.
    """

    place: Place
    file: File | None = None
    error: str = ""
    moving: bool = False
    sha256: str = ""
    form: str = ""
    counts: t.Mapping[str, int] = field(default_factory=dict)
    variables: t.Sequence[str] = ()
    skeleton: Skeleton | None = None
    validation: int | None = None
    findings: t.Sequence[Finding] = ()
    unit: Properties = field(default_factory=dict)
    watches: t.Sequence[Properties] = ()
    run: Run | None = None
    started: tuple[float, float] | None = None
    memory: Memory | None = None


@dataclass(frozen=True)
class Look:
    """What one look at a host saw.

    Attributes:
        os: the variables of os-release.
        cloudinit: the version of coreos-cloudinit, such as `1.14.0`; empty where there is none.
        boot: the kernel's boot id.
        addresses: names of the COREOS_... variables that /etc/environment sets.
        sources: every place, in the order in which they were asked for.
        partial: what is not known, and why, in sentences.
    """

    os: t.Mapping[str, str]
    cloudinit: str
    boot: str
    addresses: t.Sequence[str]
    sources: t.Sequence[Source]
    partial: t.Sequence[str] = ()


def escape_path(path: str) -> str:
    """Return a path as systemd writes it in a unit's name; `systemd-escape --path` does the same."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "-"
    escaped = []
    for index, byte in enumerate("/".join(parts).encode("utf-8", "surrogateescape")):
        char = chr(byte)
        if char == "/":
            escaped.append("-")
        elif re.match(r"[A-Za-z0-9:_.]", char) and (index or char != "."):
            escaped.append(char)
        else:
            escaped.append(f"\\x{byte:02x}")
    return "".join(escaped)


def _user(kind: str, path: str) -> Place:
    return Place(kind, path, f"user-cloudinit@{escape_path(path)}.service")


PLACES = (
    _user("vagrant", "/var/lib/coreos-vagrant/vagrantfile-user-data"),
    _user("vagrant", "/var/lib/flatcar-vagrant/vagrantfile-user-data"),
    _user("install", "/var/lib/coreos-install/user_data"),
    _user("install", "/var/lib/flatcar-install/user_data"),
    Place("configdrive", "/media/configdrive/openstack/latest/user_data", "user-configdrive.service"),
    Place("configdrive", "/media/configvirtfs/openstack/latest/user_data", "user-configvirtfs.service"),
    Place(
        "oem",
        "/usr/share/oem/cloud-config.yml",
        f"system-cloudinit@{escape_path('/usr/share/oem/cloud-config.yml')}.service",
    ),
)
"""Where the operating system looks for user-data."""


def place_of(path: str) -> Place:
    """Return the place of a given path.

    Raises:
        RemediationError: no unit can run a file of this path.
    """
    for place in PLACES:
        if place.path == path:
            return place
    place = _user("given", path)
    if not path.startswith("/") or re.search(r"(^|/)\.{1,2}(/|\Z)|\n", path) or not is_unit_name(place.unit):
        raise RemediationError(
            f"'{printable(path, limit=80)}' cannot be a user-data's path: give an absolute path without '.' and '..' "
            f"in it, with which the name of its unit stays below 256 characters."
        )
    return place


def look(host: Host, places: t.Sequence[Place] = PLACES) -> Look:
    """Look at a host's user-data, in one round trip.

    Raises:
        RemediationError: the host could not be asked.
    """
    variables = {
        "PROPERTIES": " ".join(f"-p {name}" for name in _PROPERTIES.split()),
        "UNITS": " ".join(place.unit for place in places),
        "SOURCES": "\n".join(f"{place.path}\n{place.unit}\n{escape_path(place.path)}" for place in places),
        "SKELETON": SKELETON_SED,
        "MEMORY": MEMORY,
        "SIZE_LIMIT": str(SIZE_LIMIT),
        "ALIAS_LIMIT": str(ALIAS_LIMIT),
        "LIMIT": str(LIMIT),
    }
    answer = ask(host, _LOOK_SH, variables=variables, needs=("systemctl", "journalctl", "sed", "grep", "sha256sum"))
    version = re.search(r"(?:version |v)([0-9][0-9A-Za-z.+-]*)", _out(answer, "version"))
    now = _out(answer, "now").strip()
    return Look(
        os=parse_env_file(_out(answer, "os")),
        cloudinit=printable(version[1], limit=20) if version else "",
        boot=printable(_out(answer, "boot"), limit=40),
        addresses=[printable(name, limit=60) for name in _out(answer, "addresses").split()],
        sources=_sources(answer, places, now=int(now) if re.match(r"[0-9]{1,11}\Z", now) else 0),
        partial=_partial(answer, places),
    )


def _sources(answer: Answer, places: t.Sequence[Place], *, now: int) -> list[Source]:
    units = {unit["Id"]: unit for unit in parse_show(_out(answer, "units"))}
    watches = {unit["Id"]: unit for unit in parse_show(_out(answer, "watches"))}
    sources = []
    for index, place in enumerate(places):
        unit = units.get(place.unit, {})
        starts = [watches[name] for name in words(unit.get("TriggeredBy", "")) if name in watches]
        suffix = f"-{index * 3 + 2}"
        own = {name[: -len(suffix)]: section for name, section in answer.items() if name.endswith(suffix)}
        sources.append(_source(Source(place, unit=unit, watches=starts), own, now))
    return sources


def _source(bare: Source, own: Answer, now: int) -> Source:
    """Return a source with what the host told of its file and its unit's last run, in sections of its own."""
    file = _file(_out(own, "stat"))
    if not file:
        said = printable(own["stat"].err) if "stat" in own else ""
        return replace(bare, error="" if "No such file or directory" in said else said)
    messages = last_run(parse_journal(_out(own, "journal")))
    form = parse_env_file(_out(own, "form"))
    digest = re.match(r"\s*\\?([0-9a-f]{64}) ", _out(own, "digest"))
    report = own.get("report")
    has_skeleton = "skeleton" in own and not own["skeleton"].rc
    return replace(
        bare,
        file=file,
        moving=_file(_out(own, "again")) != file,
        sha256=digest[1] if digest else "",
        form="empty" if not file.size and file.type.startswith("regular") else printable(form.get("class", "")),
        counts={
            name: int(value) for name, value in form.items() if name != "class" and re.match(r"[0-9]{1,9}\Z", value)
        },
        variables=[printable(name, limit=20) for name in _out(own, "variables").split()],
        skeleton=parse_skeleton(own["skeleton"].out) if has_skeleton else None,
        validation=report.rc if report else None,
        findings=parse_findings(report.out) if report else (),
        run=parse_run(message.text for message in messages) if messages else None,
        started=_started(messages[0] if messages else None, bare.unit, now),
        memory=_memory(_out(own, "memory")),
    )


_STAT = re.compile(
    r"\s*([0-9]{1,15}) ([0-7]{1,5}) ([0-9]{1,10}) (-?[0-9]{1,11}) "
    r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})? \+0000 (.+?)\s*\Z"
)


def _file(text: str) -> File | None:
    match = _STAT.match(text)
    if not match:
        return None
    changed = _seconds(*match.groups(default="")[4:11])
    if changed is None:
        return None
    return File(
        type=printable(match[12], limit=60),
        size=int(match[1]),
        mode=match[2],
        owner=int(match[3]),
        modified=int(match[4]),
        changed=changed,
    )


def _seconds(year: str, month: str, day: str, hour: str, minute: str, second: str, fraction: str = "") -> float | None:
    try:
        whole = datetime.datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=datetime.timezone.utc
        ).timestamp()
    except ValueError:
        return None
    return whole + float(f"0{fraction or '.0'}")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AT = re.compile(r"([A-Z][a-z]{2}) ([ 0-9][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,6})?\Z")
_SHOWN = re.compile(r"[A-Z][a-z]{2} ([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) UTC\Z")


def _started(first: Message | None, unit: Properties, now: int) -> tuple[float, float] | None:
    """When the last run began: by its first message, to the microsecond, if the journal has it; else by systemd."""
    match = _AT.match(first.at) if first else None
    if first and match and match[1] in _MONTHS and str(first.pid) == unit.get("ExecMainPID", str(first.pid)):
        # the journal tells no year: of this one and the one before, the one that is not in the future
        this_year = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).year
        month, day, *time = match.groups(default="")
        for year in (this_year, this_year - 1):
            found = _seconds(str(year), str(_MONTHS.index(month) + 1), day, *time)
            if found is not None and found < now + 86400:
                return found, 0.0 if match[6] else 1.0
    shown = _SHOWN.match(unit.get("ExecMainStartTimestamp", ""))
    found = _seconds(*shown.groups()) if shown else None
    return None if found is None else (found, 1.0)


def _memory(text: str) -> Memory | None:
    owner, _newline, rest = text.strip().partition("\n")
    variables = parse_env_file(rest)
    sha256, applied, boot = (variables.get(name, "") for name in ("SHA256", "APPLIED", "BOOT"))
    # what others could have written proves nothing
    if (
        owner != "600 0"
        or not re.match(r"[0-9a-f]{64}\Z", sha256)
        or not re.match(r"[0-9]{1,11}(\.[0-9]{1,9})?\Z", applied)
    ):
        return None
    return Memory(sha256=sha256, applied=float(applied), boot=printable(boot, limit=40))


def _out(answer: Answer, name: str) -> str:
    return answer[name].out if name in answer else ""


_ASKED = {
    "units": "systemctl show (of the units that run user-data)",
    "watches": "systemctl show (of the path units)",
    "digest": "sha256sum",
    "journal": "journalctl",
    "skeleton": "sed (over the user-data)",
    "report": "coreos-cloudinit --validate",
}


def _partial(answer: Answer, places: t.Sequence[Place]) -> list[str]:
    sentences = []
    for name, section in answer.items():
        what, _dash, number = name.partition("-")
        # validation ends with 1 where it found something, with 2 where it is older than that
        if what not in _ASKED or not section.rc or (what == "report" and not section.timed_out):
            continue
        of = (
            f" for {printable(places[int(number) // 3].path)}"
            if number.isdecimal() and int(number) // 3 < len(places)
            else ""
        )
        seen = f"did not end within {LIMIT} s" if section.timed_out else f"ended with status {section.rc}"
        said = f" and said '{printable(section.err)}'" if section.err.strip() else ""
        sentences.append(f"{_ASKED[what]}{of} {seen}{said}; what it would have told is missing.")
    return sentences
