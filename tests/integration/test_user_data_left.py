# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What user-data leaves behind on a machine, and which of it may be restarted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, AskedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
    ask,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import blocked_by
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    LEFTOVERS_SH,
    SNAPSHOT_SH,
    Snapshot,
    changed_units,
    left_variables,
    parse_leftovers,
    parse_snapshot,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.restart import restart_changed
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

MACHINE = USER_DATA.parent / "machine"
FILE = "/var/lib/coreos-vagrant/vagrantfile-user-data"
SERVICE = r"'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'"


class Box:
    """A machine as a host, and the units that its user-data names."""

    def __init__(self, machine: Machine, *units: str) -> None:
        self.machine = machine
        self.asked = Asked(units=[AskedUnit(name) for name in units])

    def run(self, script: str) -> Completed:
        return self.machine.run(script)

    def snapshot(self) -> Snapshot:
        variables = left_variables(self.asked, Written(), Written())
        answer = ask(self, f"{SNAPSHOT_SH}snapshot before", variables=variables)["before"]
        assert (answer.rc, answer.err.strip()) == (0, "")
        return parse_snapshot(answer.out)

    def leftovers(self, previous: Written, now: Written) -> set[tuple[str, str, str, str]]:
        answer = ask(self, f"{LEFTOVERS_SH}leftovers", variables=left_variables(Asked(), previous, now))["leftovers"]
        assert (answer.rc, answer.err.strip()) == (0, "")
        return {(item.kind, item.name, item.path, item.state) for item in parse_leftovers(answer.out)}

    def write(self, path: str, *lines: str) -> None:
        text = shlex.quote("".join(f"{line}\n" for line in lines))
        self.machine.sh(f"mkdir -p $(dirname {path}) && printf %s {text} >{path} && systemctl daemon-reload")

    def about(self, prop: str, unit: str) -> str:
        return self.machine.sh(f"systemctl show -p {prop} --value '{unit}'").strip()

    def version(self) -> str:
        pid = self.about("MainPID", "app.service")
        return self.machine.sh(f"tr '\\0' '\\n' </proc/{pid}/environ | grep VERSION").strip()


@pytest.fixture(scope="module")
def box(machine: MachineFactory) -> Box:
    return Box(machine("user-data-process-old"), "app.service", "other.service")


def test_a_process_is_older_than_its_files(box: Box) -> None:
    seen = box.snapshot()
    pid = int(box.about("MainPID", "app.service"))
    # every run writes all files anew, and that alone is no change
    box.machine.sh(f"systemctl restart {SERVICE}")
    assert changed_units(seen, box.snapshot()) == []

    box.machine.sh(f"sed -i s/VERSION=2/VERSION=3/ {FILE}; systemctl restart {SERVICE}")
    changed = changed_units(seen, box.snapshot())
    drop_in = "/etc/systemd/system/app.service.d/10-version.conf"
    assert [unit.told() for unit in changed] == [
        {"name": "app.service", "type": "service", "process": pid, "files": [drop_in], "hindrance": ""}
    ]
    assert box.version() == "VERSION=1"
    restarted = restart_changed(box, changed, allow_container_restart=False, timeout=20)
    assert (restarted.done, restarted.refused, restarted.left) == (["app.service"], [], [])
    assert box.version() == "VERSION=3"
    assert changed_units(seen, box.snapshot()) == []


def test_a_restart_that_fails_says_why(box: Box) -> None:
    box.write("/etc/systemd/system/other.service", "[Service]", "ExecStart=/usr/bin/sleep infinity")
    box.machine.sh("systemctl start other.service")
    seen = box.snapshot()
    box.write("/run/systemd/system/app.service.d/20-broken.conf", "[Service]", "ExecStartPre=/bin/false")
    box.write("/run/systemd/system/other.service.d/20-well.conf", "[Service]", "Nice=5")
    changed = changed_units(seen, box.snapshot())
    with pytest.raises(RemediationError) as failed:
        restart_changed(box, changed, allow_container_restart=False, timeout=20)
    assert failed.value.message.startswith("app.service did not restart: its job ended with result 'failed'")
    assert failed.value.details["restarted"] == ["other.service"]
    assert failed.value.details["journal"]["app.service"]

    box.write("/etc/systemd/system/slow.service", "[Service]", "Type=oneshot", "ExecStart=/usr/bin/sleep 300")
    for needed, name in (("slow", "waiting"), ("app", "lacking")):
        box.write(
            f"/etc/systemd/system/{name}.service",
            *("[Unit]", f"Requires={needed}.service", f"After={needed}.service"),
            *("[Service]", "ExecStart=/usr/bin/sleep infinity"),
        )
    box.machine.sh("systemctl start --no-block waiting; systemctl start lacking; systemctl is-active slow || :")
    sentence, details = blocked_by(box, "waiting.service", "start", 5)
    assert sentence.startswith("waiting.service did not start within 5 s: its start job ")
    assert "still waits behind slow.service, which is activating (start)" in sentence
    assert details["failures"][0]["waits_for"] == ["slow.service"]
    sentence, details = blocked_by(box, "lacking.service", "start", 5, result="dependency")
    assert "ended with result 'dependency', because of app.service, which is failed" in sentence
    assert details["journal"]["app.service"]


@pytest.mark.parametrize(
    ("release", "below", "sockets"),
    [("1010", "early-docker.service", ["docker", "early-docker"]), ("2512", "containerd.service", ["docker"])],
)
def test_what_containers_and_the_operator_stand_on_is_not_restarted(
    machine: MachineFactory, release: str, below: str, sockets: list[str]
) -> None:
    names = ["docker.service", "flanneld.service", "docker-tcp.socket", below, "app.service", "ssh.service"]
    box = Box(machine("healthy", release=release, fresh=True), *names)
    sh = box.machine.sh
    box.write(
        "/etc/systemd/system/docker-tcp.socket",
        *("[Socket]", "ListenStream=127.0.0.1:2375", "Service=docker.service"),
    )
    box.write("/etc/systemd/system/app.service", "[Service]", "ExecStart=/usr/bin/sleep infinity")
    # what is left of a container's own processes would be waited for, 90 s
    box.write("/etc/systemd/system/docker.service.d/10-quick.conf", "[Service]", "TimeoutStopSec=5s")
    sh("systemctl stop docker.socket docker.service; systemctl start docker-tcp.socket docker.service app.service")
    sh("docker load -qi /usr/share/oem/busybox.tar && docker run -d --name canary busybox sleep 1000")
    seen = box.snapshot()
    for name in names:
        box.write(f"/run/systemd/system/{name}.d/20-new.conf", "[Unit]", f"Documentation=man:{name.partition('.')[0]}")
    changed = changed_units(seen, box.snapshot())
    assert {unit.name for unit in changed} == set(names)

    processes = {name: box.about("MainPID", name) for name in names}
    began = sh("docker inspect -f '{{.State.StartedAt}}' canary")

    def refusals(done: list[str], words: str) -> None:
        restarted = restart_changed(box, changed, allow_container_restart=False, timeout=60)
        assert restarted.done == done
        assert {unit.name for unit in restarted.left} == set(names) - set(done)
        by_name = {sentence.split()[0]: sentence for sentence in restarted.refused}
        assert set(by_name) == set(names) - set(done)
        assert "cut the operator off" in by_name["ssh.service"]
        assert all(words in by_name[name] for name in names[:4])

    refusals(["app.service"], "would stop containers: docker.service runs some")
    sh("kill -STOP $(systemctl show -p MainPID --value docker)")
    try:
        refusals(["app.service"], "docker.service is up and does not say whether it runs any")
    finally:
        sh("kill -CONT $(systemctl show -p MainPID --value docker)")
    assert sh("docker inspect -f '{{.State.StartedAt}}' canary") == began
    assert sh("docker inspect -f '{{.State.Running}}' canary").strip() == "true"
    for name in ("docker.service", "flanneld.service", "ssh.service"):
        assert box.about("MainPID", name) == processes[name]

    # a container that is over is none
    sh("docker kill canary")
    restarted = restart_changed(box, changed, allow_container_restart=False, timeout=90)
    assert set(restarted.done) == set(names) - {"ssh.service"} | {f"{name}.socket" for name in sockets}
    assert box.about("MainPID", "docker.service") not in ("0", processes["docker.service"])
    assert box.about("MainPID", "flanneld.service") not in ("0", processes["flanneld.service"])
    assert "canary" in sh("curl -s 'http://127.0.0.1:2375/containers/json?all=1'")

    sh("docker start canary")
    process = box.about("MainPID", "docker.service")
    docker = [unit for unit in changed if unit.name == "docker.service"]
    assert "docker.service" in restart_changed(box, docker, allow_container_restart=True, timeout=60).done
    assert box.about("MainPID", "docker.service") not in ("0", process)


def test_what_no_user_data_has_any_more(machine: MachineFactory) -> None:
    box = Box(machine("user-data-leftovers", fresh=True))
    previous = Written(
        files=["/etc/old.txt", "/etc/never.txt"],
        units=["app.service", "old.service"],
        drop_ins=["app.service/10-old.conf"],
        enabled=["old.service"],
        masked=["masked.service"],
    )
    now = Written(units=["app.service"])
    box.machine.sh("ln -s /dev/null /run/systemd/system/masked.service")
    system = "/etc/systemd/system"
    found = {
        ("file", "/etc/old.txt", "/etc/old.txt", ""),
        ("unit", "old.service", f"{system}/old.service", "active"),
        ("drop_in", "app.service/10-old.conf", f"{system}/app.service.d/10-old.conf", ""),
        ("enabled", "old.service", f"{system}/multi-user.target.wants/old.service", ""),
        ("masked", "masked.service", "/run/systemd/system/masked.service", ""),
    }
    assert box.leftovers(previous, now) == found
    assert box.leftovers(previous, previous) == set()
    box.machine.sh(
        f"systemctl disable --now old.service; systemctl unmask --runtime masked.service; "
        f"rm /etc/old.txt {system}/old.service {system}/app.service.d/10-old.conf"
    )
    assert box.leftovers(previous, now) == set()
