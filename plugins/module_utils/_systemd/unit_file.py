# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Reading unit files and drop-ins as systemd does: which word of which line sets what."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import unquoted
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import unescape

_BLANK = " \t\n\r"
_COMMENT = ("#", ";")
_SECTION = re.compile(r"\[(.*)\]\Z")
_WORD = re.compile(r"[^ \t\n\r]+")

# Specifiers that follow from the unit's name alone; all others are taken from the host.
_SPECIFIER = re.compile(r"%(.)", re.DOTALL)

Line = t.Tuple[int, str]
"""A line's number in its file, from 1, and its text without the line break."""


class Word(t.NamedTuple):
    """One word of a setting's value, and the line that it stands on."""

    text: str
    line: int


class Setting(t.NamedTuple):
    """One assignment of a unit file, such as `After=` in `[Unit]`.

    Attributes:
        file: the path of the fragment or drop-in.
        line: the line that the assignment begins on.
        section: the section, such as `Unit`.
        key: the name of the setting.
        value: the whole value, continued lines joined.
        words: the words of the value, split at white space, each with its own line; quotes around a word are gone.
    """

    file: str
    line: int
    section: str
    key: str
    value: str
    words: tuple[Word, ...]


def parse_unit_file(file: str, lines: t.Iterable[Line]) -> list[Setting]:
    """Return the settings of a unit file, in the order of the file.

    What is no setting is passed over, as systemd does. A dependency cannot be taken back by an empty assignment,
    so nothing is taken back here.

    Args:
        file: the path of the file.
        lines: the lines of the file. Lines that set nothing of interest may be missing, with their continuations.
    """
    settings: list[Setting] = []
    section = ""
    for joined in _logical_lines(lines):
        first, text = joined[0]
        header = _SECTION.match(text.strip(_BLANK))
        if header:
            section = header[1]
            continue
        key, equals, rest = text.partition("=")
        if not equals or not key.strip(_BLANK):
            continue
        pieces = [(first, rest), *joined[1:]]
        settings.append(
            Setting(
                file=file,
                line=first,
                section=section,
                key=key.strip(_BLANK),
                value=" ".join(piece.strip(_BLANK) for _number, piece in pieces).strip(_BLANK),
                words=tuple(Word(unquoted(word), number) for number, piece in pieces for word in _WORD.findall(piece)),
            )
        )
    return settings


def _logical_lines(lines: t.Iterable[Line]) -> t.Iterator[list[Line]]:
    """Yield each line together with the lines that continue it, comments and the continuing backslashes left out."""
    joined: list[Line] = []
    for number, text in lines:
        line = text[1:] if number == 1 and text.startswith("\ufeff") else text
        bare = line.strip(_BLANK)
        # a comment between continued lines does not end them
        if bare.startswith(_COMMENT):
            continue
        if not joined and not bare:
            continue
        # as in systemd, a backslash that ends a line continues it unless it is itself escaped
        backslashes = len(line.rstrip("\r")) - len(line.rstrip("\r").rstrip("\\"))
        continued = backslashes % 2 == 1
        joined.append((number, line.rstrip("\r")[:-1] if continued else line))
        if not continued:
            yield joined
            joined = []
    if joined:
        yield joined


# A byte in digits, an escaped character, a quote, white space, any other text.
_TOKEN = re.compile(r"""\\x([0-9a-fA-F]{2})|\\(.)|(["'])|([ \t\n\r]+)|([^\\"' \t\n\r]+|\\)""", re.DOTALL)


def split_quoted(value: str) -> list[str]:
    """Return the items of a value in which an item may stand in quotes, such as that of RequiresMountsFor=."""
    items: list[bytes] = []
    begun, quote = False, ""
    for digits, escaped, mark, blank, text in _TOKEN.findall(value):
        if blank and not quote:
            begun = False
            continue
        if not begun:
            items.append(b"")
            begun = True
        if mark and quote in ("", mark):
            quote = "" if quote else mark
        else:
            plain = (escaped or mark or blank or text).encode("utf-8", "surrogateescape")
            items[-1] += bytes.fromhex(digits) if digits else plain
    return [item.decode("utf-8", "surrogateescape") for item in items]


def expand(word: str, unit: str) -> str | None:
    """Return a word with the specifiers of a unit put in; None where one of them is known to the host alone.

    Args:
        word: the word, such as `dev-%i.device`.
        unit: the unit's full name, such as `foo@bar.service`.
    """
    if "%" not in word:
        return word
    known = _specifiers(unit)
    unknown = [letter for letter in _SPECIFIER.findall(word) if letter not in known]
    return None if unknown else _SPECIFIER.sub(lambda match: known[match[1]], word)


def can_be(word: str, unit: str, name: str) -> bool:
    """Whether a word can stand for a name, where some of its specifiers are known to the host alone."""
    known = _specifiers(unit)
    # odd parts are the letters of specifiers
    parts = _SPECIFIER.split(word)
    literal = [""]
    for number, part in enumerate(parts):
        if number % 2 == 0:
            literal[-1] += part
        elif part in known:
            literal[-1] += known[part]
        else:
            literal.append("")
    first, *middle, last = literal if len(literal) > 1 else (word, "")
    at, end = len(first), len(name) - len(last)
    if not name.startswith(first) or not name.endswith(last) or at > end:
        return False
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _specifiers(unit: str) -> dict[str, str]:
    stem = unit.rpartition(".")[0]
    prefix, at, instance = stem.partition("@")
    return {
        "%": "%",
        "n": unit,
        "N": stem,
        "p": prefix,
        "P": unescape(prefix),
        "i": instance if at else "",
        "I": unescape(instance) if at else "",
        "j": prefix.rpartition("-")[2],
        "J": unescape(prefix.rpartition("-")[2]),
        "f": "/" + unescape(instance if at else prefix).lstrip("/"),
    }


def mount_path(unit: str) -> str:
    r"""Return the path that a mount, swap or device unit is named after: `/var/lib-x` for `var-lib\x2dx.mount`."""
    stem = unit.rpartition(".")[0]
    return "/" if stem == "-" else "/" + unescape(stem)


def with_instance(name: str, unit: str) -> str:
    """Return a dependency's name; one that is a template becomes the instance that systemd makes of it for a unit."""
    if "@." not in name:
        return name
    stem, at, instance = unit.rpartition(".")[0].partition("@")
    return name.replace("@.", f"@{instance if at else stem}.", 1)
