# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role by itself, as a site playbook includes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    KEY,
    break_it,
    changed,
    drop_in,
    mend,
    one_sentence,
    pid,
    role,
    snapshot,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
    )

CREATE = "Create the config where there is none"
OTHER = {"Network": "10.7.0.0/16"}


def include(host: Machine, name: str, *, check: bool = False, **variables: Any) -> Play:
    return host.play([role(name)], check=check, variables=variables, options=("--become",))


def config(host: Machine) -> Any:
    return json.loads(host.sh(f"etcdctl get {KEY}"))


@pytest.fixture
def healthy(machine: MachineFactory) -> Machine:
    host = machine()
    mend(host)
    return host


@pytest.mark.parametrize("check", [True, False])
def test_a_site_of_all_roles_leaves_a_healthy_host_alone(healthy: Machine, check: bool) -> None:
    """With defaults, and no task of it changes anything or restarts anything."""
    path = healthy.folder / "site.yml"
    roles = [f"container_linux.remediation.{role}" for role in ("etcd2", "flannel_config", "docker")]
    site = {
        "hosts": "all",
        "gather_facts": False,
        "become": True,
        "roles": [{"role": r, "tags": r[28:]} for r in roles],
    }
    path.write_text(yaml.safe_dump([site]))
    before = snapshot(healthy), pid(healthy, "flanneld.service")
    play = healthy.playbook(path, check=check)
    assert play.rc == 0 and changed(play) == [], play.output
    if not check:
        tagged = healthy.playbook(path, options=("--tags", "etcd2"))
        assert tagged.rc == 0 and "Start etcd2.service" in tagged.output
        assert CREATE not in tagged.output and "Start what was left behind" not in tagged.output
    assert (snapshot(healthy), pid(healthy, "flanneld.service")) == before


def test_etcd2_starts_a_dead_one(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "etcd-down")
    assert changed(include(host, "etcd2", check=True)) == ["Start etcd2.service"]
    assert host.sh("systemctl is-active etcd2", check=False).strip() == "inactive"
    assert changed(include(host, "etcd2")) == ["Start etcd2.service"]
    running = pid(host, "etcd2.service")
    assert running and changed(include(host, "etcd2")) == []
    assert pid(host, "etcd2.service") == running


def test_etcd2_takes_no_place_without_consent(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "etcd-instead-of-etcd2")
    etcd = pid(host, "etcd.service")
    data = "find /var/lib/etcd /var/lib/etcd2 -printf '%p\\n'"
    kept = host.sh(data)
    one_sentence(include(host, "etcd2"), "multi-user.target.wants/etcd.service", "etcd2_replace_etcd set to true")
    assert pid(host, "etcd.service") == etcd
    done = include(host, "etcd2", etcd2_replace_etcd=True)
    assert done.rc == 0, done.output
    assert host.sh("systemctl is-active etcd2 etcd", check=False).split() == ["active", "inactive"]
    assert host.sh("systemctl is-enabled etcd2 etcd", check=False).split() == ["enabled", "masked"]
    assert set(kept.split()) <= set(host.sh(data).split())
    assert config(host) == {"Network": "10.1.0.0/16"}
    assert changed(include(host, "etcd2", etcd2_replace_etcd=True)) == []


def test_etcd2_that_cannot_start_says_why(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "etcd-down")
    drop_in(host, "etcd2.service", "ExecStart=", "ExecStart=/bin/sh -c 'echo no space left on device; exit 4'")
    play = include(host, "etcd2")
    one_sentence(play, "etcd2.service", "result 'failed'", "'journal'")
    assert "no space left on device" in str(play.last.result["journal"])


def test_flannel_config_creates_what_is_missing(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "key-missing")
    before = snapshot(host)
    assert CREATE in changed(include(host, "flannel_config", check=True))
    assert snapshot(host) == before
    done = include(host, "flannel_config", flannel_config_value=json.dumps(OTHER))
    assert done.rc == 0 and CREATE in changed(done), done.output
    assert config(host) == OTHER
    assert "10.7." in host.sh("cat /run/flannel/subnet.env")
    # a lease is all that was asked for
    assert host.sh("systemctl is-active docker", check=False).strip() == "inactive"
    assert changed(include(host, "flannel_config", flannel_config_value=OTHER)) == []


def test_flannel_config_keeps_another_config(healthy: Machine) -> None:
    flanneld = pid(healthy, "flanneld.service")
    play = include(healthy, "flannel_config", flannel_config_value=OTHER)
    assert play.rc == 0 and changed(play) == [], play.output
    assert config(healthy) == {"Network": "10.1.0.0/16"}
    assert pid(healthy, "flanneld.service") == flanneld


def test_flannel_config_replaces_on_purpose_and_restarts_nothing(healthy: Machine) -> None:
    flanneld, docker = pid(healthy, "flanneld.service"), pid(healthy, "docker.service")
    wanted: dict[str, Any] = {"flannel_config_value": OTHER, "flannel_config_policy": "replace"}
    predicted = include(healthy, "flannel_config", check=True, **wanted)
    assert predicted.rc == 0, predicted.output
    assert changed(predicted) == [CREATE] and config(healthy) == {"Network": "10.1.0.0/16"}
    play = include(healthy, "flannel_config", **wanted)
    assert play.rc == 0 and changed(play) == [CREATE], play.output
    assert config(healthy) == OTHER
    assert (pid(healthy, "flanneld.service"), pid(healthy, "docker.service")) == (flanneld, docker)
    assert changed(include(healthy, "flannel_config", **wanted)) == []


def test_flannel_config_replaces_an_invalid_one_only_on_purpose(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "key-invalid")
    before = snapshot(host)
    one_sentence(include(host, "flannel_config"), KEY, "is not JSON", "Nothing was written", "flannel_config_policy")
    assert snapshot(host) == before
    done = include(host, "flannel_config", flannel_config_policy="replace")
    assert done.rc == 0, done.output
    assert config(host) == {"Network": "10.1.0.0/16"}
    assert host.sh("systemctl is-active flanneld").strip() == "active"


def test_flannel_config_leaves_a_directory_alone_whatever_the_policy(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "key-is-directory")
    before = snapshot(host)
    one_sentence(include(host, "flannel_config"), "a directory stands in its place")
    one_sentence(include(host, "flannel_config", flannel_config_policy="replace"), "directory")
    assert snapshot(host) == before


def test_flannel_config_refuses_the_hosts_own_network(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "network-overlaps")
    before = snapshot(host)
    one_sentence(include(host, "flannel_config"), "10.1.77.0/24 (eth0)", "Nothing was written", "flannel_config_force")
    assert snapshot(host) == before
    assert CREATE in changed(include(host, "flannel_config", flannel_config_value=OTHER, check=True))
    assert CREATE in changed(include(host, "flannel_config", flannel_config_force=True, check=True))
    assert include(host, "flannel_config", flannel_config_value=OTHER).rc == 0
    assert config(host) == OTHER


def test_flannel_config_waits_no_longer_than_told(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "key-missing")
    drop_in(host, "flanneld.service", "ExecStart=", "ExecStart=/bin/sleep infinity")
    host.sh("systemctl kill -s KILL flanneld; systemctl stop flanneld")
    one_sentence(include(host, "flannel_config", flannel_config_timeout=3), "flanneld.service", "within 3 s")


def test_docker_starts_what_was_left_behind(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "docker-left-behind")
    flanneld = pid(host, "flanneld.service")
    assert changed(include(host, "docker", check=True)) == ["Start what was left behind"]
    assert pid(host, "docker.service") == 0
    done = include(host, "docker")
    assert done.rc == 0 and changed(done) == ["Start what was left behind"], done.output
    docker = pid(host, "docker.service")
    assert changed(include(host, "docker")) == []
    assert (pid(host, "flanneld.service"), pid(host, "docker.service")) == (flanneld, docker)


def test_docker_that_fails_says_why(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "docker-left-behind")
    drop_in(host, "docker.service", "Environment=DOCKER_OPTS=--nonsense")
    one_sentence(include(host, "docker", docker_timeout=20), "docker.service", "--nonsense")


def test_docker_with_a_bridge_of_its_own_is_not_proved(healthy: Machine) -> None:
    """Row 45: it answers, but no other host reaches its containers."""
    healthy.sh(
        """
        systemctl stop docker.socket docker
        ip link del docker0
        printf 'DOCKER_OPT_BIP="--bip=172.17.0.1/16"\\n' > /run/other.env
        """
    )
    drop_in(healthy, "docker.service", "EnvironmentFile=/run/other.env")
    one_sentence(include(healthy, "docker"), "172.17.0.0/16", "flanneld's lease")
    healthy.sh("systemctl stop docker.socket docker; ip link del docker0; rm /run/other.env")
