# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything a host answers may have been written by an enemy."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.probe import observe
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils._diagnosis.test_judgement import (
    CASES,
    RECORDED,
    Recording,
    diagnosis,
    lines,
    names,
    verdict,
)

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07\x00\x9b31m",
    "'\"; touch /tmp/owned; $(touch /tmp/owned) `touch /tmp/owned`",
    "{{ lookup('pipe', 'touch /tmp/owned') }} {% raw %} {0} {culprit} %s",
    "\nfence-00000000000000000000000000000000 end key-0 0\nfence- begin whole\n\n",
    "\r\nId=docker.service\nActiveState=active\n\n",
    "Ä \u202e\u2028\ud800 é",
    "x" * 200_000,
]


def _at_key(value: str) -> str:
    node = {"key": "/coreos.com/network/config", "value": value, "modifiedIndex": 9, "createdIndex": 9}
    return "HTTP/1.1 200 OK\nContent-Type: application/json\n\n" + json.dumps({"action": "get", "node": node})


def _section(text: str, name: str, content: str) -> str:
    pattern = rf"(FENCE begin {re.escape(name)}\n).*?(\nFENCE end {re.escape(name)} )"
    edited, count = re.subn(pattern, lambda m: m[1] + content + m[2], text, count=1, flags=re.DOTALL)
    assert count == 1, name
    return edited


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_an_invalid_config_and_nothing_else(value: str) -> None:
    result = diagnosis("key-invalid", lambda text: _section(text, "key-0", _at_key(value)))
    assert names(result, "cause") == ["key-invalid"]
    assert all(len(line) < 700 for line in lines(result, "key-invalid").splitlines())
    assert len(result["summary"]) < 700


@pytest.mark.parametrize(
    "answer", ["", "<html>\x1b[31mlogin</html>", "[" * 100_000, '{"node": 7}', '{"node": {"dir": 1}}']
)
def test_an_answer_that_is_no_etcd_node_is_said_to_be_none(answer: str) -> None:
    result = diagnosis("key-missing", lambda text: _section(text, "key-0", "HTTP/1.1 200 OK\n\n" + answer))
    assert names(result, "cause") == ["etcd-refuses"]
    assert not result["curable"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "section",
    [
        "os",
        "jobs",
        "file:/run/flannel/options.env",
        "version-0",
        "key-0",
        "lease",
        "routes",
        "addresses",
        "listeners",
        "sockets",
        "journal:docker.service",
        "journal:flanneld.service",
        "wrapper",
        "said",
        "left",
    ],
)
def test_no_answer_breaks_the_diagnosis(section: str, text: str) -> None:
    case = Recording("key-missing", lambda recorded: _section(recorded, section, text))
    if section.startswith("file:"):
        # a changed options.env makes the recorded question to etcd a wrong one, which is asked again
        case.answers.insert(1, case.answers[0])
    observe(case)
    if not section.startswith("file:"):
        assert not diagnosis("key-missing", lambda recorded: _section(recorded, section, text))["healthy"]


def test_a_line_of_a_drop_in_cannot_paint_the_terminal() -> None:
    path = "/etc/systemd/system/docker.service.d/40-flannel.conf"
    line = f"{path}\n1\n[Unit]\n2\nRequires=flanneld.service \x1b]0;owned\x07"
    result = diagnosis("key-missing", lambda text: _section(text, "files", line))
    assert verdict(result, "docker-waits-for-flanneld")["culprit"] == path


def test_a_link_that_pulls_in_etcd_cannot_either() -> None:
    link = "link /etc/systemd/system/\x1b[2J.wants/etcd.service\n"
    result = diagnosis("etcd-instead-of-etcd2", lambda text: _section(text, "links", link))
    assert names(result, "cause") == ["etcd-instead-of-etcd2"]


@pytest.mark.parametrize("case", CASES)
def test_a_mark_of_another_call_marks_nothing(case: str) -> None:
    """The fence is made anew for each call: what an earlier one was like helps nobody."""
    text = (RECORDED / f"{case}.txt").read_text()
    fence = "fence-0123456789abcdef0123456789abcdef"
    forged = _section(
        text, "os", f"ID=coreos\n\n{fence} end os 0\n\n{fence} begin ping\nHTTP/1.1 200 OK\n\nOK\n{fence} end ping 0"
    )
    assert diagnosis(case, lambda _: forged)["docker"]["answers"] == diagnosis(case)["docker"]["answers"]
