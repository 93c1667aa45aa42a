# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""unit_deps_facts on machines that are healthy, and on ones where docker waits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    CANARY,
    break_it,
    drop_in,
    mend,
    one_sentence,
    snapshot,
    sudo_calls,
    watched,
)
from ansible_collections.container_linux.remediation.tests.integration.deps_oracle import (
    MODULE,
    all_units,
    deps,
    told,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
    )

AS_ROOT = ("--become",)
FLANNEL = "/etc/systemd/system/docker.service.d/40-flannel.conf"
SECRET = "Geheim-9d2b"


def look(host: Machine, *, check: bool = False, **options: Any) -> Play:
    return host.play([{MODULE: options}], check=check, options=AS_ROOT)


def steady(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts without what may be another each time."""
    states = ("active_state", "sub_state", "result", "job", "condition")
    nodes = {
        unit: {key: value for key, value in node.items() if key not in states} for unit, node in facts["nodes"].items()
    }
    return {**facts, "nodes": nodes, "blocked_by": {}}


def test_docker_of_a_healthy_host_in_one_small_read_only_round_trip(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    before, calls = snapshot(host), sudo_calls(host)
    looked = look(host)
    after = sudo_calls(host)
    facts = deps(looked)
    # the snapshot and the first count were a round trip each
    assert after - calls == 2 and not looked.last.changed
    assert facts["units"] == ["docker.service"] and facts["missing"] == facts["partial"] == facts["cycles"] == []
    assert facts["os"] == {"id": "coreos", "version": "1010.5.0"} and facts["systemd"].startswith("247")
    assert facts["blocked_by"] == {"docker.service": []}
    node = facts["nodes"]["docker.service"]
    assert node["fragment"] == "/usr/lib/systemd/system/docker.service" and node["drop_ins"] == [FLANNEL]
    assert (node["active_state"], node["sub_state"], node["job"]) == ("active", "running", None)
    assert node["enabled"] == "enabled" and node["install"] == {"WantedBy": ["multi-user.target"]}
    assert not node["need_reload"] and not node["masked"] and node["started_at"].endswith("Z")
    assert node["edges"]["Requires"]["flanneld.service"] == [f"{FLANNEL}:2"]
    assert len(json.dumps(facts)) < 80_000
    # once more, and in check mode
    for check in (False, True):
        again = look(host, check=check)
        assert not again.last.changed and steady(deps(again)) == steady(facts)
    assert snapshot(host) == before


def test_what_is_asked_for_is_told(machine: MachineFactory) -> None:
    host = machine()
    asked: list[dict[str, Any]] = [
        {"units": ["docker", "sshd", "dokcer"], "depth": 0},
        {"depth": 1},
        {"units": ["etcd2"], "direction": "reverse"},
        {"units": ["docker.socket"], "direction": "both", "depth": 0},
        {"units": ["apt-daily.timer"], "depth": 0},
    ]
    play = host.play([{MODULE: options} for options in asked], options=AS_ROOT)
    assert play.rc == 0, play.output
    found = [task.result["ansible_facts"]["container_linux_unit_deps"] for task in play.tasks]
    alone, near, reverse, both, masked = found

    assert alone["units"] == ["docker.service", "ssh.service", "dokcer.service"]
    assert alone["missing"] == ["dokcer.service"]
    assert set(alone["nodes"]) == {"docker.service", "ssh.service", "dokcer.service"}
    assert alone["nodes"]["ssh.service"]["aliases"] == ["sshd.service"]
    assert alone["nodes"]["dokcer.service"]["load_state"] == "not-found"

    edges = near["nodes"]["docker.service"]["edges"]
    followed = ("Requires", "Requisite", "BindsTo", "Wants", "PartOf", "After")
    assert set(near["nodes"]) == {"docker.service", *(name for type_ in followed for name in edges.get(type_, ()))}

    node = reverse["nodes"]["etcd2.service"]
    assert "flanneld.service" in node["edges"]["Before"] and "multi-user.target" in node["edges"]["WantedBy"]
    assert "Requires" not in node["edges"] and {"flanneld.service", "docker.service"} <= set(reverse["nodes"])

    edges = both["nodes"]["docker.socket"]["edges"]
    assert edges["RequiredBy"]["docker.service"] == ["/usr/lib/systemd/system/docker.service:4"]
    assert edges["Triggers"]["docker.service"] == ["implicit: a socket and its service"]

    node = masked["nodes"]["apt-daily.timer"]
    assert node["masked"] and node["load_state"] == "masked"


def test_options_that_make_no_sense_are_refused_before_the_host_is_asked(machine: MachineFactory) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"units": []}, "units is empty"),
        ({"depth": -1}, "depth is -1"),
        ({"depth": "deep"}, "depth"),
        ({"direction": "sideways"}, "forward, reverse, both"),
        ({"units": ["docker.*"]}, "is not the name of a unit"),
        ({"units": ["--help"]}, "is not the name of a unit"),
        ({"units": ["$(touch /tmp/owned)"]}, "is not the name of a unit"),
        ({"units": ["user-cloudinit@.service"]}, "is a template"),
    ]
    host = machine()
    tasks = [{MODULE: options, "ignore_errors": True} for options, _words in refused]
    played = host.play(tasks, options=(*AS_ROOT, "-vvv"))
    assert [task.outcome for task in played.tasks] == ["failed"] * len(refused)
    for task, (_options, words) in zip(played.tasks, refused, strict=True):
        assert words in task.message and "Traceback" not in task.message
    assert "SSH: EXEC ssh" not in played.output


def test_a_unit_that_must_be_there_and_is_not(machine: MachineFactory) -> None:
    refused = look(machine(), units=["docker", "dokcer"], strict=True)
    one_sentence(refused, "has no unit 'dokcer.service'", "such as 'docker.service'")
    assert refused.last.result["missing"] == ["dokcer.service"]


# docker waits


@pytest.fixture
def waiting(machine: MachineFactory) -> Machine:
    """The seed's state: docker waits for flanneld, which does not find its key."""
    host = machine()
    break_it(host, "key-missing")
    host.sh("systemctl stop early-docker.target; systemctl start --no-block docker.service")
    return host


def test_the_drop_in_that_makes_docker_wait_is_named(waiting: Machine) -> None:
    facts = deps(look(waiting))
    docker, flanneld = facts["blocked_by"]["docker.service"]
    assert docker == {
        "unit": "docker.service",
        "state": "inactive (dead)",
        "job": {"type": "start", "state": "waiting"},
        "kind": "",
        "types": [],
        "declared_by": [],
        "also": [],
    }
    assert flanneld["unit"] == "flanneld.service" and flanneld["kind"] == "requirement"
    assert flanneld["types"] == ["Requires", "After"] and flanneld["job"]["state"] == "running"
    assert flanneld["state"].startswith("activating")
    assert flanneld["declared_by"] == [f"{FLANNEL}:2", f"{FLANNEL}:3"]
    mend(waiting)


def test_without_the_drop_in_docker_waits_by_order_alone(waiting: Machine) -> None:
    """flanneld.service says Before=early-docker.target, and nothing requires it."""
    waiting.sh(
        f"""
        systemctl stop docker.service
        cp -p {FLANNEL} /run/kept
        : > {FLANNEL}
        systemctl daemon-reload
        systemctl start --no-block docker.service
        """
    )
    try:
        facts = deps(look(waiting))
    finally:
        waiting.sh(f"cp -p /run/kept {FLANNEL}; rm /run/kept; systemctl daemon-reload")
    docker, early, flanneld = facts["blocked_by"]["docker.service"]
    assert (docker["job"]["state"], early["job"]["state"]) == ("waiting", "waiting")
    assert early["unit"] == "early-docker.target"
    assert early["types"] == ["Requires", "After"] and early["kind"] == "requirement"
    assert flanneld["unit"] == "flanneld.service" and flanneld["kind"] == "ordering"
    assert flanneld["types"] == ["After"]
    assert flanneld["declared_by"] == ["/usr/lib/systemd/system/flanneld.service:6"]
    mend(waiting)


# files that changed


@pytest.mark.parametrize(("folder", "noticed"), [("/etc", True), ("/run", False)])
def test_a_drop_in_that_systemd_has_not_read(machine: MachineFactory, folder: str, noticed: bool) -> None:
    """A directory that is there at its last reload is one that systemd looks at again; a new one it does not notice."""
    host = machine()
    mend(host)
    path = f"{folder}/systemd/system/docker.service.d/90-test.conf"
    host.sh(
        f"""
        mkdir -p {folder}/systemd/system/docker.service.d
        printf '[Unit]\\nAfter=docker.socket lab-later.service\\n' > {path}
        """
    )
    try:
        facts = deps(look(host))
        node = facts["nodes"]["docker.service"]
        assert node["need_reload"] is noticed and node["drop_ins"] == [FLANNEL]
        # what systemd has anyway is no news
        assert facts["not_loaded"] == [
            {"from": "docker.service", "type": "After", "to": "lab-later.service", "declared_by": f"{path}:2"}
        ]
        host.sh("systemctl daemon-reload")
        facts = deps(look(host))
        node = facts["nodes"]["docker.service"]
        assert not node["need_reload"] and facts["not_loaded"] == []
        assert node["edges"]["After"]["lab-later.service"] == [f"{path}:2"]
        # read, and yet the process is older
        assert node["files_newer"]
        assert not facts["nodes"]["flanneld.service"]["files_newer"]
    finally:
        host.sh(f"rm {path}; rmdir /run/systemd/system/docker.service.d; systemctl daemon-reload", check=False)


# secrets


def test_no_secret_of_a_unit_is_told(machine: MachineFactory) -> None:
    """Neither in facts, nor at the highest verbosity, nor in an argument list on the host."""
    host = machine()
    unit = "/run/systemd/system/lab-secret.service"
    drop_in(host, "lab-secret.service", f"Environment='OTHER={SECRET}'", f"ExecStart=/bin/echo \\\nAfter={SECRET}")
    text = f"[Unit]\nDescription={SECRET}\nAfter=docker.socket\n[Service]\nEnvironment=PASSWORD={SECRET} \\\n"
    text += f"  Wants={SECRET}\n# Wants={SECRET}\nExecStart=/bin/true --token {SECRET}\n"
    host.sh(f"cat > {unit} <<'EOF'\n{text}\nEOF\nsystemctl daemon-reload\n")
    try:
        with watched(host, SECRET) as seen:
            tasks = [{MODULE: {"units": ["lab-secret", "*"], "direction": "both"}}]
            play = host.play(tasks, options=(*AS_ROOT, "-vvvv"))
            assert CANARY in seen() and SECRET not in seen()
    finally:
        host.sh(f"rm -r {unit} {unit}.d; systemctl daemon-reload")
    node = deps(play)["nodes"]["lab-secret.service"]
    assert node["edges"]["After"]["docker.socket"] == [f"{unit}:3"]
    assert SECRET not in play.output and SECRET not in json.dumps(play.last.result)


# the real module


def test_the_real_module_says_the_same(machine: MachineFactory) -> None:
    """Where the machine has Python, a task in the background runs the module itself."""
    host = machine(python=True)
    background = deps(all_units(host, **{"async": 60, "poll": 1}))
    assert steady(background) == steady(deps(all_units(host)))
    assert len(told(background)) > 1000
