# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of all scenarios share."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

FINGERPRINT = Path(__file__).with_name("shared") / "fingerprint.sh"
UNITS = ("etcd.service", "etcd2.service", "flanneld.service", "docker.service", "user-cloudinit@*.service")


@pytest.fixture
def differences(host: Host) -> list[str]:
    """The lines of the machine's fingerprint that were not there before the scenario began, or are not there now."""
    before = host.check_output("cat /run/fingerprint").splitlines()
    after = host.check_output(FINGERPRINT.read_text()).splitlines()
    assert any(line.startswith("docker.service ") for line in before), f"this is no fingerprint: {before}"
    return sorted(set(before) ^ set(after))


@pytest.fixture(scope="session")
def runs() -> list[list[dict[str, Any]]]:
    """The results of the tasks of each run of converge.yml: in check mode, then in earnest, then once more."""
    runs: list[list[dict[str, Any]]] = []
    for line in Path(os.environ["RESULTS_FILE"]).read_text().splitlines():
        result = json.loads(line)
        if result["task"] == "Require machines":
            runs.append([])
        if runs:
            runs[-1].append(result)
    assert len(runs) >= 3
    # before them stand those of a test that was interrupted
    return runs[-3:]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the journals of the machines that a failed test was about."""
    report = yield
    if report.failed:
        for name, host in hosts_of(item).items():
            report.sections.append((f"journal of {name}", journal(host)))
    return report


def hosts_of(item: pytest.Item) -> dict[str, Host]:
    """The machines among a test's arguments, single ones and those in a list, by name."""
    arguments: dict[str, object] = getattr(item, "funcargs", {})
    values = [
        value for argument in arguments.values() for value in (argument if isinstance(argument, list) else [argument])
    ]
    return {str(value.backend.get_pytest_id()): value for value in values if isinstance(value, Host)}


def journal(host: Host) -> str:
    units = " ".join(f"--unit={unit}" for unit in UNITS)
    return str(host.run(f"journalctl -b -q --no-pager --lines=80 --output=short-monotonic {units}").stdout)
