# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook fix-docker.yml on machines that are broken in each way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    KEY,
    break_it,
    broken_by,
    changed,
    container_runs,
    drop_in,
    mend,
    pid,
    recap,
    snapshot,
    sudo_calls,
)
from ansible_collections.container_linux.remediation.tests.integration.etcd_key.servers import Authority

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

FIX = "container_linux.remediation.fix_docker"
CONSENT = {"etcd2_replace_etcd": True}


def test_a_healthy_host_is_not_touched(machine: MachineFactory) -> None:
    """By its full name, as users run it."""
    host = machine()
    mend(host)
    before, calls = snapshot(host), sudo_calls(host)
    for check in (False, True):
        play = host.playbook(FIX, check=check)
        assert play.rc == 0, play.output
        assert recap(play)["ok"] <= 2 and recap(play)["changed"] == 0
    # two runs of one round trip each, and the first count itself
    assert sudo_calls(host) - calls == 3
    assert snapshot(host) == before


@pytest.mark.parametrize(
    ("cause", "variables", "steps"),
    [
        ("key-missing", {}, {"Create the config where there is none", "Start what was left behind"}),
        ("etcd-down", {}, {"Start etcd2.service", "Start what was left behind"}),
        (
            "etcd-instead-of-etcd2",
            CONSENT,
            {
                "Have etcd2.service come up at boot in its place",
                "Stop and mask etcd.service",
                "Start etcd2.service",
                "Start what was left behind",
            },
        ),
        ("docker-left-behind", {}, {"Start what was left behind"}),
    ],
)
def test_a_cure(machine: MachineFactory, cause: str, variables: dict[str, Any], steps: set[str]) -> None:
    host = machine()
    break_it(host, cause)
    waits = {"Wait until flanneld has its lease"}

    before = snapshot(host)
    predicted = host.playbook("playbooks/fix-docker.yml", check=True, variables=variables)
    assert predicted.rc == 0, predicted.output
    assert set(changed(predicted)) - waits == steps
    assert snapshot(host) == before

    cured = host.playbook("playbooks/fix-docker.yml", variables=variables)
    assert cured.rc == 0, cured.output
    assert set(changed(cured)) - waits == steps
    assert "docker answers; flanneld holds 10.1." in cured.last.message
    assert container_runs(host)
    assert host.sh("systemctl is-active etcd2 flanneld docker").split() == ["active"] * 3
    assert host.sh("systemctl is-enabled etcd2").strip() == "enabled"
    assert host.sh(f"etcdctl get {KEY}").strip() in ('{ "Network": "10.1.0.0/16" }', '{"Network":"10.1.0.0/16"}')

    after = snapshot(host)
    again = host.playbook("playbooks/fix-docker.yml", variables=variables)
    assert again.rc == 0 and changed(again) == []
    assert recap(again)["ok"] <= 2
    assert snapshot(host) == after


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("key-is-directory", "A directory stands where flanneld expects its network config"),
        ("key-invalid", "flanneld does not accept its network config"),
        ("network-overlaps", "Choose another network for flannel"),
        (
            "etcd-instead-of-etcd2",
            "pulled in by /etc/systemd/system/multi-user.target.wants/etcd.service. "
            "Run again with etcd2_replace_etcd set to true",
        ),
    ],
)
def test_no_safe_cure(machine: MachineFactory, cause: str, says: str) -> None:
    host = machine()
    break_it(host, cause)
    before = snapshot(host)
    for check in (True, False):
        play = host.playbook("playbooks/fix-docker.yml", check=check)
        assert play.rc == 2
        assert play.last.outcome == "failed" and says in play.last.message
        assert "\n" not in play.last.message.strip()
        assert changed(play) == []
    assert snapshot(host) == before


def test_units_that_gave_up_with_docker_are_started_too(machine: MachineFactory) -> None:
    """Row 41 as it happens: docker and a user's own unit gave up, then the key came."""
    host = machine()
    break_it(host, "key-missing")
    _fail_by_dependency(host)
    # within a time limit of its own, which is not that of 2 s by which it failed
    host.sh("rm /run/systemd/system/flanneld.service.d/90-test.conf; systemctl daemon-reload")
    host.sh(f'etcdctl set {KEY} \'{{"Network":"10.1.0.0/16"}}\'\nsystemctl start flanneld\n')
    flanneld = pid(host, "flanneld.service")
    assert host.sh("systemctl is-active docker own.service", check=False).split() == ["inactive"] * 2

    cured = host.playbook("playbooks/fix-docker.yml")
    assert cured.rc == 0, cured.output
    assert changed(cured) == ["Start what was left behind"]
    assert host.sh("systemctl is-active docker own.service").split() == ["active"] * 2
    assert pid(host, "flanneld.service") == flanneld
    host.sh("systemctl stop own.service; rm /run/systemd/system/own.service; systemctl daemon-reload")


def _fail_by_dependency(host: Machine) -> None:
    drop_in(host, "flanneld.service", "TimeoutStartSec=2s")
    host.sh(
        """
        printf '%s\\n' '[Unit]' Requires=docker.service After=docker.service \
          '[Service]' 'ExecStart=/bin/sleep infinity' > /run/systemd/system/own.service
        systemctl daemon-reload
        systemctl stop docker.socket docker flanneld
        systemctl start docker.socket
        systemctl start --no-block own.service
        until journalctl -b -q -o cat -u own.service | grep -q "result 'dependency'"; do sleep 0.2; done
        """
    )


def test_tags_choose_the_steps(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "key-missing")
    play = host.playbook("playbooks/fix-docker.yml", options=("--tags", "flannel_config"))
    assert play.rc == 0, play.output
    assert "Create the config where there is none" in changed(play)
    assert "Start what was left behind" not in changed(play)
    assert host.playbook("playbooks/fix-docker.yml", options=("--tags", "docker")).rc == 0
    assert container_runs(host)


def test_the_certificates_are_those_that_flanneld_has(machine: MachineFactory, tmp_path: Path) -> None:
    """An etcd2 that lets in only clients with a certificate; options.env names flanneld's."""
    host = machine(fresh=True)
    authority = Authority(tmp_path / "pki")
    for name in ("ca.pem", "server.pem", "server-key.pem", "client.pem", "client-key.pem"):
        text = (authority.folder / name).read_text()
        host.sh(
            f"mkdir -p /etc/ssl/etcd\ncat > /etc/ssl/etcd/{name} <<'EOF'\n{text}EOF\nchmod 644 /etc/ssl/etcd/{name}"
        )
    drop_in(
        host,
        "etcd2.service",
        "Environment=ETCD_LISTEN_CLIENT_URLS=https://127.0.0.1:2379 ETCD_ADVERTISE_CLIENT_URLS=https://127.0.0.1:2379",
        "Environment=ETCD_CERT_FILE=/etc/ssl/etcd/server.pem ETCD_KEY_FILE=/etc/ssl/etcd/server-key.pem",
        "Environment=ETCD_TRUSTED_CA_FILE=/etc/ssl/etcd/ca.pem ETCD_CLIENT_CERT_AUTH=true",
    )
    options = {
        "ENDPOINTS": "https://127.0.0.1:2379",
        "CAFILE": "/etc/ssl/etcd/ca.pem",
        "CERTFILE": "/etc/ssl/etcd/client.pem",
        "KEYFILE": "/etc/ssl/etcd/client-key.pem",
    }
    lines = "\n".join(f"FLANNELD_ETCD_{name}={value}" for name, value in options.items())
    broken_by(
        host,
        f"""
        etcdctl rm {KEY}
        systemctl restart etcd2.service
        sed -i '/FLANNELD_ETCD/d' /etc/flannel/options.env
        printf '%s\\n' '{lines}' >> /etc/flannel/options.env
        """,
    )
    play = host.playbook(FIX)
    assert play.rc == 0, play.output
    assert "Create the config where there is none" in changed(play)
    assert container_runs(host)
    assert recap(host.playbook(FIX))["changed"] == 0


def test_a_docker_beside_a_broken_flannel_is_judged_anew(machine: MachineFactory) -> None:
    """With the units as they are shipped docker does not wait for flanneld, and so got a bridge of its own."""
    host = machine(fresh=True)
    host.sh(
        f"""
        rm /etc/systemd/system/docker.service.d/40-flannel.conf
        systemctl daemon-reload
        systemctl stop docker.socket docker.service flanneld.service
        # docker remembers its bridge's network
        rm -rf /run/flannel_docker_opts.env /run/flannel/subnet.env /var/lib/docker/network
        ip link delete docker0
        etcdctl rm {KEY}
        systemctl start docker.socket docker.service
        systemctl start --no-block flanneld.service
        """
    )
    before = pid(host, "docker.service")
    play = host.playbook(FIX)
    assert play.rc == 2
    assert changed(play) == ["Create the config where there is none", "Wait until flanneld has its lease"]
    assert "docker0 is 172.17.0.0/16, which is not flanneld's lease" in play.last.message
    assert "Key not found" not in play.last.message
    assert pid(host, "docker.service") == before
