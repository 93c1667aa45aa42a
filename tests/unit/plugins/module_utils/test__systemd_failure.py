# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, Section
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd_failure import Failure, explain


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
