# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be kept in step by hand when a module, a role or a rule is added."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.rules import RULES

ROOT = Path(__file__).resolve().parents[2]


def names(kind: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "plugins" / kind).glob("*.py"))


def test_every_module_has_its_python_free_way_in() -> None:
    assert names("action") == names("modules") != []


def test_every_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["container_linux"]) == names("modules")


def test_every_module_and_role_is_in_the_changelog() -> None:
    """`make changelog` puts them there."""
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"].values()
    modules = sorted(item["name"] for release in releases for item in release.get("modules", []))
    roles = sorted(item["name"] for release in releases for item in release.get("objects", {}).get("role", []))
    assert modules == names("modules")
    assert roles == sorted(path.name for path in (ROOT / "roles").iterdir())


def test_the_catalogue_has_every_rule() -> None:
    """A row may tell of two rules; its first cell is empty for a rule without a number."""
    told = {}
    for line in (ROOT / "docs" / "failure-catalogue.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 6 and "`" in cells[1]:
            cure = re.match(r"`(\w+)`", cells[5])
            for name in re.findall(r"`([\w-]+)`", cells[1]):
                told[name] = (cells[0], cells[2], cure[1] if cure else "")
    assert told.pop("unexplained") == ("", "cause", "")
    assert told == {rule.name: (str(rule.row or ""), rule.kind, rule.cure) for rule in RULES}


def test_a_cure_is_a_role_and_its_consent_a_variable_of_it() -> None:
    for rule in RULES:
        if rule.cure:
            spec = yaml.safe_load((ROOT / "roles" / rule.cure / "meta" / "argument_specs.yml").read_text())
            assert {rule.consent} - {""} <= spec["argument_specs"]["main"]["options"].keys()


def test_the_catalogue_has_each_row_that_a_machine_stands_for() -> None:
    """Of those about user-data, which no record of the diagnosis stands for."""
    rows = {
        int(row)
        for path in (ROOT / "tests" / "machine" / "states").glob("user-data-*.sh")
        for row in re.findall(r"\d+", "".join(re.findall(r"^# row: (.+)$", path.read_text(), re.MULTILINE)))
    }
    told = re.findall(
        r"^\| (\d+) \|(?:[^|]+\|){4}$", (ROOT / "docs" / "failure-catalogue.md").read_text(), re.MULTILINE
    )
    assert rows == {int(row) for row in told} == set(range(1, 14))
