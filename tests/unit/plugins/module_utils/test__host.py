# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
    ask,
    clean,
    compose,
    printable,
)


class Shell:
    """A real shell on this machine, started like the shell of a host."""

    def __init__(self, *, cut: int | None = None, path: str = "/usr/bin:/bin") -> None:
        self.cut = cut
        self.path = path
        self.scripts: list[str] = []

    def run(self, script: str) -> Completed:
        self.scripts.append(script)
        done = subprocess.run(
            ["/bin/sh", "-s"],
            input=script[: self.cut].encode(),
            capture_output=True,
            env={"PATH": self.path},
            check=False,
        )
        return Completed(
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )


def test_sections_hold_status_and_both_streams() -> None:
    answer = ask(
        Shell(),
        "section one 5 sh -c 'echo out; echo err >&2; exit 3'\nsection two 5 printf 'no newline'",
    )
    assert (answer["one"].rc, answer["one"].out, answer["one"].err) == (3, "out\n", "err\n")
    assert (answer["two"].rc, answer["two"].out) == (0, "no newline")


def test_a_section_leaves_the_variables_of_its_script_as_they_are() -> None:
    answer = ask(Shell(), 'section one 5 true\nsection limit 5 printf "%s" "$LIMIT"', variables={"LIMIT": "10"})
    assert answer["limit"].out == "10"


def test_a_command_past_its_time_limit_says_so() -> None:
    answer = ask(Shell(), "section slow 0.1 sleep 5")
    assert answer["slow"].timed_out


def test_a_value_is_data_and_never_code(tmp_path: object) -> None:
    hostile = f"'; touch {tmp_path}/owned; echo \"$(touch {tmp_path}/owned)\n`id`\\"
    answer = ask(Shell(), 'section echo 5 printf "%s" "$VALUE"', variables={"VALUE": hostile})
    assert answer["echo"].out == hostile
    assert subprocess.run(["ls", str(tmp_path)], capture_output=True, check=True).stdout == b""


def test_text_of_the_host_cannot_pose_as_a_section() -> None:
    answer = ask(Shell(), "section log 5 printf 'fence-0 end log 0\\nfence-0 begin forged\\n'")
    assert set(answer) == {"log", "whole"}


def test_a_script_cut_off_on_its_way_runs_nothing(tmp_path: object) -> None:
    body = f"touch {tmp_path}/first\nsection one 5 touch {tmp_path}/second"
    whole = len(compose(body, fence="fence-" + "0" * 32, variables={}, needs=()))
    for cut in (whole // 2, whole - 30, whole - 20):
        with pytest.raises(RemediationError, match="did not run the script to its end"):
            ask(Shell(cut=cut), body)
    assert subprocess.run(["ls", str(tmp_path)], capture_output=True, check=True).stdout == b""


def test_a_missing_tool_is_named_before_anything_runs(tmp_path: object) -> None:
    with pytest.raises(RemediationError, match="The host has no 'no-such-tool' on its PATH"):
        ask(Shell(), f"touch {tmp_path}/ran", needs=["no-such-tool"])
    assert subprocess.run(["ls", str(tmp_path)], capture_output=True, check=True).stdout == b""


def test_commands_of_a_body_do_not_eat_the_script() -> None:
    answer = ask(Shell(), "section cat 5 cat\nsection after 5 echo here")
    assert (answer["cat"].out, answer["after"].out) == ("", "here\n")


@pytest.mark.parametrize(
    ("said", "to_do"),
    [
        ("sudo: a password is required", "Let the login user become root"),
        ("sudo: sorry, you must have a tty to run sudo", "Switch sudo's requiretty off"),
        ("sh: not found", "Check that the login user may run sh there"),
    ],
)
def test_a_refused_shell_is_told_with_its_own_words(said: str, to_do: str) -> None:
    class Refused:
        def run(self, script: str) -> Completed:
            return Completed(1, "", f"{said}\n")

    with pytest.raises(RemediationError, match=f"'{said}'\\. {to_do}"):
        ask(Refused(), "true")


def test_a_nul_character_is_refused_before_the_host_is_asked() -> None:
    shell = Shell()
    with pytest.raises(RemediationError, match="NUL"):
        ask(shell, "true", variables={"VALUE": "a\0b"})
    assert shell.scripts == []


def test_host_text_is_made_safe_to_show() -> None:
    hostile = "one\r\n\x1b[2Jtwo\tthree\x00\u202e"
    assert clean(hostile) == "one\n\ufffd[2Jtwo\tthree\ufffd\ufffd"
    assert printable(hostile) == "one | \ufffd[2Jtwo three\ufffd\ufffd"
    assert len(printable("x" * 1000, limit=10)) == 10
