# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds on every machine that runs as it should."""

from __future__ import annotations

import ipaddress
import json

import pytest
from testinfra.host import Host

UNITS = ("etcd2.service", "flanneld.service", "docker.service")
IMAGE = "/usr/share/oem/busybox.tar"


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_active(host: Host, unit: str) -> None:
    """Stands first: whoever asks docker.socket afterwards starts a docker.service that was left behind."""
    assert host.run("systemctl is-active %s", unit).stdout.strip() == "active"


def test_docker_answers(host: Host) -> None:
    answer = host.check_output(
        "curl --silent --show-error --max-time 5 --unix-socket /run/docker.sock http://docker/_ping"
    )
    assert answer == "OK"


def test_container_runs(host: Host) -> None:
    host.check_output(f"timeout 60 docker load --input {IMAGE}")
    assert host.check_output("timeout 60 docker run --rm busybox echo hello") == "hello"


def test_docker0_is_inside_the_lease(host: Host) -> None:
    lines = host.check_output("cat /run/flannel/subnet.env").splitlines()
    lease = dict(line.split("=", 1) for line in lines)
    # one line: NUMBER: docker0 inet ADDRESS/LENGTH brd ...
    docker0 = ipaddress.ip_interface(host.check_output("ip -4 -oneline address show docker0").split()[3])
    assert docker0.network == ipaddress.ip_interface(lease["FLANNEL_SUBNET"]).network
    assert docker0 in ipaddress.ip_network(lease["FLANNEL_NETWORK"])


def test_etcd_does_not_run(host: Host) -> None:
    assert host.run("systemctl is-active etcd.service").stdout.strip() == "inactive"


def test_key_holds_the_network(host: Host) -> None:
    assert json.loads(host.check_output("etcdctl get /coreos.com/network/config")) == {"Network": "10.1.0.0/16"}


@pytest.mark.parametrize("unit", UNITS)
def test_what_runs_was_never_stopped(host: Host, unit: str) -> None:
    """A unit that gave up while it started leaves no such lines: they are those of a stop, or of a second start."""
    lines = host.check_output(f"journalctl -b -q --no-pager -u {unit} -o cat _PID=1").splitlines()
    assert len([line for line in lines if line.startswith("Started ")]) == 1, lines
    assert not [line for line in lines if line.startswith("Stopping ")], lines


def test_python_was_not_brought_along(host: Host) -> None:
    assert not host.check_output("find / -xdev -path '*/bin/python*' -o -xdev -path '*/bin/pypy*'")
