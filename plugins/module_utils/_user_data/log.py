# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What coreos-cloudinit logs, in the words of its versions 0.9 to 1.14: what must be hidden of it on the host, and how
to read from it what a run has done.

The exit status does not tell: it is 0 where a unit's start failed, and 1 where validation only warned.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable

HIDE_SH = r"""
# What coreos-cloudinit says in spite of itself: a password's digest, a password that begins with * or & and so is the
# name of an anchor to YAML, a value that does not fit its tag or its key or stands for one, a token in a URL.
# Each may have many lines, of which journalctl indents all but the first.
hide() {
  sed -e '/^[[:space:]]\{1,\}useradd: /b' -e '/^[[:space:]]/d' \
    -e "s/\(--password \).*\(' failed\)/\1* ...\2/" -e "/' failed/!s/\(--password \).*/\1* .../" \
    -e "s/\([Aa]nchor \)'.*'/\1'...'/" -e 's/\x60.*\x60/.../' -e 's/\x60.*/.../' \
    -e 's/\(invalid value \).*/\1.../' -e 's/\(invalid map key: \).*/\1.../' \
    -e 's/\(URL \).*\( does not have\)/\1...\2/' -e 's|\([A-Za-z]://\)[^ ]*|\1...|g'
}
"""
"""Defines the filter `hide`, through which all must pass that coreos-cloudinit has said."""

UNDONE_SH = r"""
# has_undone: whether a log, in the words of 0.9 to 1.14, tells of a call of systemd that did not end with `done`
has_undone() {
  grep -q -E "(Result of .*[\"']: |Restarted systemd-networkd \\()([^d]|d[^o])"
}
"""
"""Defines `has_undone`, which reads a log of coreos-cloudinit; the exit status of that does not tell."""


@dataclass(frozen=True)
class Message:
    """One message of a unit's journal: who said it, when by the host's clock (`Nov 22 08:00:07.123456`), and what."""

    at: str
    pid: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One finding of the validation: line (0: of no line), level (`error`, `warning` or `info`) and text."""

    line: int
    level: str
    text: str


@dataclass(frozen=True)
class Command:
    """One call of systemd: for `start` of docker.service the job's result, such as `done` or `dependency`.

    The result is empty where the log does not tell of one.
    """

    verb: str
    unit: str
    result: str = ""


@dataclass(frozen=True)
class Run:
    """What one run of coreos-cloudinit says that it has done.

    Attributes:
        kind: what it took the user-data for: `cloud-config`, `script`, `ignition`, or empty.
        files: files that it wrote, other than units and drop-ins, by path.
        units: the units that it wrote: name and path. The path is empty where the version does not tell.
        drop_ins: the drop-ins that it wrote: name and path, likewise.
        enabled: units that it enabled.
        masked: units that it masked.
        commands: what it called systemd for, in order.
        scripts: the transient units that run the user's script.
        said: of users, keys, hostname and skipped items, in its own words.
        findings: what its validation found, in order.
        errors: why it has not done all of it, in its own words.
        doing: what it had begun and not ended when the log ends; empty when it had ended all that it began.
        failed_at: what it had begun when it ended with an error, which need not name that.
    """

    kind: str = ""
    files: t.Sequence[str] = ()
    units: t.Sequence[tuple[str, str]] = ()
    drop_ins: t.Sequence[tuple[str, str]] = ()
    enabled: t.Sequence[str] = ()
    masked: t.Sequence[str] = ()
    commands: t.Sequence[Command] = ()
    scripts: t.Sequence[str] = ()
    said: t.Sequence[str] = ()
    findings: t.Sequence[Finding] = ()
    errors: t.Sequence[str] = ()
    doing: str = ""
    failed_at: str = ""

    @property
    def failed_commands(self) -> list[Command]:
        """The calls of systemd that did not end as asked for."""
        return [command for command in self.commands if command.result not in ("", "done")]


# Compiled as soon as there is a log to read; a host whose user-data is in force is asked for none.

# `Nov 22 08:00:07.123456 host coreos-cloudinit[540]: ...`, with or without fractions, or as ISO 8601
_JOURNAL = r"([A-Z][a-z]{2} [ 0-9][0-9] [0-9:.]{8,15}|[0-9]{4}-[0-9:T+-]{10,25}) \S+ [^\s\[]+\[([0-9]{1,10})\]: (.*)\Z"
_DATE = r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} "
# where useradd fails, its whole command line is told
_PASSWORD = r"(--password )[^ ]*"
_FINDING = r"(?s)line ([0-9]{1,9}): (error|warning|info): (.*)\Z"
# As Go quotes it, which escapes quotes, backslashes and what cannot be printed. Up to 0.11 names are not in quotes, and
# it says where units and drop-ins lie.
_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_NAME = rf'({_QUOTED}|[^"\s]+)'
_ESCAPED = r"\\(?:([abfnrtv\\\"'])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))"
_LETTERS = dict(zip("abfnrtv\\\"'", "\a\b\f\n\r\t\v\\\"'"))

_KINDS = (
    (r"Parsing user-data as (cloud-config|script)\Z", ""),
    (r"Detected an Ignition config", "ignition"),
)
_FILE = r"Wrote file (?!to )(\S.*) to filesystem\Z"
_UPDATED = r"Updated (/.*)\Z"
# from 1.0 on: each file, as it is moved to its place
_PLACED_FILE = rf"Wrote file to ({_QUOTED})\Z"
_UNIT = rf"Wrote unit {_NAME}\Z"
_DROP_IN = rf"Wrote drop-in unit {_NAME}\Z"
_PLACED = rf"Placed (?:drop-in )?unit {_NAME} at (/.*)\Z"
_ENABLED = rf"Enabled unit {_NAME}\Z"
_MASKED = rf"Masking unit file {_NAME}\Z"
# the quote at the end is there up to 1.12
_CALL = (
    rf"Calling unit command ({_QUOTED}) on ({_QUOTED})'?\Z",
    r"Calling unit command '(\S+) (\S+)'\Z",
)
_RESULT = (
    rf"Result of ({_QUOTED}) on ({_QUOTED}): (.*)\Z",
    r"Result of '(\S+) (\S+)': (.*)\Z",
)
_NETWORKD = r"Restarted systemd-networkd \((.*)\)\Z"
_SCRIPT = r"Creating transient systemd unit '(\S+)'\Z"
_BEGUN = (
    r"(?:Writing (?:file|unit|drop-in unit) |Enabling unit file |Calling unit command |Restarting systemd-networkd\Z"
    r"|Fetching |Creating user |Creating transient )"
)
_SAID = (
    r"(?:Set hostname to |User |Setting '|Creating user |Authoriz|Skipping |Warning: |Error while downing interface )"
)
_FAILED = r"(?s)(?:Failed |failed |Command '.*' failed|No datasources available|Unrecognized |Unable to |Error )"


def parse_journal(text: str) -> list[Message]:
    """Return the messages of `journalctl -o short-precise`, `short-iso` or `short`; a message may have many lines."""
    messages: list[Message] = []
    for line in text.split("\n"):
        match = re.match(_JOURNAL, line)
        if match:
            messages.append(Message(match[1], int(match[2]), match[3]))
        elif messages and line[:1].isspace() and line.strip():
            last = messages[-1]
            messages[-1] = Message(last.at, last.pid, f"{last.text}\n{line.strip()}")
    return messages


def last_run(messages: t.Sequence[Message]) -> list[Message]:
    """Return the messages of the last process of a unit's journal."""
    return [message for message in messages if message.pid == messages[-1].pid]


def parse_run(lines: t.Iterable[str]) -> Run:
    """Return what a run has done, from its messages, with or without a date before each."""
    kind = doing = failed_at = path = ""
    files: list[str] = []
    units: list[tuple[str, str]] = []
    drop_ins: list[tuple[str, str]] = []
    enabled: list[str] = []
    masked: list[str] = []
    commands: list[Command] = []
    scripts: list[str] = []
    said: list[str] = []
    findings: list[Finding] = []
    errors: list[str] = []
    for line in lines:
        text = re.sub(_PASSWORD, r"\1…", re.sub(_DATE, "", line, count=1).rstrip())
        if not text:
            continue
        begun, doing = doing, _words(text) if re.match(_BEGUN, text) else ""
        finding = re.match(_FINDING, text)
        if finding:
            findings.append(Finding(int(finding[1]), finding[2], printable(finding[3])))
            continue
        kind = _kind(text) or kind
        path = _first(_PLACED_FILE, text) or path
        call = _any(_CALL, text)
        result = _any(_RESULT, text)
        placed = re.match(_PLACED, text)
        if re.match(_FAILED, text):
            errors.append(printable(text))
            failed_at = begun or failed_at
        elif re.match(_FILE, text) or re.match(_UPDATED, text):
            files.append(_first(_FILE, text) or _first(_UPDATED, text))
            path = ""
        elif re.match(_UNIT, text):
            units.append((_first(_UNIT, text), path))
            path = ""
        elif re.match(_DROP_IN, text):
            drop_ins.append((_first(_DROP_IN, text), path))
            path = ""
        elif placed:
            folder, _slash, name = placed[2].rpartition("/")
            (drop_ins if folder.endswith(".d") else units).append((name, placed[2]))
        elif re.match(_ENABLED, text):
            enabled.append(_first(_ENABLED, text))
        elif re.match(_MASKED, text):
            masked.append(_first(_MASKED, text))
        elif call:
            commands.append(Command(_name(call[1]), _name(call[2])))
        elif result:
            _end(commands, Command(_name(result[1]), _name(result[2]), printable(result[3])))
        elif re.match(_NETWORKD, text):
            commands.append(Command("restart", "systemd-networkd.service", printable(_first(_NETWORKD, text))))
        elif re.match(_SCRIPT, text):
            scripts.append(_first(_SCRIPT, text))
            doing = ""
        elif re.match(_SAID, text):
            said.append(_words(text))
    return Run(
        kind=kind,
        files=[printable(name) for name in files],
        units=[(_name(name), _name(where)) for name, where in units],
        drop_ins=[(_name(name), _name(where)) for name, where in drop_ins],
        enabled=[_name(name) for name in enabled],
        masked=[_name(name) for name in masked],
        commands=commands,
        scripts=scripts,
        said=said,
        findings=findings,
        errors=errors,
        doing=doing,
        failed_at=failed_at,
    )


def parse_findings(text: str) -> list[Finding]:
    """Return the report of `coreos-cloudinit -validate`, without doublets, in the order of the lines.

    Its own order is not the same from run to run.
    """
    found = parse_run(text.split("\n")).findings
    return sorted(set(found), key=lambda finding: (finding.line, finding.level, finding.text))


def _end(commands: list[Command], ended: Command) -> None:
    for index, command in enumerate(commands):
        if (command.verb, command.unit, command.result) == (ended.verb, ended.unit, ""):
            commands[index] = ended
            return
    commands.append(ended)


def _name(told: str) -> str:
    """Return a name or path as it is, of one that may be in quotes."""
    return printable(_unescaped(told[1:-1]) if told.startswith('"') else told)


def _words(text: str) -> str:
    """Return a message in which names may be in quotes, with these names as they are."""
    return printable(re.sub(_QUOTED, lambda match: f'"{_unescaped(match[0][1:-1])}"', text))


def _unescaped(text: str) -> str:
    return re.sub(_ESCAPED, _character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    letter, byte, *runes = match.groups()
    if letter:
        return _LETTERS[letter]
    code = int(byte or runes[0] or runes[1], 16)
    # a byte from 0x80 on is none of UTF-8, and a surrogate can be written nowhere
    is_character = code < 0x80 if byte else code < 0xD800 or 0xDFFF < code < 0x110000
    return chr(code) if is_character else "\ufffd"


def _kind(text: str) -> str:
    for pattern, kind in _KINDS:
        match = re.match(pattern, text)
        if match:
            return kind or match[1]
    return ""


def _first(pattern: str, text: str) -> str:
    match = re.match(pattern, text)
    return match[1] if match else ""


def _any(patterns: t.Iterable[str], text: str) -> re.Match[str] | None:
    return next((match for pattern in patterns for match in [re.match(pattern, text)] if match), None)
