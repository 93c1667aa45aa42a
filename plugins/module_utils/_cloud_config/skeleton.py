# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The skeleton of a cloud-config: its structure without its content, which may be secret and stays on its host.

The host makes it, line for line, with `SKELETON_SED`; keys stay, and so do the values of a few keys that hold names.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable

try:
    import yaml
except ImportError:  # only a controller is sure to have it, and a host reads by itself only in the background
    yaml = None  # type: ignore[assignment,unused-ignore]

LIMIT = 262144
"""Characters of a skeleton; what is larger is not parsed."""

NO_YAML = "PyYAML is missing"
"""What `Skeleton.error` is where this Python cannot read any."""

MERGE = "<<"
"""The key of what is merged into a mapping, as coreos-cloudinit does, too; the lists in it are joined."""

_DEPTH = 40

_BLOCKS = ("|", ">")

_SECTIONS = (
    "Unit Install Service Socket Timer Path Mount Automount Swap Slice Scope Target Match Network Link NetDev Address "
    "Route DHCP DHCPv4 Bridge Bond VLAN VXLAN Tunnel Tun Tap Peer Manager Journal"
)

# What stands for a value that stays on the host.
PLACEHOLDERS = ("_text", "_flow", "_alias", "_number", "_boolean", "_ssh_key", "_address")

# Of a scalar, what may leave the host, by key. A bound of hundreds would make sed take three times as long. In double
# quotes a backslash may stand for itself alone, and not begin another escape; a truth value in quotes is none, and
# coreos-cloudinit leaves it aside.
_QUOTE = r"""["']\{0,1\}"""
_PATH = r"[A-Za-z0-9_.,\/@:+%~\\-]"
_HARMLESS = (
    (r"name", r"[A-Za-z0-9:_.@\\-]\{1,\}"),
    (r"command", r"[a-z-]\{1,30\}"),
    (r"\(enable\|mask\|runtime\|system\)", r"[A-Za-z]\{1,5\}"),
    (r"path", rf"\({_PATH}\{{1,\}}\|\/[ {_PATH[1:]}*{_PATH}\)"),
    (r"permissions", r"[0-7]\{3,5\}"),
    (r"owner", r"[a-z0-9_][a-z0-9_.-]\{0,31\}\(:[a-z0-9_.-]\{0,32\}\)\{0,1\}"),
    (r"encoding", r"[a-z0-9+]\{2,11\}"),
    (r"hostname", r"[A-Za-z0-9.-]\{1,\}"),
    (r"manage[_-]etc[_-]hosts", r"[a-z-]\{1,9\}"),
    (r"reboot[_-]strategy", r"\([a-z-]\{1,9\}\|best-effort\)"),
)

# In brackets: a comment, two forms of what is in quotes, and what is none of these. Four of them may be in each other.
_INSIDE = r"""[[:blank:]]#[^\n]*\n\|"\([^"\\]\|\\.\)*"\|'[^']*'\|[^]["'{}#,[:space:]]#*\|[,[:space:]]"""
_BRACKETS = functools.reduce(
    lambda inner, _level: rf"[[{{]\({_INSIDE}\|{inner}\)*[]}}]", range(3), rf"[[{{]\({_INSIDE}\)*[]}}]"
)

# What is written out here is too long, or there too often, to be read in a script.
_WORDS = {
    "@HARMLESS@": "\n".join(
        rf"""/^[^\n]*\n{key}\n/{{
/@HEAD@"\([^\\]\|\\\\\)*\\[^\\]/!s/\(@HEAD@\)\({quote}\)\({value}\)\3@END@/\1\3\4\3/
t scalar
}}"""
        for key, value, quote in ((*row, "" if "enable" in row[0] else _QUOTE) for row in _HARMLESS)
    ),
    # before a value: the text before its key, the key, and the indentation of a value on a line of its own
    "@HEAD@": r"^[^\n]*\n[^\n]*\n\(\n *\)\{0,1\}",
    "@BRACKETS@": _BRACKETS,
    # how a plain scalar begins, and what it has then; it ends where a colon or a comment does
    "@PLAIN@": r"""\([^]["'#&*!|>%@`{},:?[:space:]-]\|[:?-]\{1,\}[^:?[:space:]-]\)#*""",
    "@MORE@": r"\([^:#]\|[^:#[:blank:]]#\{1,\}\|:\{1,\}[^:[:blank:]]#*\)*",
    "@COLON@": r"[[:blank:]]*:\([[:blank:]][[:blank:]]*\(.*\)\)\{0,1\}$",
    "@BREAK@": r"\r\|\xc2\x85\|\xe2\x80[\xa8\xa9]",
    "@END@": r"[[:blank:]]*\([[:blank:]]#.*\)\{0,1\}$",
    "@SECTIONS@": r"\|".join(_SECTIONS.split()),
    "@BOOLEAN@": r"\|".join(
        form for word in ("true", "false", "yes", "no", "on", "off") for form in (word, word.title(), word.upper())
    ),
}

_TEMPLATE = r"""
s/\r$//
1{
  s/.*/#/
  b
}
# what is a line break to YAML alone
/@BREAK@/b unknown
# the hold space is the kind of value that the line may be in, and the indentation of its key:
# B of a block, U of a block with a section of a unit file, C of a continued line there, P of another scalar; or it is
# a mark that nothing is told any more
G
/\n#$/{
  s/.*//
  b
}
/^[[:blank:]]*\n/{
  s/.*//
  b
}
/^\( *\)  *[^ \n][^\n]*\n[BUCP]\1$/b inside
s/\n.*//
s/[[:blank:]]*$//
x
s/.*//
x
/^ *#/{
  s/.*/#/
  b
}
/^\(---\|\.\.\.\)@END@/{
  s/^\(...\).*/\1/
  b
}
t split
:split
# a key and its value; a key that could be anything, and its value; an item
s/^\( *\(-  *\)*\)\(["']\{0,1\}\)\([A-Za-z_][A-Za-z0-9_-]\{0,39\}\|<<\)\3@COLON@/\1\n\4\n\6/
t value
s/^\( *\(-  *\)*\)\(@PLAIN@@MORE@\|"[^"\\]*"\|'[^']*'\)@COLON@/\1\n_\n\7/
t value
s/^\( *\(-  *\)*-\)\(  *\(.*\)\)\{0,1\}$/\1\n\n\4/
t value
# at the margin there is no value without a key, so this is the whole, or no YAML
s/^[A-Za-z0-9_.\/][^:]*$/_text/
t drop
:unknown
# what is none of these is not understood, and might change the meaning of all that follows
s/.*/#?/
:drop
n
s/.*//
b drop

:value
s/\n\(&[^[:blank:]\n]*\|!!str\)\([[:blank:]][[:blank:]]*\([^\n]*\)\)\{0,1\}$/\n\3/
t value
# what has another tag may be something else than it looks like; so its key is made one that nobody knows the values of
s/^\([^\n]*\n[^ \n][^\n]*\)\n![^[:blank:]\n]*[[:blank:]]*\([^\n]*\)$/\1 \n\2/
t value
s/\n![^[:blank:]\n]*[[:blank:]]*\([^\n]*\)$/\n\1/
t value
s/\n#[^\n]*$/\n/
/\n$/b next
/\n[|>][-+0-9]\{0,2\}@END@/{
  s/[^\n]*$/|/
  h
  s/-\n\n.*//
  s/\n.*//
  s/-/ /g
  s/^/B/
  x
  b told
}
# an item may also be a mapping with a key of another form
/^[^\n]*\n\n/{
  /\n@PLAIN@@MORE@@END@/b pass
  /\n"\([^"\\]\|\\.\)*"[[:blank:]]*[^#[:blank:]]/b unknown
  /\n'\([^']\|''\)*'[[:blank:]]*[^'#[:blank:]]/b unknown
  /\n["'[{]/!{
    /\n\*[^:[:blank:]]*@END@/!b unknown
  }
}
# a scalar in quotes, or a list or mapping in brackets, may go on; indentation does not matter in it
:more
/@HEAD@"\([^"\\]\|\\.\)*\\\{0,1\}$/b append
/@HEAD@'\([^']\|''\)*$/b append
/@HEAD@[[{]/{
  /@HEAD@@BRACKETS@@END@/!b append
}
:pass
t pass
@HARMLESS@
s/\(@HEAD@\)\(\[ *\]\|{ *}\|~\|null\|Null\|NULL\)@END@/\1\3/
t scalar
s/\(@HEAD@\)[[{][^\n]*/\1_flow/
t scalar
s/\(@HEAD@\)\*[^\n]*/\1_alias/
t scalar
s/\(@HEAD@\)["']\{0,1\}\(ssh-[a-z0-9]*\|ecdsa-sha2-[a-z0-9]*\|sk-[a-z0-9@.-]*\) [^\n]*/\1_ssh_key/
t scalar
s/\(@HEAD@\)[^\n]*\$\(public\|private\)_ipv[46][^\n]*/\1_address/
t scalar
s/\(@HEAD@\)[-+]\{0,1\}[0-9][0-9_.]*@END@/\1_number/
t scalar
s/\(@HEAD@\)\(@BOOLEAN@\)@END@/\1_boolean/
t scalar
s/\(@HEAD@\)[^\n][^\n]*/\1_text/

:scalar
# of the further lines of a value only the line breaks stay
s/\(@HEAD@[^\n][^\n]*\n\n*\)[^\n][^\n]*/\1/
t scalar
h
s/-\n\n.*//
s/\n.*//
s/-/ /g
s/^/P/
x
:told
/^[^\n]*\n\n/{
  s/\n\n/ /
  b
}
s/^\([^\n]*\)\n\([^\n]*\)\n/\1\2: /
b

:append
$b ended
N
s/\r$//
/@BREAK@/!b more

:ended
# what follows is in it, or is not understood
s/\(@HEAD@[^\n][^\n]*\n\n*\)[^\n][^\n]*/\1/
t ended
s/\(@HEAD@\)[[{][^\n]*/\1_flow/
s/\(@HEAD@\)["'][^\n]*/\1_text/
s/\(@HEAD@[^\n][^\n]*\n\)/\1#?/
x
s/.*/#/
x
b told

:next
# the value may stand in the next line
$b told
N
s/\r$//
/@BREAK@/b apart
s/[[:blank:]]*$//
/\n  *@PLAIN@@MORE@@END@/b more
/\n  *[|>][-+0-9]\{0,2\}@END@/b more
/\n  *"\([^"\\]\|\\.\)*\("@END@\|\\\{0,1\}$\)/b more
/\n  *'\([^']\|''\)*\('@END@\|$\)/b more
/\n  *[[{]/b more
:apart
s/^\([^\n]*\)\n\n\n/\1 \n/
s/^\([^\n]*\)\n\([^\n]*\)\n\n/\1\2: \n/
P
D

:inside
/\nP/{
  /^[[:blank:]]*#/{
    s/.*//
    b
  }
  s/.*\n.\( *\)$/\1  _more/
  b
}
s/^[[:blank:]]*//
/^[#;]/{
  s/.*\n.\( *\)$/\1  #/
  b
}
/\nC/{
  /\\\n/!{
    x
    s/^C/U/
    x
  }
  s/.*\n.\( *\)$/\1  _more/
  b
}
/^\[\(X-[A-Za-z]\{1,30\}\|@SECTIONS@\)\][[:blank:]]*\n/{
  x
  s/^./U/
  x
  s/^\(\[[A-Za-z0-9-]*\]\).*\n.\( *\)$/\2  \1/
  b
}
/^\[/{
  x
  s/^./B/
  x
  s/.*\n.\( *\)$/\1  [_]/
  b
}
/\nU/{
  /\\\n/{
    x
    s/^U/C/
    x
  }
  /^[A-Z][A-Za-z0-9]\{0,40\}[[:blank:]]*=[[:blank:]]*\n/{
    s/^\([A-Za-z0-9]*\).*\n.\( *\)$/\2  \1=/
    b
  }
  /^[A-Z][A-Za-z0-9]\{0,40\}[[:blank:]]*=[^=\n]/{
    s/^\([A-Za-z0-9]*\).*\n.\( *\)$/\2  \1=_/
    b
  }
  /^[^=\n][^=\n]*=/{
    s/^\(X-\)\{0,1\}.*\n.\( *\)$/\2  \1_=_/
    b
  }
}
s/.*\n.\( *\)$/\1  _/
"""

SKELETON_SED = functools.reduce(lambda text, word: text.replace(*word), _WORDS.items(), _TEMPLATE)
"""For `sed -e`, on a cloud-config without a byte order mark: its skeleton, with as many lines.

A value is left out, wiped to one of `PLACEHOLDERS`, or as it is written, if it is one of a key of `_HARMLESS` whose
form is known; where it goes on, `_more` follows. A line of a block is a section (`[Unit]`, or `[_]`), in a section of a
unit file an assignment without its value (`ExecStart=_`, `ExecStart=`, or `_=_` and `X-_=_` of a key that is none of
systemd's) or the rest of one (`_more`), a comment (`#`), empty, or `_`. From a line `#?` on nothing is told.
"""

Tree = t.Union[t.Dict[str, t.Any], t.List[t.Any], str, None]


@dataclass(frozen=True)
class Text:
    """Where a scalar stands in the user-data; lines count from 1.

    Attributes:
        key: the line of its key; what stands behind the colon there is the value, or a block's header.
        first: the first line of a block that is not empty, which tells how far all are indented; `key` of a value that
            is no block; 0 of a block that is empty.
        last: the last line that may belong to it. Empty lines belong to a block; whether they count, its header tells.
            Behind a value that is no block, all that belongs to it stands on further lines.
        indent: the column of its key, from 0.
        block: whether it is a block, literal or folded.
        lines: how many lines it has, without empty ones at its end.
    """

    key: int
    first: int
    last: int
    indent: int = 0
    block: bool = False
    lines: int = 1


@dataclass(frozen=True)
class Skeleton:
    """The structure of a cloud-config.

    Attributes:
        tree: mappings, lists and scalars, the latter as texts; of a key that is there twice, the last, as YAML has it.
        lines: where each key and item stands, by its place, such as `coreos.units.0.name`.
        texts: where the text of each mapping's scalar stands, by the same places.
        repeated: places of keys that are there more than once.
        unread: the line from which on nothing is known, or 0.
        cut: the places of what that line may be in, so that there may be more of it than is told.
        second: the line where a second document begins, which is not in the tree, or 0.
        error: why there is no tree, or empty.
    """

    tree: Tree = None
    lines: t.Mapping[str, int] = field(default_factory=dict)
    texts: t.Mapping[str, Text] = field(default_factory=dict)
    repeated: t.Sequence[str] = ()
    unread: int = 0
    cut: t.AbstractSet[str] = frozenset()
    second: int = 0
    error: str = ""


def parse_skeleton(text: str) -> Skeleton:
    """Return the structure that a skeleton tells of. A host's answer may be anything; this never raises."""
    if yaml is None:
        return Skeleton(error=NO_YAML)
    if len(text) > LIMIT:
        return Skeleton(error=f"it has {len(text)} characters, more than {LIMIT}")
    # splitlines also breaks where YAML does not
    written = text.split("\n")
    numbers = [number for number, line in enumerate(written, 1) if line == "#?"]
    unread = numbers[0] if numbers else 0
    try:
        node = next(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), None)
        reader = _Reader(_followers(written))
        tree = reader.tree(node, "", _DEPTH)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is no YAML"
        return Skeleton(unread=unread, error=printable(f"{problem}{where}"))
    except (RecursionError, ValueError) as error:
        return Skeleton(unread=unread, error=printable(str(error)) or "it is nested too deeply")
    return Skeleton(
        tree=tree,
        lines=reader.lines,
        texts=reader.texts,
        repeated=reader.repeated,
        unread=unread,
        cut=set(_last(tree, reader.lines)) if unread else frozenset(),
        second=_second(written),
    )


def _last(tree: Tree, lines: t.Mapping[str, int]) -> t.Iterator[str]:
    """Yield the place of a tree, of the last that is in it, of the last in that, and so on."""
    place = ""
    yield place
    while tree and isinstance(tree, (dict, list)):
        inside = dict(tree) if isinstance(tree, dict) else {str(index): item for index, item in enumerate(tree)}
        places = {f"{place}.{name}" if place else name: item for name, item in inside.items()}
        place = max(places, key=lambda inner: lines.get(inner, 0))
        tree = places[place]
        yield place


def _second(written: t.Sequence[str]) -> int:
    """Return the line where anything but empty lines and comments begins behind the first document, or 0."""
    begun = ended = False
    for number, line in enumerate(written, 1):
        if line and not line.lstrip().startswith("#"):
            if ended or (begun and line == "---"):
                return number
            begun, ended = True, line == "..."
    return 0


def _followers(written: t.Sequence[str]) -> list[int]:
    """Return, for each line, the first one from there on that is not empty; both count from 0."""
    followers = [len(written)] * (len(written) + 1)
    # what follows the last line break is no line
    following = len(written) - (not written[-1])
    followers[-1] = following
    for number in reversed(range(len(written))):
        if written[number]:
            following = number
        followers[number] = following
    return followers


class _Reader:
    """Makes plain values of a skeleton's nodes, and notes where they stand."""

    def __init__(self, followers: t.Sequence[int]) -> None:
        self.lines: dict[str, int] = {}
        self.texts: dict[str, Text] = {}
        self.repeated: list[str] = []
        self._followers = followers
        self._seen: set[int] = set()

    def tree(self, node: t.Any, place: str, depth: int) -> Tree:
        if node is None:
            return None
        if not depth:
            raise ValueError("it is nested too deeply")
        # a skeleton has no aliases; those of a host that has gone bad could stand for far more than it sent
        if id(node) in self._seen:
            raise ValueError("it has an alias")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, t.Any] = {}
            for key, value in node.value:
                name = printable(str(key.value), limit=60) if isinstance(key, yaml.ScalarNode) else "_"
                here = f"{place}.{name}" if place else name
                # several keys may be told as `_`, and several mappings merged into one
                if name in mapping and name not in ("_", MERGE):
                    self.repeated.append(here)
                self.lines[here] = key.start_mark.line + 1
                if isinstance(value, yaml.ScalarNode):
                    self.texts[here] = self._text(key, value)
                mapping[name] = self.tree(value, here, depth - 1)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            items: list[t.Any] = []
            for index, value in enumerate(node.value):
                here = f"{place}.{index}" if place else str(index)
                self.lines[here] = value.start_mark.line + 1
                items.append(self.tree(value, here, depth - 1))
            return items
        if node.tag == "tag:yaml.org,2002:null":
            return None
        value = str(node.value)
        first, *more = value.split() or [""]
        if "_more" in more and node.style not in _BLOCKS:
            return first if first in PLACEHOLDERS else "_text"
        return value

    def _text(self, key: t.Any, value: t.Any) -> Text:
        line = key.start_mark.line
        block = value.style in _BLOCKS
        inked = str(value.value).rstrip("\n") if block else ""
        lines = inked.count("\n") + 1 if inked else 0
        return Text(
            key=line + 1,
            first=self._following(line + 1) + 1 if inked else 0 if block else line + 1,
            last=self._following(line + 1 + lines if block else value.end_mark.line + 1),
            indent=key.start_mark.column,
            block=block,
            lines=lines if block else 1,
        )

    def _following(self, line: int) -> int:
        return self._followers[min(line, len(self._followers) - 1)]
