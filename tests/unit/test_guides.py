# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the guides and pictures in docs/docsite show what the collection does today.

The facts are those of a real machine; `make pictures` records them and draws the picture.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_diff import unit_deps_diff
from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_dot import unit_deps_dot
from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_tree import unit_deps_tree
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "docsite" / "rst"
GUIDE = (PAGES / "guide_unit_not_starting.rst").read_text()
RECORDED = ROOT / "tests" / "unit" / "plugins" / "plugin_utils" / "fixtures" / "unit_deps"


def facts(name: str = "key-missing") -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return facts


def shown(lines: str) -> list[str]:
    """Lines as Ansible's debug shows them in a list."""
    return [json.dumps(line, ensure_ascii=False) for line in lines.splitlines()]


def test_the_states_in_the_guide_are_those_of_the_machine() -> None:
    block = re.search(r"systemctl is-active (.+)\n((?:  \w+\n)+)", GUIDE)
    assert block
    nodes = facts()["nodes"]
    assert [nodes[f"{name}.service"]["active_state"] for name in block[1].split()] == block[2].split()


@pytest.mark.parametrize(("name", "reverse"), [("key-missing", False), ("key-missing-reverse", True)])
def test_the_trees_in_the_guide_are_what_the_filter_draws(name: str, reverse: bool) -> None:
    assert ",".join(shown(unit_deps_tree(facts(name), reverse=reverse))) in re.sub(r",\n\s*", ",", GUIDE)


def test_the_differences_in_the_guide_are_what_the_filter_tells() -> None:
    for told in (unit_deps_diff("1010", "899", text=True), unit_deps_diff(facts(), baseline="auto", text=True)):
        assert isinstance(told, str)
        assert ",".join(shown(told)) in re.sub(r",\n\s*", ",", GUIDE)


def test_the_answer_of_the_guide_is_true() -> None:
    update, own = unit_deps_diff("1010", "899"), unit_deps_diff(facts(), baseline="auto")
    assert not isinstance(update, str) and not isinstance(own, str)
    assert "docker.service" in update["nodes"]["unchanged"]
    assert [edge for edge in update["edges"]["added"] if edge["from"] == "docker.service"] == []
    (install,) = (change for change in update["nodes"]["changed"] if change["unit"] == "flanneld.service")
    assert install["field"] == "install"
    added = {(edge["to"], edge["origin"]) for edge in own["edges"]["added"] if edge["from"] == "docker.service"}
    assert added == {("flanneld.service", "yours")}


def test_the_guide_explains_every_rule() -> None:
    table = GUIDE.partition("These are the rules:")[2].partition("\n\nWhat else")[0]
    cells = re.findall(r"   \* - (``.+``)\n     - ", table)
    assert {word for cell in cells for word in re.findall("``(.+?)``", cell)} == {rule.text for rule in RULES}


def test_every_example_of_the_guide_is_yaml() -> None:
    blocks = re.findall(r"\.\. code-block:: yaml\+jinja\n\n((?:  .*\n|\n)+)", GUIDE)
    assert len(blocks) == 4
    assert all(isinstance(yaml.safe_load(block), list) for block in blocks)


def test_the_picture_is_what_the_filter_draws() -> None:
    if not shutil.which("dot"):
        pytest.skip("Graphviz is not installed; Debian's package is called graphviz.")
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input=unit_deps_dot(facts()).encode(), capture_output=True, check=True, timeout=60
    )
    (picture,) = (PAGES / "pictures").glob("*.svg")
    assert words(ElementTree.fromstring(drawn.stdout)) == words(ElementTree.parse(picture).getroot()) != []


def test_the_pictures_say_who_made_them_and_what_one_may_do_with_them() -> None:
    for picture in (PAGES / "pictures").iterdir():
        assert "\nCopyright (c) " in picture.read_text()
        assert "\nSPDX-License-Identifier: GPL-3.0-or-later\n" in picture.read_text()


def words(svg: ElementTree.Element) -> list[str]:
    """The texts of a picture. Where they stand depends on Graphviz's version and the fonts of a machine."""
    return sorted("".join(element.itertext()) for element in svg.iter("{http://www.w3.org/2000/svg}text"))
