# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the guide to late user-data shows what machines and playbooks say today.

`tests/tools/one-boot-late` records that from real machines.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import SPEC
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Section
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import failure
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import Applied
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command, Run
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils._diagnosis.test_judgement import (
    Recording,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "docsite" / "rst" / "guide_user_data_one_boot_late.rst").read_text()
RECORDED = Path(__file__).parent / "fixtures" / "one_boot_late"
TEMPLATE = ROOT / "playbooks" / "templates" / "reapplied.j2"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


# what differs from one recording to the next, and nobody can know
_CHANCE = (
    r"(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?",  # time
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d",  # time, of ls
    r"(?<= root root )\d+(?= .*data$)",  # size of what is remembered, which has a time in it
    r"(?<=flannel-run\[)\d+",  # process
    r"(?<=: E)\d{4} \d\d:\d\d:\d\d\.\d+ +\d+",  # day, time and process, of flanneld
    r"(?<=start job )\d+",
    r"(?<=flanneld holds 10\.1\.)\d+",  # lease
)


def timeless(text: str) -> str:
    """A text without times, processes, jobs and leases: all other digits are to be right."""
    return re.sub("|".join(_CHANCE), "0", text, flags=re.MULTILINE)


def blocks(language: str) -> list[str]:
    found = re.findall(rf"\.\. code-block:: {language}\n\n((?:  .*\n|\n)+)", GUIDE)
    return [textwrap.dedent(block) for block in found]


def test_all_that_the_guide_shows_was_recorded() -> None:
    """Of a play, tasks that tell nothing may be left out, so each paragraph is looked for by itself."""
    known = timeless("\n\n".join(recorded(path.stem) for path in sorted(RECORDED.glob("*.txt"))))
    shown = blocks("text") + blocks("ansible-output")
    assert len(shown) > 12
    removal = "core@core-01 ~ $ sudo rm -r /var/lib/container-linux-remediation"
    for paragraph in (each.strip("\n") for block in shown for each in block.split("\n\n")):
        assert paragraph == removal or f"{timeless(paragraph)}\n" in f"{known}\n", paragraph


@pytest.mark.parametrize(("name", "check_mode"), [("check", True), ("apply", False)])
def test_the_playbook_says_so_today(name: str, check_mode: bool) -> None:
    """Its template makes the same of the module's result as when that was recorded."""
    result = json.loads((RECORDED / f"{name}.json").read_text())["result"]
    environment = jinja2.Environment(trim_blocks=True, autoescape=False, undefined=jinja2.StrictUndefined)
    said = environment.from_string(TEMPLATE.read_text()).render(user_data_result=result, ansible_check_mode=check_mode)
    lines = [json.dumps(line, ensure_ascii=False) for line in said.splitlines()]
    assert ",".join(lines) in re.sub(r",\n\s*", ",", recorded(name))


def waiting(result: dict[str, Any]) -> tuple[failure.Failure, int]:
    """What today's code says of a run that waited, by what the module returned of it; and how long that waited."""
    ((path, told),) = result["applied"].items()
    run = Run(commands=[Command(**command) for command in told["commands"]], doing=told["doing"])
    going_on = {"ActiveState": "activating", "SubState": "start", "Result": "success"}
    seen = Applied("", Section(124, "", ""), going_on, run, logged=True, same=True)
    timeout = result["invocation"]["module_args"]["timeout"]
    failed = failure.of_run(seen, path=path, unit=result["sources"][path]["unit"], timeout=timeout)
    assert failed
    return failed, timeout


def test_the_error_says_so_today() -> None:
    """The same code as on the day of the recording, and the host's answers of that day, make the same sentences."""
    failed, timeout = waiting(json.loads((RECORDED / "blocked.json").read_text())["result"])
    why = failure.cause(Recording(str(RECORDED / "answers" / "blocked")), failed, timeout=timeout)
    said = " ".join([failed.sentence, *why.sentences])
    assert f"[ERROR]: Task failed: Action failed: {said}\n" in recorded("blocked")
    (shown,) = re.findall(r"Action failed: (.*)", GUIDE)
    assert timeless(shown) == timeless(said)


def test_the_recorded_result_is_as_documented() -> None:
    documentation: dict[str, Any] = yaml.safe_load(module_text("RETURN"))
    result = json.loads((RECORDED / "apply.json").read_text())["result"]
    told = {key for key in result if not key.startswith("_")} - {"changed", "warnings", "invocation"}
    assert told == {"sources", "actions", "applied", "proof", "left_behind"} <= documentation.keys()
    for key in ("sources", "applied", "proof"):
        for each in result[key].values():
            assert_documented(each, documentation[key])
    assert_documented(result["left_behind"], documentation["left_behind"])


def test_the_user_data_in_the_guide_are_those_that_were_run() -> None:
    with_key = (ROOT / "tests" / "machine" / "user-data" / "flannel-with-key.yml").read_text()
    no_key, key_unit = blocks("yaml")
    assert textwrap.indent(key_unit.strip("\n"), "    ") in with_key
    run = (ROOT / "tests" / "machine" / "user-data" / "flannel-no-key.yml").read_text()
    assert no_key.partition("coreos:\n")[2].strip("\n") in run


def test_the_trigger_in_the_guide_is_the_example() -> None:
    (trigger,) = blocks("ruby")
    assert trigger.strip("\n") in (ROOT / "docs" / "examples" / "Vagrantfile").read_text()


def test_the_guide_names_no_option_that_there_is_not() -> None:
    named = set(re.findall(r"\buser_data_(?!one_boot_late)(\w+)", GUIDE)) - {"src"}
    assert named and named <= SPEC["argument_spec"].keys()


def module_text(name: str) -> str:
    module = (ROOT / "plugins" / "modules" / "cloudinit_rerun.py").read_text()
    return module.partition(f'{name} = r"""')[2].partition('"""')[0]


def assert_documented(value: Any, documentation: dict[str, Any]) -> None:
    """Each key of a result has its description, and each that is described is there."""
    for each in value if isinstance(value, list) else [value]:
        if "contains" in documentation:
            assert each.keys() == documentation["contains"].keys()
            for key, inner in each.items():
                assert_documented(inner, documentation["contains"][key])
