# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""One read-only look at a host's units and their files, in one round trip: the script, and what it answers."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Section,
    ask,
    missing,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import parse_unit_file
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    parse_jobs,
    parse_show,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import Line, Setting
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Job, Properties

_EDGES = (
    "Requires RequiresOverridable Requisite RequisiteOverridable BindsTo Wants Upholds PartOf Conflicts Before After "
    "OnFailure OnSuccess Triggers TriggeredBy "
    "RequiredBy RequiredByOverridable RequisiteOf RequisiteOfOverridable BoundBy WantedBy UpheldBy ConsistsOf "
    "ConflictedBy OnFailureOf OnSuccessOf"
)
PROPERTIES = (
    "Id Names LoadState ActiveState SubState Result UnitFileState FragmentPath DropInPaths NeedDaemonReload "
    "Type RemainAfterExit AssertResult AssertTimestampMonotonic ConditionResult ConditionTimestampMonotonic "
    "InactiveExitTimestampMonotonic "
    f"DefaultDependencies InactiveExitTimestamp RequiresMountsFor WantsMountsFor {_EDGES}"
)
"""What is asked of each unit; of these, a version of systemd leaves out what it does not know."""

# The settings that make a dependency, or that switch a rule of systemd on. No others leave the host: what a unit
# runs, and in what environment, may hold secrets.
KEYS = (
    "Requires RequiresOverridable Requisite RequisiteOverridable BindsTo BindTo Wants Upholds PartOf Conflicts "
    "Before After OnFailure OnSuccess RequiresMountsFor WantsMountsFor Sockets Service Unit Slice BusName "
    "BindToDevice LogNamespace WorkingDirectory RootDirectory RootImage RuntimeDirectory StateDirectory "
    "CacheDirectory LogsDirectory ConfigurationDirectory PrivateTmp DynamicUser Type ManagedOOMSwap "
    "ManagedOOMMemoryPressure ListenStream ListenDatagram ListenSequentialPacket ListenFIFO ListenSpecial "
    "ListenUSBFunction PathExists PathExistsGlob PathChanged PathModified DirectoryNotEmpty OnCalendar "
    "Persistent What Where WantedBy RequiredBy UpheldBy Also Alias DefaultInstance"
)

# Directories of the oldest release, for when systemd does not tell its own.
_DIRECTORIES = (
    "/etc/systemd/system /run/systemd/system /run/systemd/generator /usr/local/lib/systemd/system "
    "/lib/systemd/system /usr/lib/systemd/system"
)

VENDOR_DIRECTORIES = ("/run/torcx/unpack/*/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
"""Where the operating system has its own units, as patterns; those of an earlier one come before others."""

LIMIT = 10
"""Seconds that one command of the look may take."""

PATIENCE = 20
"""Seconds that all rounds from unit to unit may take together."""

# All loaded units are asked for at once: what a loaded unit names is loaded as well, so the graph is closed. A unit
# that nothing has loaded is followed, from one round of names to the next.
_UNITS_SH = r"""
# names: the units that a property list of `systemctl show` names, unescaped, one a line
names() {
  sed -n -e 's/"//g' -e 's/\\\\/\\/g' -e "s/^\($FOLLOWED\)=//p" | tr ' ' '\n' | sort -u
}

# show_units SECTION NAME...: tells of units, adds that to SHOWN, and sets MORE and TOLD
show_units() {
  PART=$1
  shift
  begin "$PART"
  # shellcheck disable=SC2086 # properties are a list of words
  MORE=$(timeout -k 1 "$LIMIT" systemctl show --all --no-pager $PROPERTIES -- "$@")
  TOLD=$?
  printf '%s\n' "$MORE"
  finish "$PART" "$TOLD"
  SHOWN="$SHOWN$LINE$LINE$MORE"
}

walk() {
  set -f
  # shellcheck disable=SC2086 # units are a list of words
  show_units units '*' $UNITS
  # a unit that was loaded is told of twice, once by its name and once by the pattern
  CLOSED=yes
  for UNIT in $UNITS; do
    case $SHOWN in
      *"Id=$UNIT$LINE"*"Id=$UNIT$LINE"*) ;;
      *) CLOSED= ;;
    esac
  done
  SEEN=
  FRESH=
  if [ -z "$CLOSED" ]; then
    SEEN=$(printf '%s\n' "$SHOWN" | sed -n 's/^Id=//p')
    FRESH=$(printf '%s\n' "$SHOWN" | names)
    DEADLINE=$(($(date +%s) + PATIENCE))
  fi
  ROUND=0
  while [ "$TOLD" -eq 0 ] && [ -n "$FRESH" ]; do
    # what is named and not seen yet: the seen ones stand there twice or more, so `uniq -u` drops them
    FRESH=$(printf '%s\n' "$FRESH" "$SEEN" "$SEEN" | sort | uniq -u)
    if [ -z "$FRESH" ] || [ "$(date +%s)" -ge "$DEADLINE" ]; then
      break
    fi
    ROUND=$((ROUND + 1))
    # shellcheck disable=SC2086 # units are a list of words
    show_units "units-$ROUND" $FRESH
    SEEN="$SEEN$LINE$FRESH"
    FRESH=$(printf '%s\n' "$MORE" | names)
  done
  begin unfollowed
  [ "$TOLD" -ne 0 ] || printf '%s\n' "$FRESH"
  finish unfollowed 0
  set +f
}
"""

_FILES_SH = r"""
list_links() {
  for DIRECTORY in $DIRECTORIES; do
    for LINKED in "$DIRECTORY"/*.wants/* "$DIRECTORY"/*.requires/* "$DIRECTORY"/*.upholds/*; do
      case $LINKED in
        *"$LINE"*) continue ;;
      esac
      if [ -e "$LINKED" ] && [ ! -s "$LINKED" ]; then
        printf 'masked %s\n' "$LINKED"
      elif [ -L "$LINKED" ]; then
        printf 'link %s\n' "$LINKED"
      fi
    done
  done
}

# first NAME DIRECTORY...: the first file of a name
first() {
  NAME=$1
  shift
  for DIRECTORY in "$@"; do
    if [ -f "$DIRECTORY/$NAME" ]; then
      printf '%s\n' "$DIRECTORY/$NAME"
      return
    fi
  done
}

# The files that systemd has read, the vendor's unit files that these hide, and the drop-ins on disk that systemd may
# not have read yet; of units that it has not told of, the fragment or that of their template.
list_files() {
  FOUND=$(printf '%s\n' "$SHOWN" | sed -n -e 's/^FragmentPath=\(.\)/\1/p' \
    -e '/^DropInPaths=/{s///;s: \("\{0,1\}/\):\n\1:g;p' -e '}' |
    sed -e '/^".*"$/{s/^"//;s/"$//;s/\\\(["\\$`]\)/\1/g' -e '}')
  printf '%s\n' "$FOUND"
  # shellcheck disable=SC2086 # directories are a list of patterns
  VENDOR=$(printf '%s\n' $VENDOR_DIRECTORIES)
  set -f
  # shellcheck disable=SC2086 # directories are a list of words
  for FRAGMENT in $FOUND; do
    case $FRAGMENT in
      /etc/* | /run/systemd/system/*) first "${FRAGMENT##*/}" $VENDOR ;;
    esac
  done
  if [ "$TOLD" -ne 0 ]; then
    for UNIT in $UNITS; do
      # shellcheck disable=SC2086 # directories are a list of words
      first "$UNIT" $DIRECTORIES
      # that of its template, where it is an instance
      # shellcheck disable=SC2086 # directories are a list of words
      first "${UNIT%%@*}@.${UNIT##*.}" $DIRECTORIES
    done
  fi
  set +f
  for DIRECTORY in $DIRECTORIES; do
    for FILE in "$DIRECTORY"/*.d/*.conf; do
      case $FILE in
        *"$LINE"*) ;;
        *) printf '%s\n' "$FILE" ;;
      esac
    done
  done
}

# no list of lines can hold a name with a line break
list_unlisted() {
  for DIRECTORY in $DIRECTORIES; do
    for FILE in "$DIRECTORY"/*.d/*"$LINE"*.conf; do
      if [ -e "$FILE" ]; then
        printf '%s' "$FILE" | tr '\n' '?'
        printf '\n'
      fi
    done
  done
}

readable() {
  for FILE in "$@"; do
    if [ -f "$FILE" ] && [ -r "$FILE" ]; then
      printf '%s\n' "$FILE"
    fi
  done
}

# those that are there all the same
unreadable() {
  for FILE in "$@"; do
    if [ -f "$FILE" ] && [ -r "$FILE" ]; then
      continue
    fi
    if { [ -e "$FILE" ] || [ -L "$FILE" ]; } && [ ! -c "$FILE" ]; then
      printf '%s\n' "$FILE"
    fi
  done
}

# For each file its name, and for each section and setting of interest the number of its line and the line: a file's
# text always follows a number, so that it cannot pose as a name. Lines that continue another setting are passed over,
# since they could pose as one of interest.
read_files() {
  REMARK='/^[[:blank:]]*[#;]/'
  CONTINUED='/\(^\|[^\\]\)\(\\\\\)*\\\r\{0,1\}$/'
  BEGINS='^\(\xef\xbb\xbf\)\{0,1\}[[:blank:]]*'
  OF_INTEREST="
${REMARK}d
/$BEGINS\[/{
  =;p;d
}
/$BEGINS\($KEYS\)[[:blank:]]*=/{
  :told
  =;p
  ${CONTINUED}{
    \$!{
      n
      :remark
      ${REMARK}{
        \$!{
          n
          b remark
        }
      }
      b told
    }
  }
  d
}
:other
${CONTINUED}{
  \$!{
    n
    :aside
    ${REMARK}{
      \$!{
        n
        b aside
      }
    }
    b other
  }
}"
  timeout -k 1 "$LIMIT" sed -s -n -e 1F -e "$OF_INTEREST" -- "$@" /dev/null
  READ=$?
  # only sed 4.2.2 and later tell a file's name, and the oldest releases have an earlier one, which does nothing then
  [ "$READ" -eq 1 ] || return "$READ"
  READ=0
  for FILE in "$@"; do
    # the file before may end without a line break
    printf '\n%s\n' "$FILE"
    timeout -k 1 "$LIMIT" sed -n -e "$OF_INTEREST" -- "$FILE" || READ=$?
    # after its time limit, others would take as long
    case $READ in
      124 | 137) break ;;
    esac
  done
  return "$READ"
}
"""

_DUMP_SH = r"""
dump() {
  command -v systemd-analyze >/dev/null 2>&1 || return 0
  DUMP=$(timeout -k 1 "$LIMIT" systemd-analyze --no-pager dump 2>&1)
  DUMPED=$?
  printf '%s\n' "$DUMPED"
  if [ "$DUMPED" -ne 0 ]; then
    printf '%s\n' "$DUMP"
    return
  fi
  printf '%s\n' "$DUMP" | sed -n -e '/^[^[:blank:]]\{1,\} Unit /p' \
    -e "/^[[:blank:]]\($FOLLOWED\): [^ ]* (.*-\(path\|mount\|implicit\|proc-swap\|udev\)/p"
}
"""

_LOOK_SH = (
    _UNITS_SH
    + _FILES_SH
    + _DUMP_SH
    + r"""
LINE='
'
# systemctl tells of times in this zone
export TZ=UTC0
# It tells where a dependency on a mount comes from, which for some depends on the order in which systemd read its
# units. Before systemd 236 it does not. It also tells of environments, which must not leave the host. Its time passes
# while the rest is asked, so its answer, after its exit status, waits in a pipe.
dump | {
  exec 3<&0 </dev/null
  begin manager
  MANAGER=$(timeout -k 1 "$LIMIT" systemctl show --no-pager -p Version -p UnitPath)
  TOLD=$?
  printf '%s\n' "$MANAGER"
  finish manager "$TOLD"
  DIRECTORIES=$KNOWN_DIRECTORIES
  case $MANAGER in
    *UnitPath=/*)
      DIRECTORIES=${MANAGER#*UnitPath=}
      DIRECTORIES=${DIRECTORIES%%"$LINE"*}
      ;;
  esac
  section os "$LIMIT" cat /etc/os-release

  SHOWN=
  # a systemd that did not tell of itself is not asked again
  if [ "$TOLD" -eq 0 ]; then
    walk
  fi
  if [ "$TOLD" -eq 0 ]; then
    section jobs "$LIMIT" systemctl list-jobs --no-legend --no-pager --full
  fi
  begin links
  list_links
  finish links 0
  FILES=$(list_files | sort -u)
  IFS=$LINE
  set -f
  begin unread
  # shellcheck disable=SC2086 # a list of lines
  unreadable $FILES
  # shellcheck disable=SC2046,SC2086 # a list of lines
  set -- $(readable $FILES)
  unset IFS
  set +f
  list_unlisted
  finish unread 0
  begin files
  read_files "$@"
  finish files "$?"
  section ages "$LIMIT" stat -L -c '%Z %Y %n' -- "$@" /dev/null
  if [ "$TOLD" -eq 0 ] && read -r DUMPED <&3; then
    begin origins
    if [ "$DUMPED" -eq 0 ]; then
      cat <&3
    else
      cat <&3 >&2
    fi
    finish origins "$DUMPED"
  fi
}
"""
)

LINK_DIRECTORIES = {"wants": "Wants", "requires": "Requires", "upholds": "Upholds"}
"""The directories whose links declare dependencies, by suffix, and the type of these."""


class Link(t.NamedTuple):
    """An entry of a `.wants/`, `.requires/` or `.upholds/` directory.

    Attributes:
        unit: the name that the directory is for.
        type: the dependency that it declares, such as `Wants`.
        other: the unit that it names.
        path: the entry itself.
        masked: whether it is empty or leads to /dev/null, which takes entries of its name in later directories away.
    """

    unit: str
    type: str
    other: str
    path: str
    masked: bool


@dataclass(frozen=True)
class Look:
    """What one look at a host saw, nothing explained.

    Attributes:
        units: the units by `Id`, with `PROPERTIES`: all that systemd has loaded, and those asked for.
        jobs: systemd's job table.
        links: entries of the dependency directories, in the order in which systemd looks at them.
        settings: the settings of each unit file and drop-in, by path.
        has_files: whether the host has told of all these files, but for those of `unread`.
        ages: of each of them when it last changed, and when its content did, in seconds since 1970.
        unread: files that could not be read.
        directories: where systemd looks for units, the first place first.
        origins: for dependencies by (unit, type, other unit) that are not of `file` and `default` alone: systemd's own
            words on where it comes from; empty where it does not tell.
        os: the variables of os-release.
        systemd: systemd's version, such as `247`; empty where it does not tell.
        partial: what is not known, and why, in sentences.
    """

    units: t.Mapping[str, Properties] = field(default_factory=dict)
    jobs: t.Sequence[Job] = ()
    links: t.Sequence[Link] = ()
    settings: t.Mapping[str, t.Sequence[Setting]] = field(default_factory=dict)
    has_files: bool = True
    ages: t.Mapping[str, tuple[int, int]] = field(default_factory=dict)
    unread: t.Sequence[str] = ()
    directories: t.Sequence[str] = tuple(_DIRECTORIES.split())
    origins: t.Mapping[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    os: t.Mapping[str, str] = field(default_factory=dict)
    systemd: str = ""
    partial: t.Sequence[str] = ()


def look(host: Host, names: t.Sequence[str]) -> Look:
    """Look at a host's units, in one round trip.

    Args:
        host: the host.
        names: full names of units that may not be loaded; all loaded ones are told in any case.

    Raises:
        RemediationError: the host could not be asked.
    """
    variables = {
        "PROPERTIES": " ".join(f"-p {name}" for name in PROPERTIES.split()),
        "UNITS": " ".join(names),
        "FOLLOWED": r"\|".join(_EDGES.split()),
        "KEYS": r"\|".join(KEYS.split()),
        "KNOWN_DIRECTORIES": _DIRECTORIES,
        "VENDOR_DIRECTORIES": " ".join(VENDOR_DIRECTORIES),
        "LIMIT": str(LIMIT),
        "PATIENCE": str(PATIENCE),
    }
    answer = ask(host, _LOOK_SH, variables=variables, needs=("systemctl", "sed"))
    version = re.search(r"^Version=(?:systemd )?(\S+)", answer["manager"].out, re.MULTILINE)
    path = re.search(r"^UnitPath=(.+)", answer["manager"].out, re.MULTILINE)
    units: dict[str, Properties] = {}
    for name, section in answer.items():
        if name == "units" or name.startswith("units-"):
            for unit in parse_show(section.out):
                # the last block of an answer that was cut off is not whole: this property comes after all lists
                if not section.rc or "NeedDaemonReload" in unit:
                    units.setdefault(unit["Id"], unit)
    return Look(
        units=units,
        jobs=parse_jobs(answer["jobs"].out) if "jobs" in answer else (),
        links=[link for line in answer["links"].out.splitlines() for link in [_link(line)] if link],
        settings={path: parse_unit_file(path, lines) for path, lines in _files(answer["files"].out)},
        has_files=answer["files"].rc == 0,
        ages=dict(_ages(answer["ages"].out)),
        unread=[printable(line) for line in answer["unread"].out.splitlines() if line],
        directories=(path[1] if path else _DIRECTORIES).split(),
        # of an answer that was cut off, what is missing would pass for a plain `file`
        origins=_origins(answer["origins"].out) if "origins" in answer and answer["origins"].rc == 0 else {},
        os=parse_env_file(answer["os"].out),
        systemd=printable(version[1], limit=20) if version else "",
        partial=_partial(answer),
    )


def _link(line: str) -> Link | None:
    kind, _space, path = line.partition(" ")
    directory, _slash, other = path.rpartition("/")
    unit, _dot, suffix = directory.rpartition("/")[2].rpartition(".")
    if suffix not in LINK_DIRECTORIES:
        return None
    return Link(unit=unit, type=LINK_DIRECTORIES[suffix], other=other, path=path, masked=kind == "masked")


_NUMBER = re.compile(r"[0-9]{1,9}\Z")


def _files(text: str) -> t.Iterator[tuple[str, list[Line]]]:
    """Yield each file's path and the lines of it that the host told."""
    path, lines = "", []  # type: str, list[Line]
    number = 0
    for line in text.split("\n"):
        if number:
            lines.append((number, line))
            number = 0
        elif _NUMBER.match(line):
            number = int(line)
        elif line.startswith("/"):
            if path:
                yield path, lines
            path, lines = line, []
    if path:
        yield path, lines


def _ages(text: str) -> t.Iterator[tuple[str, tuple[int, int]]]:
    for line in text.splitlines():
        match = re.match(r"([0-9]{1,10}) ([0-9]{1,10}) (/.+)\Z", line)
        if match:
            yield match[3], (int(match[1]), int(match[2]))


# systemd draws the arrow before a unit as `->`, or as one character where its own locale allows
_UNIT = re.compile(r"\S+ Unit (\S+):\Z")
_ORIGIN = re.compile(r"\t([A-Z][A-Za-z]*): (\S+) \((.*)\)\Z")


def _origins(text: str) -> dict[tuple[str, str, str], frozenset[str]]:
    found: dict[tuple[str, str, str], frozenset[str]] = {}
    unit = ""
    for line in text.split("\n"):
        header = _UNIT.match(line)
        if header:
            unit = header[1]
            continue
        match = _ORIGIN.match(line)
        if match:
            found[unit, match[1], match[2]] = frozenset(word.partition("-")[2] for word in match[3].split())
    return found


_ASKED = {
    "manager": "systemctl show (of systemd itself)",
    "units": "systemctl show (of the units)",
    "jobs": "systemctl list-jobs",
    "files": "sed (over the unit files)",
    "ages": "stat (of the unit files)",
    "origins": "systemd-analyze dump",
}


def _partial(answer: t.Mapping[str, Section]) -> list[str]:
    sentences = []
    for name, section in answer.items():
        asked = _ASKED.get(name.partition("-")[0])
        if not asked or section.rc == 0:
            continue
        # whoever may not ask for the dump lacks nothing but its words; only a wait for nothing is worth a word
        if name == "origins" and not section.timed_out:
            continue
        sentences.append(missing(asked, section, limit=LIMIT))
    unfollowed = answer["unfollowed"].out.split() if "unfollowed" in answer else []
    if unfollowed:
        sentences.append(
            f"systemctl show had not told of all units within {PATIENCE} s; those that {printable(unfollowed[0])}, and "
            f"{len(unfollowed) - 1} more, depend on are missing."
        )
    return sentences
