# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs on a host must run on the oldest supported one: release 899 with systemd 225, curl 7.40, coreutils 8.

Each script that is sent to a host is parsed, and every command and option in it must stand in `ALLOWED`. To use one
more, check that the oldest release has it, then add it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from ansible_collections.container_linux.remediation.tests.tools.shell_check import constants

# commands that POSIX has; their options are POSIX's too, but for those named
BUILTINS = {":", "[", "break", "case", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false"}
BUILTINS |= {"printf", "read", "return", "set", "shift", "test", "trap", "true", "ulimit", "umask", "unset"}
BUILTINS |= {"wait", "kill"}
ALLOWED: dict[str, set[str]] = {
    "base64": {"-d"},
    # since 209; where it is missing, more is asked by other means
    "busctl": set(),
    "cat": set(),
    "chmod": {"--reference"},
    "chown": {"--reference"},
    "cut": {"-d", "-f"},
    "date": {"-d"},
    "dd": set(),
    "dirname": set(),
    "flock": {"-n", "-w"},
    "getent": set(),
    "gzip": {"-c", "-d"},
    "readlink": {"-f"},
    "grep": {"-E", "-F", "-c", "-h", "-l", "-o", "-q", "-s", "-v", "-x", "-H", "-e", "-n", "-a"},
    "head": {"-c", "-n"},
    "id": {"-u", "-n"},
    "ls": {"-d", "-l"},
    "mkdir": {"-p"},
    "mkfifo": set(),
    "mktemp": {"-d"},
    "mv": {"-T", "-f"},
    "rm": {"-f", "-r"},
    "rmdir": set(),
    # GNU sed has -s since 4.0; its command F came with 4.2.2, so nothing may rely on that
    "sed": {"-n", "-e", "-f", "-s"},
    "sha256sum": set(),
    "sleep": set(),
    "sort": {"-n", "-u"},
    "stat": {"-L", "-c"},
    "tail": {"-c", "-n"},
    "tr": {"-d", "-s", "-c"},
    "truncate": {"-s"},
    "uniq": {"-u"},
    "wc": {"-c", "-l"},
    "timeout": {"-k"},
    # 7.40 (2015) brought --unix-socket, 7.19.4 --proto
    "curl": {
        *("-q", "-g", "-s", "-S", "-i", "-K", "--config", "--noproxy", "--proto", "--connect-timeout", "--max-time"),
        *("--cacert", "--cert", "--key", "--data", "--url", "--unix-socket"),
    },
    # the older ones do not know --validate, and say so; where it is missing, nothing else is
    "coreos-cloudinit": {"--from-file", "--validate", "--version"},
    # no --value (230), no list-jobs --after (232)
    # its commands take patterns of names since 209, --all (193) with inactive units among what they match;
    "systemctl": {
        "--all",
        "-p",
        "--no-ask-password",
        "--no-pager",
        "--no-legend",
        "--full",
        "--quiet",
        "--no-block",
        "--job-mode",
    },
    # dump is its own since 207; where the command is missing or fails, nothing else is
    "systemd-analyze": {"--no-pager"},
    # --sync came with 228; where it fails, a second is waited
    "journalctl": {"-b", "-q", "-n", "-o", "-u", "--since", "--no-pager", "--sync"},
}
# what stands before a command and is followed by so many words of its own
WRAPPERS = {"section": 2, "timeout": 1, "limited": 0}


SCRIPTS = dict(constants())


def parse(script: str) -> Node:
    return Parser(Language(tree_sitter_bash.language())).parse(script.encode()).root_node


def below(node: Node, kind: str) -> Iterator[Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from below(child, kind)


def text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""


def commands(script: str) -> Iterator[list[str]]:
    """The words of every command, without the wrappers before it."""
    # the parser takes the names of an arithmetic expansion for commands
    tree = parse(re.sub(r"\$\(\([^()]*\)\)", "0", script))
    for node in below(tree, "command"):
        words = [text(child) for child in node.children if child.type not in ("variable_assignment", "file_redirect")]
        while words and words[0] in WRAPPERS:
            own, rest = WRAPPERS[words[0]], words[1:]
            if words[0] == "timeout" and rest[:1] == ["-k"]:
                rest = rest[2:]
            yield words[:1]
            words = rest[own:]
        if words:
            yield words


def options(words: list[str]) -> Iterator[str]:
    for word in words[1:]:
        if word == "--":
            return
        if word.startswith("--"):
            yield word.partition("=")[0]
        elif word.startswith("-") and len(word) > 1 and not word[1:].lstrip("-").isdigit():
            # -gsSi is four options; a letter followed by its value (-n1) is none of ours
            yield from (f"-{letter}" for letter in word[1:])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_uses_only_what_the_oldest_release_has(name: str) -> None:
    everything = "\n".join(SCRIPTS.values())
    functions = {text(node.child_by_field_name("name")) for node in below(parse(everything), "function_definition")}
    unknown = set()
    for words in commands(SCRIPTS[name]):
        command = words[0]
        # `prove` is made of what is to be asked after a run
        if command in functions | BUILTINS | {'"$@"', "prove"}:
            continue
        if command not in ALLOWED:
            unknown.add(command)
            continue
        unknown |= {f"{command} {option}" for option in options(words) if option not in ALLOWED[command]}
    assert not unknown


def test_the_parser_sees_through_wrappers_and_substitutions() -> None:
    script = 'A=$(timeout -k 1 5 curl -gs "$URL" | head -c 9)\nsection x 5 systemctl show --value\nif ! ls; then :; fi'
    found = [words[0] for words in commands(script)]
    assert found == ["timeout", "curl", "head", "section", "systemctl", "ls", ":"]
    assert list(options(["systemctl", "show", "--value"])) == ["--value"]
    assert list(options(["curl", "-gs", "--max-time=1", "--", "-x"])) == ["-g", "-s", "--max-time"]
