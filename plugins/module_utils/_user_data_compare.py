# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Whether what a cloud-config asks for is there: one read-only script, and what it answers.

Content never leaves the host: it is the host that takes each text out of the user-data, by its lines, and compares it
with what coreos-cloudinit makes of it. How coreos-cloudinit 0.10 to 1.14 does that is told by the comments.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    is_active,
    is_unit_name,
    parse_show,
    state_words,
    was_skipped,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config import Asked, AskedUnit
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import Text

State = t.Literal["same", "differs", "missing", "not_compared"]

LIMIT = 10
"""Seconds that one command of the comparison may take."""

SIZE_LIMIT = 16777216
"""Bytes of a content that is encoded in the user-data; what is larger is not compared."""

UNWRITTEN = "its content is empty, and coreos-cloudinit does not write it"

# The ids of what systemd logs of a unit: that it is up, that it is down, that it failed, that it was skipped.
_STARTED = ("39f53479d3a045ac8e11786248231fbf", "0e4284a0caca4bfc81c0bb6786972673")
_ENDED = ("9d1aaa27d60140bd96365438aad20286", "be02cf6855d2428ba40df7e9d022f03d")

_ROOT = ""
_RUN = "/run"

_PROPERTIES = (
    "Id LoadState ActiveState SubState Result Type RemainAfterExit UnitFileState NeedDaemonReload FragmentPath "
    "ConditionResult ConditionTimestampMonotonic AssertResult AssertTimestampMonotonic InactiveExitTimestampMonotonic "
    "ExecMainCode ExecMainStatus ActiveEnterTimestamp"
)

# What stands behind each text's key, as one letter and what belongs to it: B a block's header, P plain, S and D what
# was in single and double quotes, N nothing, X why it cannot be read. I is the indentation of a block, M says that
# what is above it goes on.
_HEADS_SED = r"""
@LINES@
d
:indent
s/[^ ].*//
s/^/I/
p
d
:rest
/[^[:blank:]]/{
  s/.*/M/
  p
}
d
:head
s/^ *\(-  *\)*["']\{0,1\}[A-Za-z_-]*["']\{0,1\} *: *//
s/^&[^ ][^ ]* *//
t clear
:clear
s/^!!binary  *\([|>][-+0-9]*\)\( .*\)\{0,1\}$/B\1b/
t tell
s/^\([|>][-+0-9]*\)\( .*\)\{0,1\}$/B\1/
t tell
/^"/{
  s/^"\(\([^"\\]\|\\[nt"\\]\)*\)" *\( #.*\)\{0,1\}$/D\1/
  t escapes
  s/.*/Xit is in double quotes, and has escapes that are not read or goes on in the next line/
  b tell
}
/^'/{
  s/^'\(\([^']\|''\)*\)' *\( #.*\)\{0,1\}$/S\1/
  t quotes
  s/.*/Xit is in single quotes that do not end in its line/
  b tell
}
s/^\*.*/Xit is an alias/
t tell
s/^!.*/Xit has a tag/
t tell
s/^[[{].*/Xit is no text/
t tell
s/^#.*//
s/[[:blank:]][[:blank:]]*#.*//
s/[[:blank:]]*$//
t plain
:plain
s/^\(~\|null\|Null\|NULL\|\)$/N/
t tell
s/^[]"'&*!|>%@`},].*/Xit is no plain text/
s/^[-?:]\( .*\)\{0,1\}$/Xit is no plain text/
s/.*:\( .*\)\{0,1\}$/Xit is no plain text/
t tell
s/^/P/
:tell
p
d
:escapes
s/\\"/\\0042/g
b tell
:quotes
s/''/'/g
b tell
"""

_COMPARE_SH = r"""
LINE='
'
TAB=$(printf '\t')

# What coreos-cloudinit puts in place of its variables, before it parses anything: what is in its unit's environment.
# One that begins where the one before it ends stays, as its regular expression has it.
addresses() {
  PUBLIC_IPV4=
  PRIVATE_IPV4=
  PUBLIC_IPV6=
  PRIVATE_IPV6=
  if [ -n "$ENVIRONMENT" ] && [ -f "$ENVIRONMENT" ]; then
    while IFS= read -r ROW || [ -n "$ROW" ]; do
      VALUE=${ROW#*=}
      VALUE=${VALUE#[\"\']}
      VALUE=${VALUE%[\"\']}
      case $VALUE in
        *[!0-9A-Za-z.:_-]*) continue ;;
      esac
      case $ROW in
        COREOS_PUBLIC_IPV4=*) PUBLIC_IPV4=$VALUE ;;
        COREOS_PRIVATE_IPV4=*) PRIVATE_IPV4=$VALUE ;;
        COREOS_PUBLIC_IPV6=*) PUBLIC_IPV6=$VALUE ;;
        COREOS_PRIVATE_IPV6=*) PRIVATE_IPV6=$VALUE ;;
      esac
    done <"$ENVIRONMENT"
  fi
  SUBSTITUTE='s/\r$//
/_ipv[46]/{'
  for PAIR in "public_ipv4 $PUBLIC_IPV4" "private_ipv4 $PRIVATE_IPV4" "public_ipv6 $PUBLIC_IPV6" \
    "private_ipv6 $PRIVATE_IPV6"; do
    WORD=${PAIR%% *}
    SUBSTITUTE="$SUBSTITUTE
s/\([^\\]\|^\)\\\$$WORD/\1${PAIR#* }/g
s/\\\\\\\$$WORD/\$$WORD/g"
  done
  SUBSTITUTE="$SUBSTITUTE
}"
}

doubt() {
  DOUBTS="$DOUBTS$TEXT $1$LINE"
}

# What is to become of the text that HEAD begins.
place_text() {
  case $HEAD in
    B*) place_block ;;
    [PS]*) printf '%s' "${HEAD#?}" >"$TEXT" ;;
    D*) printf '%b' "${HEAD#?}" >"$TEXT" ;;
    N*) : >"$TEXT" ;;
    X*)
      doubt "${HEAD#?}"
      return
      ;;
    *)
      doubt 'it is not what it was when it was looked at'
      return
      ;;
  esac
  [ "$ENCODING" = none ] || LATER="$LATER$TEXT $ENCODING$LINE"
}

place_block() {
  HEAD=${HEAD#B}
  case $HEAD in
    *b)
      HEAD=${HEAD%b}
      LATER="$LATER$TEXT base64$LINE"
      ;;
  esac
  STYLE=${HEAD%"${HEAD#?}"}
  HEAD=${HEAD#?}
  CHOMP=clip
  case $HEAD in
    *-*) CHOMP='strip' ;;
    *+*) CHOMP=keep ;;
  esac
  DEPTH=${#INDENTATION}
  # of a block of empty lines, the longest tells the indentation
  [ "$FIRST" -gt 0 ] || DEPTH=1000
  case $HEAD in
    [1-9] | [1-9][-+] | [-+][1-9])
      HEAD=${HEAD#[-+]}
      DEPTH=$((PARENT + ${HEAD%[-+]}))
      ;;
    '' | [-+]) ;;
    *) DEPTH=0 ;;
  esac
  if [ "$DEPTH" -le "$PARENT" ] || [ "$DEPTH" -gt 1000 ]; then
    doubt 'its indentation is not what it was when it was looked at'
    return
  fi
  # what is indented less than the text, such as a comment, ends it; a longer line of blanks belongs to it
  BLOCKS="$BLOCKS
$((KEY + 1)),$LAST{
/^ \{$DEPTH\}/!{
/[^ ]/{
:end$TEXT
${LAST}b
n
b end$TEXT
}
}
s/^ \{0,$DEPTH\}//"
  if [ "$CHOMP" != keep ]; then
    # empty lines wait in the hold space for a further line of text
    BLOCKS="$BLOCKS
$((KEY + 1)){
x
s/.*//
x
}
/^\$/{
H
b
}
x
/^\n/{
s/^\n//
w $TEXT
}
s/.*//
x"
  fi
  BLOCKS="$BLOCKS
w $TEXT
b
}"
  WAITING=$((WAITING + 1))
  case $STYLE$CHOMP in
    '>'*) LATER="$TEXT fold-$CHOMP$LINE$LATER" ;;
    *strip) STRIPPED="$STRIPPED $TEXT" ;;
  esac
}

# fold CHOMP: the lines of a folded block on standard input, as YAML folds them
fold() {
  BREAKS=
  BEFORE=
  while IFS= read -r ROW || [ -n "$ROW" ]; do
    if [ -z "$ROW" ]; then
      BREAKS=$BREAKS$LINE
      continue
    fi
    NOW=text
    case $ROW in
      ' '* | "$TAB"*) NOW='more' ;;
    esac
    case $BEFORE$NOW$BREAKS in
      text | more) printf '%s' "$ROW" ;;
      texttext) printf ' %s' "$ROW" ;;
      texttext* | text"$LINE"* | more"$LINE"*) printf '%s%s' "$BREAKS" "$ROW" ;;
      *) printf '\n%s%s' "$BREAKS" "$ROW" ;;
    esac
    BEFORE=$NOW
    BREAKS=
  done
  if [ "$1" != strip ] && [ -n "$BEFORE" ] && [ "$ENDS" = yes ]; then
    printf '\n'
  fi
  printf '%s' "$BREAKS"
}

# later TEXT HOW: one step from the text to the content; the last one's result has the text's name and a dot for each
later() {
  TEXT=$1
  FROM=$TEXT
  while [ -e "$FROM." ]; do
    FROM=$FROM.
  done
  case $2 in
    fold-*)
      ENDS=yes
      [ -z "$(tail -c 1 "$FROM")" ] || ENDS=no
      fold "${2#fold-}" <"$FROM" >"$FROM."
      ;;
    b64 | base64) decode base64 -d ;;
    gz | gzip) decode gzip -d ;;
    gz+b64 | gz+base64 | gzip+b64 | gzip+base64)
      decode base64 -d
      FROM=$FROM.
      [ "$STATUS" -ne 0 ] || decode gzip -d
      ;;
    *) doubt 'its encoding is none that coreos-cloudinit knows' ;;
  esac
}

decode() {
  # what is small here can be large there
  (
    ulimit -f "$BLOCK_LIMIT"
    exec timeout -k 1 "$LIMIT" "$@" <"$FROM" >"$FROM." 2>/dev/null
  )
  STATUS=$?
  [ "$STATUS" -eq 0 ] || doubt 'its encoding cannot be undone'
}

# The texts of BLOCKS, into files that are named after their numbers.
take_out() {
  printf '%s\n' "$SUBSTITUTE" "$BLOCKS" >script
  timeout -k 1 "$LIMIT" sed -n -f script "$FILE" || return
  BLOCKS=
  WAITING=0
  # the user-data's last line may have no line break that could be stripped
  if [ -n "$STRIPPED" ] && [ -n "$(tail -c 1 "$FILE")" ]; then
    LEFT=
    for WORD in $STRIPPED; do
      [ -n "$(tail -c 1 "$WORD")" ] || LEFT="$LEFT $WORD"
    done
    STRIPPED=$LEFT
  fi
  if [ -n "$STRIPPED" ]; then
    # shellcheck disable=SC2086 # numbers are a list of words
    timeout -k 1 "$LIMIT" truncate -s -1 $STRIPPED || return
    STRIPPED=
  fi
}

extract() {
  addresses
  printf '%s\n' "$SUBSTITUTE" "$HEADS" >script
  timeout -k 1 "$LIMIT" sed -n -f script "$FILE" >heads || return
  TEXT=0
  HEAD=
  BLOCKS=
  WAITING=0
  LATER=
  STRIPPED=
  exec 3<heads 4<<END
$TEXTS
END
  while IFS= read -r ROW <&3 || [ -n "$ROW" ]; do
    case $ROW in
      I*)
        # a line of blanks before the text counts too
        ROW=${ROW#I}
        [ "${#ROW}" -le "${#INDENTATION}" ] || INDENTATION=$ROW
        ;;
      M) HEAD='Xit goes on in the next line' ;;
      *)
        [ "$TEXT" -eq 0 ] || place_text
        # each of them is a file that sed holds open
        [ "$WAITING" -lt 200 ] || take_out || return
        TEXT=$((TEXT + 1))
        HEAD=$ROW
        INDENTATION=
        read -r KEY FIRST LAST PARENT ENCODING <&4 || return
        ;;
    esac
  done
  [ "$TEXT" -eq 0 ] || place_text
  exec 3<&- 4<&-
  [ "$WAITING" -eq 0 ] || take_out || return
  while read -r TEXT HOW; do
    [ -z "$TEXT" ] || later "$TEXT" "$HOW"
  done <<END
$LATER
END
}

# Words are pairs: what is to be there, and what is.
compare_pairs() {
  [ "$#" -gt 0 ] || return 0
  STATS=$STATS$LINE$(timeout -k 1 "$LIMIT" stat -c '%a %u %g %U %G' -- "$@")
  while read -r WANTED REST && read -r FOUND REST; do
    if [ "${WANTED#\\}" = "${FOUND#\\}" ]; then
      SAME="$SAME same"
    else
      SAME="$SAME differs"
    fi
  done <<END
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
      compare_pairs "$@"
      set --
    fi
  done <<END
$TARGETS
END
  compare_pairs "$@"
}

compare_files() {
  begin work
  WORK=$(mktemp -d "$RUN/container-linux-remediation.XXXXXX") &&
    trap 'rm -f -r "$WORK"' EXIT &&
    trap 'exit 1' HUP INT TERM &&
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
  DOUBTS=
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
if [ -n "$UNITS" ]; then
  begin units
  # shellcheck disable=SC2086 # properties and units are lists of words
  SHOWN=$(timeout -k 1 "$LIMIT" systemctl show --no-pager $PROPERTIES -- $UNITS)
  STATUS=$?
  printf '%s\n' "$SHOWN"
  finish units "$STATUS"
  case $SHOWN in
    *ActiveState=inactive*)
      # systemd forgets a unit that has ended, and that nothing refers to; what it logs is made of the unit's own
      # description, and stays on the host
      begin ends
      # shellcheck disable=SC2086 # fields are a list of words
      [ -z "$STARTED" ] ||
        timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o verbose -n 1000 $STARTED | sed -n \
          -e 's/^[^ ].*/-/p' -e 's/^ *\(UNIT\|MESSAGE_ID\)=/\1=/p' -e 's/^ *MESSAGE=.* skipped.*/SKIPPED=yes/p'
      finish ends 0
      ;;
  esac
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
if [ -n "$LASTING" ]; then
  # systemd before 242 does not notice, until it is reloaded, that a unit it has loaded was enabled
  # shellcheck disable=SC2086 # units are a list of words
  section lasting "$LIMIT" systemctl is-enabled -- $LASTING
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
class UnitState:
    """How a unit stands that the cloud-config names; one for each thing that it asks of that unit.

    Attributes:
        name: the unit's name, as given.
        properties: what `systemctl show` told; empty where it told nothing.
        asked: `started`, `restarted`, `reloaded`, `stopped`, `enabled`, `masked`, or empty where nothing is asked.
        as_asked: whether it is as asked.
        why: what is in the way; also where it is as asked, though not as one would expect.
    """

    name: str
    properties: Properties = field(default_factory=dict)
    asked: str = ""
    as_asked: bool = True
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """What a cloud-config asks for, held against its host.

    Attributes:
        items: files, units and drop-ins, each path once.
        units: every unit that is named.
        hostname: the host's own, where the cloud-config asks for one.
        users: those of the users asked for that the host has.
        partial: what is not known, and why, in sentences.
    """

    items: t.Sequence[Item] = ()
    units: t.Sequence[UnitState] = ()
    hostname: str = ""
    users: t.Sequence[str] = ()
    partial: t.Sequence[str] = ()


@dataclass(frozen=True)
class Target:
    """A file that coreos-cloudinit would write, and how."""

    kind: str
    name: str
    path: str
    mode: int = 0o644
    owner: str = ""
    encoding: str = ""
    text: Text | None = None
    made: str = ""
    """Why the content is not that of a text: it is made from something else."""


def targets(asked: Asked) -> list[Target]:
    """Return what coreos-cloudinit would write, each path once: of several the one that it writes last."""
    found = [
        Target(
            "file",
            file.path,
            _path("/", file.path),
            # what is beyond rwx is lost: Go has bits of its own for it
            mode=int(file.permissions, 8) & 0o777 if re.match(r"[0-7]+\Z", file.permissions) else 0o644,
            owner=file.owner,
            encoding=file.encoding,
            text=file.text,
        )
        for file in asked.files
    ]
    generated = {
        "oem": "/etc/oem-release",
        "update": "/etc/coreos/update.conf",
        "flannel": "/run/flannel/options.env",
    }
    found += [
        Target("file", path, _path("/", path), made=f"it is made from the section coreos.{section}")
        for section, path in generated.items()
        if section in asked.sections
    ]
    if asked.manage_etc_hosts:
        found.append(Target("file", "/etc/hosts", _path("/", "/etc/hosts"), made="it is made from manage_etc_hosts"))
    for unit in asked.units:
        path = unit_path(unit)
        if unit.mask:
            # a mask takes the place of the unit's file
            found = [target for target in found if target.path != path]
        elif unit.text:
            found.append(Target("unit", unit.name, path, text=unit.text))
        found += [
            Target("drop_in", f"{unit.name}/{drop_in.name}", _path(f"{path}.d", drop_in.name), text=drop_in.text)
            for drop_in in unit.drop_ins
            if drop_in.text
        ]
    for section, service in _SERVICES.items():
        if section in asked.sections:
            name = f"{service}/20-cloudinit.conf"
            path = _path("/run/systemd/system", f"{service}.d/20-cloudinit.conf")
            found.append(Target("drop_in", name, path, made=f"it is made from the section coreos.{section}"))
    return list({target.path: target for target in found}.values())


_SERVICES = {
    "etcd": "etcd.service",
    "etcd2": "etcd2.service",
    "fleet": "fleet.service",
    "locksmith": "locksmithd.service",
}


def is_network(name: str) -> bool:
    """Whether a unit is one for networkd, of which coreos-cloudinit writes only the file."""
    return name.rpartition(".")[2] in ("network", "netdev", "link")


def unit_path(unit: AskedUnit) -> str:
    """Return where coreos-cloudinit writes a unit's file."""
    folder = f"/{'run' if unit.runtime else 'etc'}/systemd/{'network' if is_network(unit.name) else 'system'}"
    return _path(folder, unit.name)


def _path(folder: str, name: str) -> str:
    return _ROOT + posixpath.normpath(f"{folder.rstrip('/')}/{name.lstrip('/')}")


def compare(host: Host, asked: Asked, *, path: str = "", content: str | None = None, sha256: str = "") -> Comparison:
    """Hold what a cloud-config asks for against its host, in one round trip; nothing is changed.

    Args:
        host: the host.
        asked: what it asks for.
        path: where the user-data lies on the host.
        content: the user-data itself, where it is not yet there.
        sha256: the digest of the user-data that was looked at, if it is to be made sure that it is still the same.

    Raises:
        RemediationError: the host could not be asked, or the user-data is another one than was looked at.
    """
    wanted = targets(asked)
    # a script's lists have one item a line
    sendable = [target for target in wanted if "\n" not in target.path]
    texts = sorted((target.text.key, index) for index, target in enumerate(sendable) if target.text and not target.made)
    numbers = {index: number for number, (_key, index) in enumerate(texts, 1)}
    units = list(dict.fromkeys(unit.name for unit in asked.units if _is_shown(unit.name)))
    lasting = list(dict.fromkeys(u.name for u in asked.units if (u.enable or u.mask) and _is_shown(u.name)))
    started = list(
        dict.fromkeys(unit.name for unit in asked.units if unit.command not in ("", "stop") and _is_shown(unit.name))
    )
    fields = [f"MESSAGE_ID={number}" for number in _STARTED + _ENDED] + [f"UNIT={name}" for name in started]
    variables = {
        "FILE": path,
        "HAS_CONTENT": "" if content is None else "yes",
        "CONTENT": content or "",
        "SHA256": sha256 if content is None else "",
        # the OEM's unit has no environment
        "ENVIRONMENT": "" if path == "/usr/share/oem/cloud-config.yml" else f"{_ROOT}/etc/environment",
        "HEADS": _heads([t.cast("Text", sendable[index].text) for _key, index in texts]),
        "TEXTS": "\n".join(_row(sendable[index]) for _key, index in texts),
        "TARGETS": "\n".join(f"{numbers.get(index, 0)}\n{target.path}" for index, target in enumerate(sendable)),
        "PROPERTIES": " ".join(f"-p {name}" for name in _PROPERTIES.split()),
        "UNITS": " ".join(units),
        "LASTING": " ".join(lasting),
        "STARTED": " ".join(fields) if started else "",
        "HOSTNAME": asked.hostname,
        # a user's name stands in a list of words; one that is none cannot be there
        "USERS": " ".join(name for name in asked.users if re.match(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z", name)),
        "RUN": _RUN,
        "BLOCK_LIMIT": str(SIZE_LIMIT // 512),
        "LIMIT": str(LIMIT),
    }
    answer = ask(host, _COMPARE_SH, variables=variables, needs=("systemctl", "sed", "sha256sum", "mktemp", "truncate"))
    if "moved" in answer:
        raise RemediationError(
            f"The user-data {printable(path)} is another one than was looked at a moment ago. Wait until it is "
            f"settled, then run again."
        )
    told = _items(answer, sendable, numbers)
    items = [
        told.get(target.path) or Item(target.kind, target.name, target.path, "not_compared", "its path has line breaks")
        for target in wanted
    ]
    return Comparison(
        items=items,
        units=_units(answer, asked, lasting),
        hostname=printable(_out(answer, "hostname"), limit=100),
        users=[name for name in asked.users if re.search(rf"^{re.escape(name)}:", _out(answer, "users"), re.MULTILINE)],
        partial=_partial(answer),
    )


def _is_shown(name: str) -> bool:
    """Whether systemctl can be asked for a unit."""
    return is_unit_name(name) and "@." not in name


def _heads(texts: t.Sequence[Text]) -> str:
    lines = []
    for text in texts:
        lines.append(f"{text.key}b head")
        if text.block and text.first:
            lines.append(f"{text.key + 1},{text.first}b indent")
        elif text.last > text.key:
            lines.append(f"{text.key + 1},{text.last}b rest")
    return _HEADS_SED.replace("@LINES@", "\n".join(lines))


def _row(target: Target) -> str:
    text = t.cast("Text", target.text)
    encoding = target.encoding if re.match(r"[a-z0-9+]+\Z", target.encoding) else ""
    return f"{text.key} {text.first} {text.last} {text.indent} {encoding or 'none'}"


def _items(answer: Answer, wanted: t.Sequence[Target], numbers: t.Mapping[int, int]) -> dict[str, Item]:
    """Return an item for each path."""
    doubts: dict[int, str] = {}
    for row in _out(answer, "DOUBTS").splitlines():
        digits, _blank, doubt = row.partition(" ")
        if digits.isdecimal():
            doubts.setdefault(int(digits), printable(doubt))
    kinds = _out(answer, "KINDS").split()
    stats = [row.split(" ") for row in _out(answer, "STATS").splitlines() if row][1::2]
    same = _out(answer, "SAME").split()
    files = kinds.count("file")
    whole = len(kinds) == len(wanted) and len(stats) == len(same) == files
    extracted = "extract" in answer and not answer["extract"].rc
    empty = {int(digits) for digits in _out(answer, "EMPTY").split() if digits.isdecimal()}
    items = {}
    position = 0
    for index, target in enumerate(wanted):
        kind = kinds[index] if whole else ""
        state, why = _judge(target, kind)
        number = numbers.get(index, 0)
        if number and number in empty and target.kind != "file" and extracted and number not in doubts:
            state, why = "not_compared", UNWRITTEN
            position += kind == "file"
        elif kind == "file":
            differing = _differing(target, stats[position])
            doubt = target.made or doubts.get(number, "")
            if target.text and not extracted:
                doubt = doubt or "its text could not be taken out of the user-data"
            if same[position] != "same" and not doubt:
                differing.insert(0, "content")
            state, why = ("differs", ", ".join(differing)) if differing else ("same", "")
            if doubt and not differing:
                state, why = "not_compared", doubt
            position += 1
        items[target.path] = Item(target.kind, target.name, target.path, state, why)
    return items


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
    if int(mode, 8) != target.mode:
        found.append(f"mode (0{int(mode, 8):o} instead of 0{target.mode:o})")
    # without a colon the group stays root's; with nothing behind it, it is the user's own, which is not known here
    owner, colon, owning = target.owner.partition(":")
    if (owner or "root") not in (user, uid) or ((owning or not colon) and (owning or "root") not in (group, gid)):
        instead = target.owner if colon else f"{owner or 'root'}:root"
        found.append(f"owner ({printable(user, limit=40)}:{printable(group, limit=40)} instead of {instead})")
    return found


_COMMANDS = {
    "start": "started",
    "restart": "restarted",
    "reload": "reloaded",
    "reload-or-restart": "restarted",
    "stop": "stopped",
    # these two do nothing to a unit that is not up
    "try-restart": "restarted if it ran",
    "reload-or-try-restart": "restarted if it ran",
}


def _units(answer: Answer, asked: Asked, lasting: t.Sequence[str]) -> list[UnitState]:
    shown = _out(answer, "units")
    names = list(dict.fromkeys(unit.name for unit in asked.units if _is_shown(unit.name)))
    blocks = parse_show(shown)
    # by the order asked for: of an alias, systemd tells the name of the unit that it stands for
    properties = dict(zip(names, blocks)) if len(blocks) == len(names) else {}
    states = _out(answer, "lasting").split()
    enabling = dict(zip(lasting, states)) if len(states) == len(lasting) else {}
    ends = _ends(_out(answer, "ends"))
    found = []
    for unit in {unit.name: unit for unit in asked.units}.values():
        same = [other for other in asked.units if other.name == unit.name]
        known = properties.get(unit.name, {})
        if unit.name in enabling:
            known = {**known, "UnitFileState": printable(enabling[unit.name], limit=40)}
        found += _unit_states(same, known, ends.get(unit.name, ""))
    return found


def _ends(log: str) -> dict[str, str]:
    """Return what systemd logged last of each unit: that it was `started`, `skipped` or `ended`."""
    ends = {}
    for entry in log.split("-\n"):
        fields = dict(row.split("=", 1) for row in entry.splitlines() if "=" in row)
        if fields.get("MESSAGE_ID") in _ENDED:
            ends[fields.get("UNIT", "")] = "ended"
        elif fields.get("MESSAGE_ID") in _STARTED:
            ends[fields.get("UNIT", "")] = "skipped" if "SKIPPED" in fields else "started"
    return ends


def _unit_states(same: t.Sequence[AskedUnit], known: Properties, end: str) -> list[UnitState]:
    """Return what is to be said of a unit, which may have been named more than once."""
    name = same[0].name
    wanted = []
    commands = [unit.command for unit in same if unit.command in _COMMANDS]
    if is_network(name):
        return [UnitState(name, why="only its file is written; systemd-networkd reads it")]
    if same[-1].mask:
        wanted.append("masked")
    if any(unit.enable for unit in same):
        wanted.append("enabled")
    if commands:
        wanted.append(_COMMANDS[commands[-1]])
    if not wanted:
        return [UnitState(name, known)]
    found = []
    for what in wanted:
        if not known:
            found.append(UnitState(name, known, what, as_asked=False, why="systemd told nothing of it"))
        else:
            as_asked, why = _is_as_asked(known, what, end)
            found.append(UnitState(name, known, what, as_asked=as_asked, why=why))
    return found


def _is_as_asked(unit: Properties, what: str, end: str) -> tuple[bool, str]:
    state = state_words(unit)
    lasting = unit.get("UnitFileState", "")
    if what == "masked":
        if unit.get("LoadState") == "masked" or lasting.startswith("masked"):
            return True, ""
        return False, f"it is {lasting or state}"
    if what == "enabled":
        if lasting in ("enabled", "enabled-runtime", "alias"):
            return True, ""
        if lasting in ("static", "indirect"):
            # that is all coreos-cloudinit could do, and it says nothing
            return True, "its unit file has no [Install] section of its own, so that enabling it does nothing"
        return False, f"it is {lasting or state}"
    active = unit.get("ActiveState", "")
    if what == "stopped":
        return active in ("inactive", "failed"), "" if active == "inactive" else f"it is {state}"
    if is_active(unit):
        return True, ""
    # the log is asked since systemd may have forgotten it
    if active == "inactive" and (was_skipped(unit) or end == "skipped"):
        return True, "a condition of its unit file is not met, and systemd skipped it"
    if active == "inactive" and end != "ended" and (_has_ended_well(unit) or (end and unit.get("Result") == "success")):
        return True, "" if unit.get("Type") == "oneshot" else "it has ended by itself, and well"
    if what == "restarted if it ran" and active == "inactive":
        return True, "it was not running, and stays so"
    return False, f"it is {state}"


def _has_ended_well(unit: Properties) -> bool:
    has_run = unit.get("InactiveExitTimestampMonotonic", "0") not in ("", "0")
    # 1 is CLD_EXITED
    exited = unit.get("ExecMainCode") == "1" and unit.get("ExecMainStatus") == "0"
    is_oneshot = unit.get("Type") == "oneshot" and unit.get("RemainAfterExit") != "yes"
    return has_run and unit.get("Result") == "success" and (exited or is_oneshot)


def _out(answer: Answer, name: str) -> str:
    return answer[name].out if name in answer else ""


_ASKED = {
    "work": "mktemp (in /run)",
    "extract": "sed (over the user-data)",
    "units": "systemctl show",
}


def _partial(answer: Answer) -> list[str]:
    sentences = []
    for name, what in _ASKED.items():
        if name not in answer or not answer[name].rc:
            continue
        section = answer[name]
        seen = f"did not end within {LIMIT} s" if section.timed_out else f"ended with status {section.rc}"
        said = f" and said '{printable(section.err)}'" if section.err.strip() else ""
        sentences.append(f"{what} {seen}{said}; what it would have told is missing.")
    return sentences
