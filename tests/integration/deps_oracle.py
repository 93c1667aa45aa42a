# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd itself says of the dependencies of its units, to hold the facts of unit_deps_facts against."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, Play

MODULE = "container_linux.remediation.unit_deps_facts"
TYPES = (
    *("Requires", "Requisite", "BindsTo", "Wants", "PartOf", "Conflicts", "After", "Before", "OnFailure"),
    *("Triggers", "TriggeredBy", "RequiredBy", "RequisiteOf", "BoundBy", "WantedBy", "ConsistsOf", "ConflictedBy"),
    *("OnSuccess", "Upholds", "UpheldBy", "OnFailureOf", "OnSuccessOf"),
)
# The setting, or the directory, that declares a dependency of a type; and from the unit at its other end.
_SETTINGS = {
    **{type_: {type_} for type_ in TYPES},
    "After": {"After", "Sockets"},
    "Before": {"Before", "Unit"},
    "BindsTo": {"BindsTo", "BindTo"},
    "Triggers": {"Unit"},
    "TriggeredBy": {"Sockets"},
    "Requires": {"Requires", "RequiresOverridable"},
    "Wants": {"Wants", "Sockets"},
}
_INVERSE = {
    **{"Requires": "RequiredBy", "Requisite": "RequisiteOf", "BindsTo": "BoundBy", "Wants": "WantedBy"},
    **{"PartOf": "ConsistsOf", "Conflicts": "ConflictedBy", "After": "Before", "Triggers": "TriggeredBy"},
    **{"OnFailure": "OnFailureOf", "OnSuccess": "OnSuccessOf", "Upholds": "UpheldBy"},
}
_INVERSE |= {inverse: type_ for type_, inverse in _INVERSE.items()}
_DIRECTORIES = {"Wants": ".wants", "Requires": ".requires", "Upholds": ".upholds"}

_AT = re.compile(r"(?:(?P<origin>[a-z-]+): (?P<rule>.+?)(?: \((?P<cited>/.+):(?P<row>\d+)\))?|(?P<file>/.+?))\Z")

Edge = tuple[str, str, str]
"""A unit, a type of dependency, and the unit at the other end."""


@dataclass(frozen=True)
class Oracle:
    """What systemd says of all its units: names and files by main name, dependencies, and where each comes from."""

    names: dict[str, list[str]]
    files: dict[str, list[str]]
    edges: frozenset[Edge]
    origins: dict[Edge, frozenset[str]]


def ask_systemd(host: Machine) -> Oracle:
    """Ask `systemctl show` and `systemd-analyze dump` about all loaded units."""
    asked = ("Id", "Names", "FragmentPath", "DropInPaths", *TYPES)
    names, files, edges = {}, {}, set()
    for block in host.sh(f"systemctl show --all --no-pager -p {','.join(asked)} '*'").strip().split("\n\n"):
        shown = dict(line.split("=", 1) for line in block.splitlines())
        unit = shown["Id"]
        names[unit] = shlex.split(shown["Names"])
        drop_ins = shlex.split(shown.get("DropInPaths", "").replace("\\$", "$"))
        files[unit] = [path for path in (shown["FragmentPath"], *drop_ins) if path]
        edges |= {(unit, type_, other) for type_ in TYPES for other in shlex.split(shown.get(type_, ""))}
    origins: dict[Edge, frozenset[str]] = {}
    unit = ""
    for line in host.sh("systemd-analyze --no-pager dump").splitlines():
        # the arrow is one character in some versions, whatever the locale
        if header := re.fullmatch(r"\S+ Unit (\S+):", line):
            unit = header[1]
        elif (match := re.fullmatch(r"\t([A-Z][A-Za-z]*): (\S+) \((.*)\)", line)) and match[1] in TYPES:
            origins[unit, match[1], match[2]] = frozenset(word.partition("-")[2] for word in match[3].split())
    assert origins, "systemd-analyze dump told of no dependency"
    return Oracle(names=names, files=files, edges=frozenset(edges), origins=origins)


def all_units(host: Machine, **options: Any) -> Play:
    return host.play([{MODULE: {"units": ["*"], "direction": "both"}, **options}], options=("--become",))


def deps(play: Play) -> dict[str, Any]:
    """The facts of a play's last task, which must have succeeded."""
    assert play.rc == 0 and play.last.outcome == "ok", play.output
    facts: dict[str, Any] = play.last.result["ansible_facts"]["container_linux_unit_deps"]
    return facts


def told(facts: dict[str, Any]) -> dict[Edge, list[str]]:
    """All dependencies of the facts, and what declares each."""
    return {
        (unit, type_, other): declared_by
        for unit, node in facts["nodes"].items()
        for type_, others in node["edges"].items()
        for other, declared_by in others.items()
    }


def agree(host: Machine, facts: dict[str, Any], oracle: Oracle) -> None:
    """Require that the facts of all units say what systemd says, and that what they cite is really there."""
    edges = told(facts)
    assert not facts["partial"]
    assert facts["unexplained"] == {"count": 0, "edges": []}
    assert set(facts["nodes"]) == set(oracle.names)
    for unit, node in facts["nodes"].items():
        assert {unit, *node["aliases"]} == set(oracle.names[unit])
        assert [path for path in (node["fragment"], *node["drop_ins"]) if path] == oracle.files[unit]
    assert set(edges) == oracle.edges == set(oracle.origins)
    assert {edge: _origins(declared_by) for edge, declared_by in edges.items()} == oracle.origins
    assert not list(_false(host, edges, oracle))


def _origins(declared_by: list[str]) -> frozenset[str]:
    matches = [_AT.match(text) for text in declared_by]
    assert all(matches), declared_by
    return frozenset(match["origin"] or "file" for match in matches if match)


def _false(host: Machine, edges: dict[Edge, list[str]], oracle: Oracle) -> Iterator[str]:
    """Yield each declaration that is not what it says it is."""
    matches = {text: match for declared_by in edges.values() for text in declared_by if (match := _AT.match(text))}
    cited = {match["cited"] or (match["file"] or "").rpartition(":")[0] or match["file"] for match in matches.values()}
    texts, links = _read(host, sorted(cited - {None}))
    lines = {path: _assignments(text) for path, text in texts.items()}
    for (unit, type_, other), declared_by in edges.items():
        sides = ((unit, type_, other), (other, _INVERSE[type_], unit))
        for text in declared_by:
            match = matches[text]
            if match["cited"]:
                own = any(match["cited"] in oracle.files.get(side[0], ()) for side in sides)
                true = own and lines[match["cited"]][int(match["row"])][0] != ""
            elif match["file"] in links:
                true = any(_links(match["file"], side, oracle) for side in sides)
            elif match["file"]:
                file, _colon, row = match["file"].rpartition(":")
                true = any(_declares(int(row), lines[file], file, side, oracle) for side in sides)
            else:
                true = True
            if not true:
                yield f"{unit} {type_} {other}: {text}"


def _read(host: Machine, paths: list[str]) -> tuple[dict[str, str], set[str]]:
    """Return the texts of files, and which of the paths are links for a dependency that lead somewhere."""
    script = "for path in " + " ".join(map(shlex.quote, paths)) + "; do\n"
    script += '[ -L "$path" ] && [ "$(readlink -f "$path")" != /dev/null ] && echo link || echo file\n'
    script += '[ -f "$path" ] && base64 -w 0 "$path"; echo; done\n'
    answer = host.sh(script).split("\n")
    texts = [base64.b64decode(text).decode(errors="replace") for text in answer[1::2]]
    kinds = zip(paths, answer[::2], strict=False)
    return dict(zip(paths, texts, strict=True)), {path for path, kind in kinds if kind == "link" and _is_entry(path)}


def _is_entry(path: str) -> bool:
    return path.split("/")[-2].endswith(tuple(_DIRECTORIES.values()))


def _links(path: str, edge: Edge, oracle: Oracle) -> bool:
    """Whether a link declares a dependency of a unit."""
    unit, type_, other = edge
    suffix = _DIRECTORIES.get(type_)
    directory, entry = path.split("/")[-2:]
    if not suffix or not directory.endswith(suffix) or not _names(entry, other, oracle):
        return False
    whose = directory.removesuffix(suffix)
    return any(whose in _directories(name) for name in oracle.names.get(unit, [unit]))


def _directories(name: str) -> Iterator[str]:
    """Yield the names that a unit's directories can have: its template's, its prefixes', its type's."""
    stem, _dot, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    dashes = [prefix, *(prefix[: end.start() + 1] for end in re.finditer("-", prefix))]
    yield kind
    for start in dashes:
        yield f"{start}{at}{instance}.{kind}"
        yield f"{start}{at}.{kind}"
        # systemd looks for the prefixes of a template as for those of a unit
        yield f"{start}.{kind}"


def _declares(row: int, assignments: _Assignments, file: str, edge: Edge, oracle: Oracle) -> bool:
    """Whether a line of one of a unit's files declares a dependency of it."""
    unit, type_, other = edge
    key, words = assignments.get(row, ("", []))
    mine = file in oracle.files.get(unit, ()) and key in _SETTINGS[type_]
    return mine and any(_names(word, other, oracle) for word in words)


_Assignments = dict[int, tuple[str, list[str]]]


def _assignments(text: str) -> _Assignments:
    """Return what each line of a unit file sets: the key, which may stand on a line above, and the line's words."""
    found: _Assignments = {}
    key, goes_on = "", False
    for row, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.rstrip("\r")
        if line.lstrip().startswith(("#", ";")):
            continue
        value = line.removesuffix("\\")
        if not goes_on:
            key, _equals, value = value.partition("=")
        found[row] = (key.strip(), value.split())
        goes_on = line.endswith("\\")
    return found


def _names(word: str, other: str, oracle: Oracle) -> bool:
    """Whether a word can stand for a unit: by one of its names, as a template's name, or by specifiers."""
    parts = (".*" if part.startswith("%") else re.escape(part) for part in re.split("(%.)", word))
    can_be = re.compile("".join(parts).replace("@\\.", "@.*\\."))
    return any(can_be.fullmatch(name) for name in oracle.names.get(other, [other]))
