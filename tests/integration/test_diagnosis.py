# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""diagnosis_facts on machines that are broken in each way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    BROKEN,
    DIAGNOSE,
    break_it,
    broken_by,
    causes,
    drop_in,
    mend,
    snapshot,
    sudo_calls,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory

AS_ROOT = ("--become",)


@pytest.mark.parametrize("cause", BROKEN)
def test_a_look_finds_the_cause_and_touches_nothing(machine: MachineFactory, cause: str) -> None:
    host = machine()
    break_it(host, cause)
    before, calls = snapshot(host), sudo_calls(host)
    looked = host.play([DIAGNOSE], options=AS_ROOT)
    after = sudo_calls(host)
    assert looked.rc == 0 and not looked.last.changed
    assert cause in causes(looked.last)
    # the snapshot and the first count were a round trip each, and a host in trouble takes two
    assert after - calls == 3
    assert snapshot(host) == before


def test_a_healthy_host_is_healthy_in_check_mode_as_well(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    before = snapshot(host)
    for check in (False, True):
        looked = host.play([DIAGNOSE], check=check, options=AS_ROOT)
        facts = looked.last.result["ansible_facts"]["container_linux_diagnosis"]
        assert looked.rc == 0 and facts["healthy"]
        assert [link["state"] for link in facts["chain"]] == ["ok"] * 5
    assert snapshot(host) == before


@pytest.mark.parametrize(("wanted", "notes"), [("10.1.0.0/16", ["key-differs"]), ("10.2.0.0/16", [])])
def test_another_network_than_the_one_asked_for_is_told(machine: MachineFactory, wanted: str, notes: list[str]) -> None:
    host = machine("key-differs")
    looked = host.play(
        [{"container_linux.remediation.diagnosis_facts": {"flannel_config": {"Network": wanted}}}], options=AS_ROOT
    )
    facts = looked.last.result["ansible_facts"]["container_linux_diagnosis"]
    assert looked.rc == 0 and facts["healthy"], looked.output
    assert [verdict["name"] for verdict in facts["verdicts"] if verdict["name"] == "key-differs"] == notes


def test_a_prefix_behind_a_variable_is_followed(machine: MachineFactory) -> None:
    """Two round trips: the shell's guess was wrong."""
    host = machine()
    mend(host)
    broken_by(host, "")
    drop_in(host, "flanneld.service", "Environment=WHERE=/other/place", "ExecStart=",
            "ExecStart=/opt/bin/flanneld --etcd-endpoints=http://127.0.0.1:2379 --etcd-prefix=${WHERE}")  # fmt: skip
    broken_by(host, "")
    looked = host.play([DIAGNOSE], options=AS_ROOT)
    assert causes(looked.last) == ["key-missing"]
    assert looked.last.result["ansible_facts"]["container_linux_diagnosis"]["flannel"]["key"] == "/other/place/config"
    mend(host)


def test_a_docker_socket_elsewhere_is_asked_there(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    host.sh(
        """
        mkdir -p /run/systemd/system/docker.socket.d
        printf '[Socket]\\nListenStream=\\nListenStream=/run/elsewhere.sock\\n' \
          > /run/systemd/system/docker.socket.d/90-test.conf
        systemctl stop docker.socket docker.service
        rm -f /run/docker.sock /run/elsewhere.sock
        systemctl daemon-reload
        systemctl start docker.socket docker.service
        """
    )
    looked = host.play([DIAGNOSE], options=AS_ROOT)
    assert causes(looked.last) == []
    host.sh("rm -r /run/systemd/system/docker.socket.d; systemctl stop docker.socket docker; systemctl daemon-reload")
    mend(host)


def test_the_real_module_says_the_same(machine: MachineFactory) -> None:
    """Where the machine has Python, a task in the background runs the module itself."""
    host = machine(python=True)
    looked = host.play([{**DIAGNOSE, "async": 60, "poll": 1}], options=AS_ROOT)
    assert looked.rc == 0, looked.output
    assert looked.last.result["ansible_facts"]["container_linux_diagnosis"]["healthy"]
