# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The gate before user-data is applied: what blocks it, and what is to be said of it.

The host's own validation is heard first, finding by finding, for its exit status counts an error and a hint alike.
What it misses is judged here, on the skeleton; no sentence holds a value that the skeleton does not tell.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.lint import (
    Remark,
    cleaned,
    lint,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import root
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import NO_YAML
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.lockout import lockout
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    ALIAS_LIMIT,
    SIZE_LIMIT,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Finding
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        Content,
        Look,
        Metadata,
    )

MOST = 40
"""Sentences of one kind; of more only the number is told."""

_HEADER = "the first line must be '#cloud-config', or begin with '#!' in a script"


@dataclass(frozen=True)
class Gate:
    """Sentences on a user-data: what blocks it, and what is only to be said. Without blockers it may be applied."""

    blockers: t.Sequence[str] = ()
    warnings: t.Sequence[str] = ()


def gate(
    content: Content,
    *,
    seen: Look,
    name: str,
    allow_scripts: bool,
    allow_lockout: bool,
    metadata: Metadata | None = None,
) -> Gate:
    """Return what stands against applying a user-data. A host's answer may be anything; this never raises.

    Args:
        content: what the host tells of it.
        seen: the look at that host.
        name: what to call it in sentences: its path, or such as `the given user-data`.
        allow_scripts: whether a script may be run.
        allow_lockout: whether the login user may be locked out.
        metadata: what is merged with it, if anything.
    """
    remarks = _form(content, allow_scripts=allow_scripts)
    if content.form == "cloud-config" and not _is_bomb(content):
        remarks += _cloud_config(content, seen, metadata)
    if content.form == "script":
        remarks += lockout(content, seen.access, metadata)
    if content.form in ("cloud-config", "script"):
        remarks += _variables(content, seen)
    blocking = ("blocker",) if allow_lockout else ("blocker", "lockout")
    ordered = sorted(dict.fromkeys(replace(remark, covers=()) for remark in remarks), key=lambda found: found.line)
    return Gate(
        blockers=sentences(name, [remark for remark in ordered if remark.level in blocking]),
        warnings=sentences(name, [remark for remark in ordered if remark.level not in blocking]),
    )


def sentences(name: str, remarks: t.Sequence[Remark]) -> list[str]:
    """Return a sentence for each remark on a user-data that is called by this name, or of very many for the first."""
    called = printable(name, limit=200)
    called = called[:1].upper() + called[1:]
    told = [f"{called}{f', line {remark.line}' if remark.line else ''}: {remark.text}" for remark in remarks[:MOST]]
    if len(remarks) > MOST:
        told.append(f"{called}: there are {len(remarks) - MOST} more of these; correct those above first.")
    return told


_FORMS = {
    "empty": "it is empty; give a cloud-config, or leave it out.",
    "ignition": (
        "it is a config for Ignition, which runs at the first boot only, and coreos-cloudinit would do nothing with "
        "it; give a cloud-config, or install the host anew with it."
    ),
    "gzip": "it is compressed, and cannot be looked into before it is applied; give it unpacked.",
    "binary": f"it is no text: {_HEADER}; look whether it is the right file.",
    "other": f"{_HEADER}, with nothing before it, and coreos-cloudinit would do nothing else with it; correct that.",
}


def _form(content: Content, *, allow_scripts: bool) -> list[Remark]:
    if content.size >= SIZE_LIMIT:
        return [Remark(0, f"it has {content.size} bytes, and {SIZE_LIMIT} is the limit; put files elsewhere.")]
    if content.counts.get("bom"):
        text = "it begins with a byte order mark, behind which coreos-cloudinit does not see the header"
        return [Remark(1, f"{text}; save it as UTF-8 without one.")]
    if content.form in _FORMS:
        return [Remark(1 if content.form == "other" else 0, _FORMS[content.form])]
    if content.form == "script":
        return _script(content, allow_scripts=allow_scripts)
    if content.form != "cloud-config":
        return [Remark(0, "it could not be looked into; run again.")]
    if _is_bomb(content):
        text = f"it has {content.counts.get('aliases', 0)} aliases, each of which may stand for many more"
        return [Remark(0, f"{text}; write them out, {ALIAS_LIMIT} are the limit.")]
    if content.counts.get("crlf"):
        text = "it has lines that end as on Windows, which coreos-cloudinit takes for plain ones; save it with these"
        return [Remark(0, f"{text}.", "warning")]
    return []


def _script(content: Content, *, allow_scripts: bool) -> list[Remark]:
    found = []
    if not allow_scripts:
        text = "it is a script, which would run as root without any check"
        found.append(Remark(1, f"{text}; read it, then allow it with 'allow_scripts: true'."))
    if content.counts.get("crlf"):
        text = "the script has lines that end as on Windows, and bash takes that end for a part of the last word"
        found.append(Remark(0, f"{text}; save it with plain line ends.", "warning"))
    return found


def _is_bomb(content: Content) -> bool:
    return content.counts.get("aliases", 0) > ALIAS_LIMIT


def _cloud_config(content: Content, seen: Look, metadata: Metadata | None) -> list[Remark]:
    skeleton = content.skeleton
    reported = [remark for finding in content.findings for remark in _reported(finding, skeleton)]
    if any("yaml" in remark.covers for remark in reported):
        return reported  # nothing of it would be applied, and what else there is to say is guesswork
    own = _validation(content)
    if skeleton is None:
        own.append(Remark(0, "its structure could not be read from the host; run again."))
    elif skeleton.error == NO_YAML:
        text = "it cannot be read, for the host's Python, which runs this in the background, has no PyYAML"
        own.append(Remark(0, f"{text}; install that, or run the task without 'async'."))
    elif skeleton.error:
        own.append(Remark(0, f"it cannot be read as YAML: {printable(skeleton.error)}; correct it."))
    else:
        own += lint(skeleton, version=seen.cloudinit) + lockout(content, seen.access, metadata)
        own += _tabs(content, skeleton)
    return _merged(own, reported)


def _validation(content: Content) -> list[Remark]:
    """Say how the host's own validation ended, where it did not do its work."""
    only = "it was checked here alone"
    if content.validation in (124, 137):
        return [Remark(0, "the host's own validation of it did not end in time, as the run may not; make it simpler.")]
    if content.validation is None:
        return [Remark(0, f"the host's own validation did not run, {only}; look at it yourself.", "warning")]
    if content.validation == 2:
        text = f"the host's coreos-cloudinit is older than its validation, {only}; look at it yourself"
        return [Remark(0, f"{text}.", "warning")]
    if content.validation and not content.findings:
        text = f"the host's own validation failed without a word, {only}; look at it yourself"
        return [Remark(0, f"{text}.", "warning")]
    return []


def _tabs(content: Content, skeleton: Skeleton) -> list[Remark]:
    """Where no validation tells, a line that begins with a tab may be what was not understood."""
    if content.validation in (0, 1) or not content.counts.get("tabs"):
        return []
    if skeleton.unread:
        text = "there is a tab at the beginning of a line, from where on YAML cannot be read"
        return [Remark(skeleton.unread, f"{text}; indent with blanks.", covers=[f"tab in {skeleton.unread}"])]
    return [Remark(0, "there are lines that begin with a tab; indent with blanks.", "warning")]


def _variables(content: Content, seen: Look) -> list[Remark]:
    """Name the addresses that would be put in as nothing at all."""
    # what is given may be for any of the places that were looked at
    its_own = [source for source in seen.sources if source.content is content] or seen.sources
    units = [source.place.unit for source in its_own]
    by_system = bool(units) and all(unit.startswith("system-cloudinit@") for unit in units)
    known = () if by_system else seen.addresses
    unset = [variable for variable in content.variables if f"COREOS_{variable.upper()}" not in known]
    if not unset:
        return []
    lines = _address_lines(content.skeleton) if len(unset) == len(content.variables) else []
    told = ", ".join(f"${printable(variable, limit=20)}" for variable in unset[:4])
    names = " and ".join(f"COREOS_{printable(variable, limit=20).upper()}" for variable in unset[:4])
    text = f"it uses {told}, and nothing would be put in for it"
    if by_system:
        return [Remark(lines[0] if lines else 0, f"{text}, for its unit reads no addresses; write them out.")]
    advice = f"set {names} in /etc/environment (restart coreos-setup-environment.service), or write the address out"
    return [Remark(lines[0] if lines else 0, f"{text}, for the host does not know it; {advice}.")]


def _address_lines(skeleton: Skeleton | None) -> list[int]:
    if skeleton is None:
        return []
    found, todo = [], [root(skeleton)]
    while todo:
        node = todo.pop()
        if node.value == "_address":
            found.append(node.line)
        todo += node.children() + node.items()
    return sorted(found)


_KEY = r"\"([A-Za-z_][A-Za-z0-9_\[\]-]{0,60})\""
_UNRECOGNIZED = re.compile(rf"unrecognized key {_KEY}\Z")
_DEPRECATED = re.compile(rf"deprecated key {_KEY} \((.*)\)\Z")
_TYPE = re.compile(rf"incorrect type for {_KEY} \(want ([a-z0-9\[\]]{{1,20}})\)\Z")
_TYPES = {
    "struct": "a mapping",
    "[]struct": "a list of mappings",
    "[]string": "a list",
    "string": "one value",
    "bool": "true or false",
    "int": "a whole number",
    "float64": "a number",
}
# what the parser says of a place; else it does not know one
_PLACED = re.compile(r"(?:found|did not find|could not find|mapping|block|while) ")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", re.DOTALL)


def _reported(finding: Finding, skeleton: Skeleton | None) -> list[Remark]:
    """Return what the host's own validation found, in our words: its own may cite a value."""
    line, text = finding.line, finding.text
    level: t.Literal["blocker", "warning"] = "blocker" if finding.level == "error" else "warning"
    unrecognized, deprecated, kind = _UNRECOGNIZED.match(text), _DEPRECATED.match(text), _TYPE.match(text)
    if text.startswith('incorrect type for "" '):
        return []  # comes with every error of the parser, and says no more
    if unrecognized:
        told = f"the host's coreos-cloudinit knows no key '{unrecognized[1]}' here and passes over it; leave it out."
        return [Remark(line, told, level, [f"unrecognized {unrecognized[1]}"])]
    if text.startswith("unrecognized key"):
        told = "there is a key here that coreos-cloudinit does not know, and it passes over it; leave it out."
        return [Remark(line, told, level, ["unrecognized _"])]
    if deprecated:
        return [Remark(line, f"'{deprecated[1]}' is deprecated: {_masked(deprecated[2])}; plan without it.", level)]
    if kind:
        wanted = _TYPES.get(kind[2], kind[2])
        told = f"the value of '{kind[1]}' is not {wanted}, and coreos-cloudinit passes over it; correct it."
        return [Remark(line, told, level, [f"type in {line}"])]
    if text.startswith("invalid value"):
        key = _key_in(skeleton, line)
        told = f"the value{f' of {key!r}' if key else ''} is none that the host's coreos-cloudinit takes; correct it."
        return [Remark(line, told, level, [f"value in {line}"])]
    if text.startswith("file cannot be written"):
        told = "this file is in a part of the operating system that cannot be written to; write below /etc or /opt."
        return [Remark(line, told, level, [f"read-only in {line}"])]
    if text.startswith("content cannot be decoded"):
        told = "this content is not in the encoding that is given for it, and nothing would be applied; correct it."
        return [Remark(line, told, level, [f"encoding in {line}"])]
    if text.startswith("write_files doesn't belong"):
        return [Remark(line, "'write_files' does not belong into 'coreos'; move it out.", level, ["misplaced"])]
    if text.startswith("must be "):
        return [Remark(1, f"{_HEADER}; correct it.", level)]
    if level == "warning":
        return [Remark(line, f"the host's own validation says: {_masked(text)}; look at it.", level)]
    # its parser counts lines from 0, and calls it the first where it does not know
    where = line + 1 if line > 1 or _PLACED.match(text) else 0
    told = f"coreos-cloudinit cannot read it as YAML and would apply nothing of it: {_masked(text)}; correct it."
    return [Remark(where, told, level, ["yaml"])]


def _masked(text: str) -> str:
    """A message of the host's tool without what it cites; brackets and the like are its own words."""
    text = re.sub(r"(invalid map key): .*", r"\1", text, flags=re.DOTALL)
    return printable(_QUOTED.sub(lambda cited: "'…'" if re.search(r"\w", cited[0]) else cited[0], text), limit=200)


def _key_in(skeleton: Skeleton | None, line: int) -> str:
    places = [place for place, at in skeleton.lines.items() if at == line] if skeleton else []
    key = places[-1].rpartition(".")[2] if places else ""
    return key if re.match(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z", key) else ""


def _merged(own: t.Sequence[Remark], reported: t.Sequence[Remark]) -> list[Remark]:
    """Return both without telling one thing twice: in our words, and as an error where the host has one."""
    own = [remark for remark in own if not any(remark.unless in found.covers for found in (*own, *reported))]
    covered = {what for remark in own for what in remark.covers}
    errors = {what for remark in reported if remark.level == "blocker" for what in remark.covers}
    merged = [replace(remark, level="blocker") if errors.intersection(remark.covers) else remark for remark in own]
    return merged + [remark for remark in reported if not covered.intersection(remark.covers)]


def conflicts(sources: t.Mapping[str, Asked]) -> list[str]:
    """Return what several user-data of one host ask for differently, in sentences; each run overrides the one before.

    Args:
        sources: what each asks for, by its path.
    """
    wishes: dict[str, dict[str, str]] = {}
    for path, asked in sources.items():
        for what, wish in _wishes(asked).items():
            wishes.setdefault(what, {})[path] = wish
    found = []
    for what, by_path in sorted(wishes.items()):
        if len(by_path) > 1 and (len(set(by_path.values())) > 1 or "…" in "".join(by_path.values())):
            told = " and ".join(printable(path, limit=200) for path in by_path)
            found.append(f"{what} is set by {told}, and whichever runs last decides; leave it in one of them.")
    return found


def _wishes(asked: Asked) -> dict[str, str]:
    """What a user-data decides, and how; `…` where nothing tells whether two of them are the same."""
    found = {}
    if asked.hostname:
        found["The hostname"] = asked.hostname
    if asked.manage_etc_hosts:
        found["/etc/hosts"] = "…"
    for user in [*asked.ssh_keys, *(["core"] if asked.metadata_keys else [])]:
        found[f"The set of SSH keys of {printable(user, limit=60)}"] = "…"
    for file in asked.files:
        found[f"The file {printable(cleaned(file.path), limit=200)}"] = "…"
    for unit in asked.units:
        name = printable(unit.name, limit=255)
        if unit.text:
            found[f"The unit file of {name}"] = "…"
        if unit.command:
            found[f"The command for {name}"] = unit.command
        if unit.mask or unit.enable or unit.command == "start":
            found[f"Whether {name} is masked"] = str(unit.mask)
        for drop_in in unit.drop_ins:
            if drop_in.text:
                found[f"The drop-in {name}.d/{printable(drop_in.name, limit=255)}"] = "…"
    for section in asked.sections:
        found[f"The section 'coreos.{section}'"] = "…"
    return found
