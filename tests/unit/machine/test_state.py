# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine import state
from ansible_collections.container_linux.remediation.tests.machine.testmachine.console import MachineError
from ansible_collections.container_linux.remediation.tests.machine.testmachine.machines import up

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", state.state_names())
def test_every_state_says_what_it_is_and_how_to_see_it(name: str) -> None:
    found = state.read_state(name)
    assert found.summary
    assert 0 < found.within <= 300
    script = '. "$1" && command -v setup && command -v symptom'
    defined = subprocess.run(["sh", "-c", script, "sh", str(found.path)], capture_output=True, text=True, check=True)
    assert defined.stdout.split() == ["setup", "symptom"]


@pytest.mark.parametrize("name", state.state_names())
def test_every_state_is_started_by_a_test(name: str) -> None:
    tests = [*(ROOT / "tests" / "integration").rglob("*.py"), *(ROOT / "extensions" / "molecule").rglob("*.yml")]
    assert any(re.search(rf"[\" ]{name}[\"\n]", path.read_text()) for path in tests)


def test_an_unknown_state_is_refused_with_those_that_exist() -> None:
    with pytest.raises(MachineError, match=r"no state 'broken'; there are .*key-missing"):
        state.read_state("broken")


def test_a_state_without_a_heading_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare.sh").write_text("setup() { :; }\nsymptom() { :; }\n")
    monkeypatch.setattr(state, "STATES", tmp_path)
    with pytest.raises(MachineError, match="lacks a heading line"):
        state.read_state("bare")


def test_a_state_says_whether_it_needs_an_earlier_boot() -> None:
    assert state.read_state("user-data-one-boot-late").reboots
    assert not state.read_state("user-data-fresh").reboots


def test_a_state_is_refused_for_a_release_that_lacks_a_unit_of_it() -> None:
    with pytest.raises(MachineError, match=r"needs etcd\.service and etcd2\.service, which release 2512 has not"):
        up(name="core-01", release="2512", state="etcd-instead-of-etcd2")
