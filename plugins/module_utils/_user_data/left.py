# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What a run of coreos-cloudinit leaves behind: processes older than their units' files, and what no user-data has
any more. It neither restarts a unit that runs, nor removes anything.

Every run writes every file anew, so times tell nothing: only a digest that differs from the one before the run does.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass, fields

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import SERVICES
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    is_unit_name,
    parse_show,
    shown,
    words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties

_PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "Type",
    "MainPID",
    "ExecMainStartTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
    "InvocationID",
    "RefuseManualStart",
    "RefuseManualStop",
    "Accept",
    "Triggers",
    "CanReload",
)

# Where systemd looks for unit files and drop-ins, the first first.
_FOLDERS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The digest of an empty file, which masks a unit as a link to /dev/null does."""

SNAPSHOT_SH = (
    r"""
# snapshot SECTION: the state of the units in $ASKED_UNITS (as $SHOWN_UNITS asks for them), and a digest of each of
# their files, wherever it is
snapshot() (
  unset IFS
  set -f
  SECTION=$1
  begin "$SECTION"
  set --
  for NAME in $ASKED_UNITS; do
    TYPE=${NAME##*.}
    TEMPLATE=${NAME%%@*}@
    set +f
    for FOLDER in """
    + " ".join(_FOLDERS)
    + r"""; do
      for FILE in "$FOLDER/$NAME" "$FOLDER/$NAME.d"/*.conf; do
        if [ -f "$FILE" ] || [ -c "$FILE" ]; then set -- "$@" "$FILE"; fi
      done
      case $NAME in
        *@.*)
          for FILE in "$FOLDER/$TEMPLATE"*".$TYPE" "$FOLDER/$TEMPLATE"*".$TYPE.d"/*.conf; do
            if [ -f "$FILE" ] || [ -c "$FILE" ]; then set -- "$@" "$FILE"; fi
          done
          ;;
        *@*)
          for FILE in "$FOLDER/$TEMPLATE.$TYPE" "$FOLDER/$TEMPLATE.$TYPE.d"/*.conf; do
            if [ -f "$FILE" ] || [ -c "$FILE" ]; then set -- "$@" "$FILE"; fi
          done
          ;;
      esac
    done
    set -f
  done
  STATUS=0
  if [ -n "$SHOWN_UNITS" ]; then
    # shellcheck disable=SC2086 # names of units hold no blanks
    timeout -k 1 20 systemctl show --no-pager"""
    + shown(_PROPERTIES)
    + r""" -- $SHOWN_UNITS || STATUS=$?
  fi
  printf '\n'
  if [ "$#" -gt 0 ]; then
    timeout -k 1 20 sha256sum -- "$@" || STATUS=$?
  fi
  finish "$SECTION" "$STATUS"
)
"""
)

LEFTOVERS_SH = r"""
# leftovers: what there still is of $LEFT_FILES, $LEFT_UNITS, $LEFT_DROP_INS, $LEFT_ENABLED and $LEFT_MASKED
leftovers() (
  begin leftovers
  set -f
  IFS='
'
  for FILE in $LEFT_FILES; do
    if [ -e "$FILE" ] || [ -L "$FILE" ]; then printf 'file %s %s\n' - "$FILE"; fi
  done
  THERE=
  for NAME in $LEFT_UNITS; do
    for FOLDER in /etc/systemd /run/systemd; do
      for FILE in "$FOLDER/system/$NAME" "$FOLDER/network/$NAME"; do
        if [ -f "$FILE" ]; then
          printf 'unit %s %s\n' "$NAME" "$FILE"
          case $NAME in
            *@.*) ;;
            *) THERE=$THERE$NAME$IFS ;;
          esac
        fi
      done
    done
  done
  for NAME in $LEFT_DROP_INS; do
    for FOLDER in /etc/systemd /run/systemd; do
      for FILE in "$FOLDER/system/${NAME%%/*}.d/${NAME#*/}" "$FOLDER/network/${NAME%%/*}.d/${NAME#*/}"; do
        if [ -f "$FILE" ]; then printf 'drop_in %s %s\n' "$NAME" "$FILE"; fi
      done
    done
  done
  for NAME in $LEFT_MASKED; do
    for FILE in "/etc/systemd/system/$NAME" "/run/systemd/system/$NAME"; do
      # a link to /dev/null; an empty file does the same
      if [ -c "$FILE" ] || { [ -f "$FILE" ] && [ ! -s "$FILE" ]; }; then printf 'masked %s %s\n' "$NAME" "$FILE"; fi
    done
  done
  for NAME in $LEFT_ENABLED; do
    set +f
    for FOLDER in /etc/systemd/system /run/systemd/system; do
      for KIND in wants requires; do
        case $NAME in
          *@.*) set -- "$FOLDER"/*."$KIND/${NAME%%@*}@"*".${NAME##*.}" ;;
          *) set -- "$FOLDER"/*."$KIND/$NAME" ;;
        esac
        for FILE in "$@"; do
          if [ -L "$FILE" ]; then printf 'enabled %s %s\n' "$NAME" "$FILE"; fi
        done
      done
    done
    set -f
  done
  STATUS=0
  if [ -n "$THERE" ]; then
    printf '\n'
    # shellcheck disable=SC2086 # a line for each
    timeout -k 1 20 systemctl show --no-pager -p Id -p ActiveState -- $THERE || STATUS=$?
  fi
  finish leftovers "$STATUS"
)
"""


@dataclass(frozen=True)
class Snapshot:
    """What `snapshot` told: the properties of the units by `Id`, and the digests of their files by path."""

    units: t.Mapping[str, Properties]
    digests: t.Mapping[str, str]


@dataclass(frozen=True)
class ChangedUnit:
    """A unit that has been up since before its files changed.

    Attributes:
        name: its `Id`.
        files: the paths of what is new, other than it was, or gone.
        type: `oneshot` of a service that runs once and remains, else the type of the unit, such as `socket`.
        process: its main process; 0 where it has none.
        services: of a socket, the services that it starts; systemd starts no socket whose service is up.
        hindrance: why systemd will not restart it; empty where it will.
    """

    name: str
    files: t.Sequence[str]
    type: str = "service"
    process: int = 0
    services: t.Sequence[str] = ()
    hindrance: str = ""

    def told(self) -> dict[str, t.Any]:
        """Return it for a result."""
        return {
            "name": self.name,
            "type": self.type,
            "process": self.process,
            "files": list(self.files),
            "hindrance": self.hindrance,
        }


@dataclass(frozen=True)
class Leftover:
    """Something that user-data brought and no longer asks for.

    Attributes:
        kind: `file`, `unit`, `drop_in`, `enabled` or `masked`.
        name: the unit, `unit/name` of a drop-in, or the file's path.
        path: the file, or the link that enables or masks.
        state: of a unit, its `ActiveState`, where systemd told it.
    """

    kind: str
    name: str
    path: str
    state: str = ""

    def told(self) -> dict[str, str]:
        """Return it for a result."""
        return asdict(self)


# What flannel makes of its section is read by flanneld.
_OF_SECTION = {**SERVICES, "flannel": "flanneld.service"}


def left_variables(asked: Asked, previous: Written, now: Written) -> dict[str, str]:
    """Return the variables that `snapshot` and `leftovers` read, each a list of lines.

    `ASKED_UNITS` holds the names of the units that the user-data writes to, `SHOWN_UNITS` the same for `systemctl
    show`; a template stands there for its instances. What is no unit of systemd's, such as `00-eth0.network`, is left
    out. `LEFT_FILES`, `LEFT_UNITS`, `LEFT_DROP_INS` (as `unit/name`), `LEFT_ENABLED` and `LEFT_MASKED` hold what
    `no_longer` returns; what no file could be called is left out.

    Args:
        asked: what the user-data asks for.
        previous: what the one before it brought.
        now: what it brings.
    """
    # of one that is not understood throughout nobody can tell what it has no more
    left = Written() if asked.doubts else no_longer(previous, now)
    units = [unit.name for unit in asked.units] + [_OF_SECTION[name] for name in asked.sections if name in _OF_SECTION]
    names = [name for name in dict.fromkeys(units) if is_unit_name(name)]
    # a template has no state: the instances that are loaded do. In a pattern a backslash stands for the next character
    patterns = [name.replace("\\", "\\\\").replace("@.", "@*.") if "@." in name else name for name in names]
    return {
        "ASKED_UNITS": "\n".join(names),
        "SHOWN_UNITS": "\n".join(patterns),
        "LEFT_FILES": "\n".join(path for path in left.files if path.startswith("/") and "\n" not in path),
        "LEFT_UNITS": "\n".join(filter(_is_file_name, left.units)),
        "LEFT_DROP_INS": "\n".join(name for name in left.drop_ins if all(map(_is_file_name, name.split("/", 1)))),
        "LEFT_ENABLED": "\n".join(filter(_is_file_name, left.enabled)),
        "LEFT_MASKED": "\n".join(filter(_is_file_name, left.masked)),
    }


def _is_file_name(name: str) -> bool:
    return re.match(r"[^/\s]+\Z", name) is not None and name not in (".", "..")


_DIGEST = re.compile(r"(\\?)([0-9a-f]{64}) [ *](/.+)\Z")


def parse_snapshot(text: str) -> Snapshot:
    """Return what a section of `snapshot` tells; what makes no sense is left out."""
    rest = []
    digests = {}
    for line in text.splitlines():
        match = _DIGEST.match(line)
        if match:
            # sha256sum escapes a name with a backslash or a line break, and says so by a backslash before the line
            path = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[3]) if match[1] else match[3]
            digests[path] = match[2]
        else:
            rest.append(line)
    units = {unit["Id"]: unit for unit in parse_show("\n".join(rest).strip()) if is_unit_name(unit["Id"])}
    return Snapshot(units, digests)


# A target is nothing but its dependencies; a slice, a scope and a device are not started from files.
_RESTARTABLE = ("service", "socket", "path", "timer", "mount", "automount", "swap")


def changed_units(before: Snapshot, after: Snapshot) -> list[ChangedUnit]:
    """Return the units that were up before a run, are so still, and whose files in force are others than before it."""
    changed = []
    for name, unit in after.units.items():
        was = before.units.get(name)
        if not was or name.rpartition(".")[2] not in _RESTARTABLE or not _goes_on(was, unit):
            continue
        old, new = _in_force(was, before.digests), _in_force(unit, after.digests)
        files = [
            printable((new.get(key) or old[key])[0])
            for key in dict.fromkeys([*new, *old])
            if key not in old or key not in new or old[key][1] != new[key][1]
        ]
        if files:
            process = unit.get("MainPID", "0")
            triggers = [*words(was.get("Triggers", "")), *words(unit.get("Triggers", ""))]
            has_services = name.endswith(".socket") and unit.get("Accept") != "yes"
            changed.append(
                ChangedUnit(
                    name=name,
                    files=files,
                    type="oneshot" if unit.get("Type") == "oneshot" else name.rpartition(".")[2],
                    process=int(process) if re.match(r"[0-9]{1,9}\Z", process) else 0,
                    services=list(dict.fromkeys(filter(is_unit_name, triggers))) if has_services else [],
                    # of a mask that came alone systemd knows nothing yet
                    hindrance=_hindrance(unit, is_masked="" in new and new[""][1] == EMPTY),
                )
            )
    return changed


def _goes_on(was: Properties, unit: Properties) -> bool:
    """Whether a unit is up, and has been so since before. One that is on its way up counts when it has a process."""
    for properties in (was, unit):
        state = properties.get("ActiveState")
        has_process = properties.get("MainPID", "0") != "0"
        if state not in ("active", "reloading") and not (state == "activating" and has_process):
            return False
    # systemd before 232 does not count the times that a unit was started
    if was.get("InvocationID") and unit.get("InvocationID"):
        return was["InvocationID"] == unit["InvocationID"]
    times = ["ExecMainStartTimestampMonotonic"]
    if was.get("ActiveState") != "activating":
        times.append("ActiveEnterTimestampMonotonic")
    return all(was.get(name) == unit.get(name) for name in ("MainPID", *times))


def _in_force(unit: Properties, digests: t.Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return path and digest of each file that makes up a unit: of its own under an empty name, of drop-ins by name.

    Of files of one name systemd takes the first, by the order of the folders.
    """
    names = list(dict.fromkeys([unit["Id"], *words(unit.get("Names", ""))]))
    templates = [re.sub(r"@.*\.", "@.", name) for name in names if "@" in name]
    found: dict[str, tuple[str, str]] = {}
    for group in (names, templates):
        for folder in _FOLDERS:
            for name in group:
                path = f"{folder}/{name}"
                if path in digests:
                    found.setdefault("", (path, digests[path]))
    beginnings = [(f"{folder}/{name}.d/") for folder in _FOLDERS for name in [*names, *templates]]
    for beginning in beginnings:
        for path, digest in digests.items():
            if path.startswith(beginning):
                found.setdefault(path[len(beginning) :], (path, digest))
    return found


def _hindrance(unit: Properties, *, is_masked: bool) -> str:
    load = unit.get("LoadState", "")
    if is_masked or load == "masked":
        return "it is masked now, though it still runs; stop it, or lift the mask"
    if load == "not-found":
        return "its unit file is gone, though it still runs; stop it, or put the file back"
    if load != "loaded":
        return f"systemd could not load what is in its files ('{printable(load)}'); correct them"
    if "yes" in (unit.get("RefuseManualStart"), unit.get("RefuseManualStop")):
        return "its unit file forbids that (RefuseManualStart= or RefuseManualStop=); reboot to have it read"
    return ""


def no_longer(previous: Written, now: Written) -> Written:
    """Return what the previous user-data brought and the new one does not ask for."""

    def plain(name: str) -> str:
        return re.sub(r"/+", "/", name)

    gone = {}
    for field in fields(Written):
        kept = {plain(name) for name in getattr(now, field.name)}
        gone[field.name] = [name for name in dict.fromkeys(getattr(previous, field.name)) if plain(name) not in kept]
    return Written(**gone)


def names_of(written: Written) -> str:
    """Return what a run has put in place, for a sentence; empty where that is nothing."""
    names = [name for each in fields(Written) for name in getattr(written, each.name)]
    return printable(", ".join(dict.fromkeys(names)), limit=300)


def unsettled_sentences(unsettled: Written, *, path: str, doubts: t.Sequence[str]) -> list[str]:
    """Say of what a user-data may not ask for any more that this cannot be told, and why; nothing where all can.

    Args:
        unsettled: what the one before it brought, and is not seen in it.
        path: its path.
        doubts: what of it is not understood, in sentences.
    """
    names = names_of(unsettled)
    if not names or not doubts:
        return []
    return [
        f"Whether {printable(path)} still asks for {names}, which the one before it brought, cannot be told: "
        f"{doubts[0]} Remove yourself what is not to stay."
    ]


_LEFTOVER = re.compile(r"(file|unit|drop_in|enabled|masked) (\S+) (/.*)\Z")


def parse_leftovers(text: str) -> list[Leftover]:
    """Return what the section of `leftovers` tells; what makes no sense is left out."""
    rest = []
    matches = []
    for line in text.splitlines():
        match = _LEFTOVER.match(line)
        if match:
            matches.append(match)
        else:
            rest.append(line)
    states = {unit["Id"]: printable(unit.get("ActiveState", "")) for unit in parse_show("\n".join(rest).strip())}
    found = []
    for kind, name, path in (match.groups() for match in matches):
        told = printable(path)
        of_unit = states.get(name, "") if kind == "unit" else ""
        found.append(Leftover(kind, told if kind == "file" else printable(name), told, of_unit))
    return found
