# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, Section
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import (
    Failure,
    blocked_by,
    explain,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_machine import Saying


class SilentJournal:
    """A host whose journal has no line on any unit."""

    def run(self, script: str) -> Completed:
        fence = script.partition("\nFENCE=")[2].partition("\n")[0]
        names = ["last-0", "since-0", "last-1", "since-1", "whole"]
        return Completed(0, "".join(f"\n{fence} begin {name}\n\n{fence} end {name} 0\n" for name in names), "")


def failed(name: str) -> Failure:
    unit = {"Id": name, "ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
    return Failure(unit, None, "start", False, [name], unit)


def test_a_unit_is_not_told_with_the_words_about_another() -> None:
    told = Section(1, "", "Job for dies.service failed. See 'systemctl status dies.service' for details.\n")
    units = [failed("ends.service"), failed("dies.service")]
    message, _keys = explain(SilentJournal(), units, told=told, began="0", timeout=9)
    ends, dies = message.split("dies.service did not start", 1)
    assert ends.startswith("ends.service did not start: its job ended well, yet it is failed")
    assert "dies" not in ends
    assert dies


FLANNELD = "Id=flanneld.service\nActiveState=activating\nSubState=start\nLoadState=loaded\n"
DOCKER = "Id=docker.service\nActiveState=inactive\nSubState=dead\nLoadState=loaded\nRequires=flanneld.service\n"


def blocked(jobs: str, logged: str = "", result: str = "", docker: str = DOCKER) -> tuple[str, list[str]]:
    answers = {"now": "1000", "show": docker, "jobs": jobs, "chain": f"{DOCKER}\n{FLANNELD}"}
    journal = {f"{kind}-{number}": logged for kind in ("last", "since") for number in range(2)}
    host = Saying({name: (text, 0) for name, text in {**answers, **journal}.items()})
    sentence, details = blocked_by(host, "docker.service", "start", 30, result=result)
    return sentence, details["failures"][0]["waits_for"]


def test_a_unit_that_somebody_else_waits_for_is_explained() -> None:
    jobs = "7 docker.service start waiting\n8 flanneld.service start running"
    sentence, waits_for = blocked(jobs)
    assert waits_for == ["flanneld.service"]
    assert sentence.startswith("docker.service did not start within 30 s: its start job 7 still waits behind flanneld")

    because = "result 'dependency', because of flanneld.service, which is activating (start)"
    assert because in blocked("", result="dependency")[0]
    assert because in blocked("", logged="Job docker.service/start failed with result 'dependency'.")[0]
    assert blocked("")[0].startswith("docker.service is inactive (dead), and has no job any more that could start it")
    started = blocked("", docker=DOCKER.replace("inactive", "active").replace("dead", "running"))[0]
    assert started.startswith(
        "docker.service is active (running) by now, so that what waited for it goes on. Run again"
    )
