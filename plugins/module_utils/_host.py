# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The one seam between this collection and a host.

All logic is given a `Host` and nothing else of the outside world. It asks with one POSIX sh script a phase
and gets the script's answer in fenced sections, so it runs the same on the controller (action plugins, no
Python on the target) and on the target (the real modules).
"""

from __future__ import annotations

import re
import secrets
import shlex
import typing as t
from dataclasses import dataclass

# Everything a host says is hostile text: these never reach a terminal or a log as they are.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHELL_NAME = re.compile(r"^[A-Z][A-Z0-9_]*$")

# What every script begins with. `section` and `begin`/`finish` mark each answer on both streams with a word that
# is made anew for every call, so that no text of the host can pose as a mark.
_PRELUDE_SH = r"""
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
umask 077

begin() {
  printf '\n%s begin %s\n' "$FENCE" "$1"
  printf '\n%s begin %s\n' "$FENCE" "$1" >&2
}

finish() {
  printf '\n%s end %s %s\n' "$FENCE" "$1" "$2"
  printf '\n%s end %s %s\n' "$FENCE" "$1" "$2" >&2
}

# section NAME SECONDS COMMAND [ARGUMENT...]: one command, its time limit, its output and its exit status
section() {
  SECTION=$1
  shift
  begin "$SECTION"
  timeout -k 1 "$@"
  STATUS=$?
  finish "$SECTION" "$STATUS"
  return "$STATUS"
}

# need TOOL...: ends the script, before it does anything, where the host lacks a tool
need() {
  for TOOL in "$@"; do
    if ! command -v "$TOOL" >/dev/null 2>&1; then
      begin missing
      printf '%s\n' "$TOOL"
      finish missing 0
      begin whole
      finish whole 0
      exit 0
    fi
  done
}
"""


class RemediationError(Exception):
    """A failure told in one sentence: what failed, on what, what was seen, what to do next.

    Attributes:
        message: that sentence.
        details: result keys that go with it (plain JSON types, free of secrets).
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Completed:
    """How a script ended: exit status, and both streams as text."""

    rc: int
    stdout: str
    stderr: str


class Host(t.Protocol):
    """A machine that runs a POSIX sh script given on the shell's standard input."""

    def run(self, script: str) -> Completed:
        """Run the script once and wait for its end.

        No part of the script stands in an argument list, and it may therefore hold secrets.
        """


@dataclass(frozen=True)
class Section:
    """What one command of a script answered: exit status (124 or 137: its time limit passed), and both streams."""

    rc: int
    out: str
    err: str

    @property
    def timed_out(self) -> bool:
        return self.rc in (124, 137)


Answer = t.Dict[str, Section]


def out_of(answer: Answer, name: str) -> str:
    """Return what a section printed; nothing where the script had no reason for it."""
    return answer[name].out if name in answer else ""


def uptime_of(answer: Answer) -> float | None:
    """Return the seconds since boot, by a section `uptime` that begins with what /proc/uptime does; None: not told."""
    told = re.match(r"[0-9]{1,11}(\.[0-9]{1,9})?\b", out_of(answer, "uptime"))
    return float(told[0]) if told else None


def missing(what: str, section: Section, *, limit: int) -> str:
    """Return the sentence about a command that failed, and without which the rest of an answer is still of use.

    Args:
        what: the command, and what it was for.
        section: how it ended.
        limit: its time limit, in seconds.
    """
    seen = f"did not end within {limit} s" if section.timed_out else f"ended with status {section.rc}"
    said = f" and said '{printable(section.err)}'" if section.err.strip() else ""
    return f"{what} {seen}{said}; what it would have told is missing."


def ask(
    host: Host,
    body: str,
    *,
    variables: t.Mapping[str, str] | None = None,
    needs: t.Sequence[str] = (),
) -> Answer:
    """Run a script's body on a host, in one round trip, and return its sections by name.

    Args:
        host: the host.
        body: POSIX sh that calls `section`, or `begin` and `finish`. Its standard input is empty.
        variables: upper-case shell variables that the body reads; the values are quoted here.
        needs: tools that the body cannot do without, beyond the shell and coreutils.

    Raises:
        RemediationError: the shell did not run the script to its end, or a tool is missing.
    """
    fence = "fence-" + secrets.token_hex(16)
    completed = host.run(compose(body, fence=fence, variables=variables or {}, needs=needs))
    answer = parse(completed, fence=fence)
    if "whole" not in answer:
        raise RemediationError(
            f"The host's shell did not run the script to its end: exit status {completed.rc}, "
            f"{_seen(completed)}. {_next_step(completed)}",
            rc=completed.rc,
            stderr=printable(completed.stderr),
        )
    if "missing" in answer:
        tool = printable(answer["missing"].out)
        raise RemediationError(
            f"The host has no '{tool}' on its PATH, and nothing can be read or changed without it. "
            f"Install it, or add its directory to the PATH of the user that Ansible becomes."
        )
    return answer


def compose(body: str, *, fence: str, variables: t.Mapping[str, str], needs: t.Sequence[str]) -> str:
    """Return the whole script for a body.

    The body becomes a function that is called on the last line: a script that was cut off on its way runs nothing.
    """
    for name, value in variables.items():
        if not _SHELL_NAME.match(name):
            raise AssertionError(f"{name} is not an upper-case shell variable name")
        if "\0" in value:
            raise RemediationError(
                f"A NUL character cannot be sent to a host, and '{printable(value)}' holds one. Remove it."
            )
    lines = [_PRELUDE_SH, f"FENCE={fence}"]
    lines += [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [
        "main() {",
        "need timeout " + " ".join(needs),
        body,
        "begin whole; finish whole 0",
        "}",
        "main </dev/null",
        "",
    ]
    return "\n".join(lines)


def parse(completed: Completed, *, fence: str) -> Answer:
    """Return the sections of a script's answer by name; a section without an end is left out."""
    out = _sections(completed.stdout, fence)
    err = _sections(completed.stderr, fence)
    return {name: Section(rc=rc, out=text, err=err[name][1] if name in err else "") for name, (rc, text) in out.items()}


def _sections(stream: str, fence: str) -> dict[str, tuple[int, str]]:
    found = {}
    name = begun = ""
    for part in f"\n{stream}".replace("\r\n", "\n").split(f"\n{fence} ")[1:]:
        mark, _line, text = part.partition("\n")
        word, _blank, rest = mark.partition(" ")
        if word == "begin":
            name, begun = rest, text
        elif word == "end":
            ended, _blank, rc = rest.partition(" ")
            if ended == name and rc.isdecimal():
                found[name] = (int(rc), begun)
    return found


def printable(text: str, *, limit: int = 400) -> str:
    """Return host text fit for one line of a message: no control characters, no line breaks, cut at a limit."""
    if text.isascii() and text.isprintable():
        line = text.strip()
        return line if len(line) <= limit else line[: limit - 1] + "…"
    line = clean(text).strip()
    line = re.sub(r"\s*\n\s*", " | ", line).replace("\t", " ")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean(text: str) -> str:
    """Return host text fit for a result: line breaks and tabs stay, other control characters become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def _seen(completed: Completed) -> str:
    for stream in (completed.stderr, completed.stdout):
        if stream.strip():
            return f"'{printable(stream)}'"
    return "no output"


def _next_step(completed: Completed) -> str:
    if "sudo" in completed.stderr and "tty" in completed.stderr:
        return "Switch sudo's requiretty off for the login user: a script comes on standard input, without a terminal."
    if "sudo" in completed.stderr or "password" in completed.stderr.lower():
        return "Let the login user become root (passwordless sudo, or a become password), then run again."
    return "Check that the login user may run sh there (through become, where it is set), then run again."
