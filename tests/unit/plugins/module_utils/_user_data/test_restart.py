# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is restarted and what is not: the script on this machine's shell, with a systemctl and a curl that are told
what to say and keep what they were asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
    ask,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import WALK_SH, blocked_by
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import ChangedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.restart import (
    Restarted,
    foretell_restart,
    restart_changed,
)

# A unit's state and when it came up are in the files active/NAME and entered/NAME, its dependencies in deps/NAME, and
# what is restarted with it in along/NAME: that is still down when the restart returns, and has a job.
_SYSTEMCTL = r"""#!/bin/sh
cd "$(dirname "$0")/.."
all=$*
enter() {
  for name; do
    [ ! -e "stays-down/$name" ] || { echo "Job for $name failed. See." >&2; echo failed >"active/$name"; return 1; }
    [ ! -e "refused-once/$name" ] || { rm "refused-once/$name"; return 1; }
    echo active >"active/$name"
    date +%s%N >"entered/$name"
    for other in $(sed 's/.*=//' "along/$name" 2>/dev/null); do
      [ "$(cat "active/$other" 2>/dev/null)" != active ] || { echo inactive >"active/$other"; echo "$other" >>job; }
    done
  done
}
while [ "${1#-}" != "$1" ]; do shift; done
verb=$1
names() {
  while [ "$1" != -- ]; do shift; done
  shift
  for name; do printf '%s\n' "$name"; done
}
case $verb in
  show)
    [ ! -e mute ] || { echo 'Connection timed out' >&2; exit 1; }
    for name in $(names "$@"); do
      case $all in
        *PartOf*) cat "deps/$name" 2>/dev/null; echo ;;
        *RequiredBy*) cat "along/$name" 2>/dev/null; echo ;;
        *) printf 'Id=%s\nActiveState=%s\nActiveEnterTimestampMonotonic=%s\nLoadState=loaded\n\n' "$name" \
             "$(cat "active/$name" 2>/dev/null || echo inactive)" "$(cat "entered/$name" 2>/dev/null || echo 0)" ;;
      esac
    done
    ;;
  is-active) cat "active/$(names "$@")" 2>/dev/null || { echo inactive; exit 3; } ;;
  list-jobs)
    if [ -e job ]; then
      sed 's/.*/7 & restart waiting/' job
      [ -e stuck ] || { enter $(cat job); rm job; } 2>/dev/null
    fi
    ;;
  daemon-reload) [ ! -e no-reload ] || { echo 'Access denied' >&2; exit 1; } ;;
  *)
    echo "$verb $(names "$@" | tr '\n' ' ' | sed 's/ $//')" >>asked
    case $verb in
      stop) for name in $(names "$@"); do echo inactive >"active/$name"; done ;;
      *) enter $(names "$@") ;;
    esac
    ;;
esac
"""
_CURL = r"""#!/bin/sh
cd "$(dirname "$0")/.."
for word; do
  case $word in
    /var/run/*.sock) echo "$word" >>curled; cat "containers/$(basename "$word" .sock)" 2>/dev/null || exit 7 ;;
  esac
done
"""


class Machine:
    """A host with units and dockers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("bin", "active", "entered", "deps", "along", "containers", "stays-down", "refused-once"):
            (root / folder).mkdir()
        programs = {"systemctl": _SYSTEMCTL, "curl": _CURL, "journalctl": "#!/bin/sh\n"}
        for name, text in programs.items():
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        self.trips = 0

    def up(self, *names: str) -> None:
        for name in names:
            (self.root / "active" / name).write_text("active\n")
            (self.root / "entered" / name).write_text("1\n")

    def needs(self, name: str, *lines: str) -> None:
        (self.root / "deps" / name).write_text("".join(f"{line}\n" for line in lines))

    def takes_along(self, name: str, *names: str) -> None:
        (self.root / "along" / name).write_text(f"RequiredBy={' '.join(names)}\n")

    def docker_says(self, text: str, docker: str = "docker") -> None:
        self.up(f"{docker}.service")
        (self.root / "containers" / docker).write_text(text)

    def mark(self, path: str) -> None:
        (self.root / path).touch()

    def read(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def run(self, script: str) -> Completed:
        self.trips += 1
        done = subprocess.run(
            ["/bin/sh", "-s"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"},
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def restart(self, *units: ChangedUnit | str, allowed: bool = False) -> Restarted:
        changed = [unit if isinstance(unit, ChangedUnit) else ChangedUnit(unit, ["/x"]) for unit in units]
        for unit in changed:
            self.up(unit.name)
        return restart_changed(self, changed, allow_container_restart=allowed, timeout=20)

    def foretell(self, *units: ChangedUnit, called: tuple[str, ...] = ()) -> Restarted:
        """What is foretold, which must leave everything as it is."""
        self.mark("no-reload")
        told = foretell_restart(self, units, called=called, allow_container_restart=False)
        (self.root / "no-reload").unlink()
        assert self.read("asked") == []
        return told


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_nothing_stands_on_is_restarted_at_once(machine: Machine) -> None:
    restarted = machine.restart("a.service", r"b\x2dc.timer")
    assert restarted.done == ["a.service", r"b\x2dc.timer"]
    assert (restarted.refused, restarted.left, machine.trips) == ([], [], 1)
    assert machine.read("asked") == [r"restart a.service b\x2dc.timer"]
    # the question would start a docker that is down
    assert machine.read("curled") == []


@pytest.mark.parametrize(
    ("said", "stopped"),
    [
        ("[]\n", False),
        ("[]", False),
        ('[{"Id":"0"}]\n', True),
        ("", True),
        ("null\n", True),
        ("page not found\n", True),
    ],
)
@pytest.mark.parametrize(("docker", "other"), [("docker", "early-docker"), ("early-docker", "docker")])
def test_containers_that_run_are_not_stopped(
    machine: Machine, docker: str, other: str, said: str, stopped: bool
) -> None:
    machine.docker_says("[]", other)
    machine.docker_says(said, docker)
    units = ["docker.service", "early-docker.service", "flanneld.service", "containerd.service", "a.service"]
    restarted = machine.restart(*units)
    assert set(restarted.done) == ({"a.service"} if stopped else set(units))
    assert len(restarted.refused) == (4 if stopped else 0)
    for sentence in restarted.refused:
        assert "would stop containers" in sentence
        assert f"{docker}.service {'runs some' if said[:2] == '[{' else 'is up and does not say'}" in sentence
    # with consent nobody is asked
    machine.root.joinpath("curled").unlink()
    assert set(machine.restart(*units, allowed=True).done) == set(units)
    assert machine.read("curled") == []


def test_what_docker_stands_on_is_not_restarted_either(machine: Machine) -> None:
    machine.docker_says("[{")
    machine.needs(
        "docker.service", "Requires=a.target docker.socket", "PartOf=", "BindsTo=", "Requisite=sysinit.target"
    )
    machine.needs("a.target", r'Requires="var\\x2dlib.mount" b.service')
    machine.needs("b.service", "PartOf=c.service", "StopPropagatedFrom=e.service")
    machine.needs("c.service", "BindsTo=d.service", "Requires=docker.service")
    holding = [r"var\x2dlib.mount", "b.service", "c.service", "d.service", "e.service", "docker.socket"]
    restarted = machine.restart(*holding, "f.service")
    assert restarted.done == ["f.service"]
    assert [sentence.split()[0] for sentence in restarted.refused] == holding
    assert [unit.name for unit in restarted.left] == holding


def test_the_operators_way_in_stays(machine: Machine) -> None:
    doors = ["sshd.socket", "sshd@1.2.3.4:22-5.6.7.8:1000.service", "systemd-networkd.service", "dbus.service"]
    own = [r"user-cloudinit@a\x2db.service", "container-linux-remediation-user-data@x.path"]
    restarted = machine.restart(*doors, *own)
    assert (restarted.done, len(restarted.refused), machine.trips) == ([], 6, 0)
    # also through what it stands on, consent or not
    machine.needs("sshd.service", "Requires=a.mount")
    networkd = ChangedUnit("systemd-networkd.socket", ["/x"], services=["systemd-networkd.service"])
    machine.up("systemd-networkd.service")
    restarted = machine.restart("a.mount", networkd, "b.service", allowed=True)
    assert restarted.done == ["b.service"]
    assert [sentence.split()[0] for sentence in restarted.refused] == ["a.mount", "systemd-networkd.socket"]
    assert all("cut the operator off" in sentence for sentence in restarted.refused)


def test_a_socket_of_a_running_service_is_restarted_between(machine: Machine) -> None:
    socket = ChangedUnit("a-tcp.socket", ["/x"], services=["a.service", "down.service"])
    machine.up("a.service")
    machine.mark("refused-once/a-tcp.socket")
    restarted = machine.restart(socket, "a.service", "b.service")
    assert restarted.done == ["a-tcp.socket", "a.service", "b.service"]
    assert machine.read("asked") == [
        *["stop a.service", "restart a-tcp.socket"] * 2,
        "start a.service",
        "restart b.service",
    ]


def test_a_socket_whose_service_is_down_is_restarted_like_any_other(machine: Machine) -> None:
    socket = ChangedUnit("a-tcp.socket", ["/x"], services=["a.service"])
    assert machine.restart(socket).done == ["a-tcp.socket"]
    assert machine.read("asked") == ["restart a-tcp.socket"]


def test_a_socket_of_dockers_waits_for_containers_to_end(machine: Machine) -> None:
    machine.docker_says("[{")
    socket = ChangedUnit("docker-tcp.socket", ["/x"], services=["docker.service"])
    restarted = machine.restart(socket)
    assert (restarted.done, machine.read("asked")) == ([], [])
    assert restarted.refused[0].startswith("docker-tcp.socket was not restarted, for that would stop containers")


def test_a_unit_that_stays_down_is_a_failure(machine: Machine) -> None:
    machine.mark("stays-down/a.service")
    with pytest.raises(
        RemediationError, match=r"a\.service did not restart: its job ended with result 'failed'"
    ) as found:
        machine.restart("b.service", "a.service", "sshd.service")
    details = found.value.details
    assert details["restarted"] == ["b.service"]
    assert details["refused"][0].startswith("sshd.service was not restarted")
    assert details["failures"][0]["unit"] == "a.service"


def test_a_service_is_started_again_although_its_socket_fails(machine: Machine) -> None:
    machine.mark("stays-down/a.socket")
    machine.up("a.service")
    with pytest.raises(RemediationError, match=r"a\.socket did not restart") as found:
        machine.restart(ChangedUnit("a.socket", ["/x"], services=["a.service"]))
    assert found.value.details["restarted"] == ["a.service"]


def test_nothing_is_restarted_where_systemd_does_not_answer(machine: Machine) -> None:
    machine.mark("mute")
    restarted = machine.restart("a.service")
    assert (restarted.done, machine.read("asked")) == ([], [])
    assert restarted.refused[0].startswith("Not restarted: a.service, for systemd did not tell")
    machine.mark("no-reload")
    with pytest.raises(RemediationError, match=r"daemon-reload' ended with exit status 1 and said 'Access denied'"):
        machine.restart("a.service")
    with pytest.raises(RemediationError, match=r"did not tell why: exit status 1, 'Connection timed out'"):
        blocked_by(machine, "a.service", "start", 5)


def test_what_is_restarted_along_is_waited_for(machine: Machine) -> None:
    machine.docker_says("[]")
    machine.takes_along("containerd.service", "docker.service", "down.service")
    assert machine.restart("containerd.service").done == ["containerd.service", "docker.service"]
    assert machine.read("asked") == ["restart containerd.service"]

    machine.mark("stays-down/docker.service")
    with pytest.raises(RemediationError, match=r"docker\.service did not restart") as found:
        machine.restart("containerd.service")
    assert found.value.details["restarted"] == ["containerd.service"]

    machine.root.joinpath("stays-down/docker.service").unlink()
    machine.up("docker.service")
    machine.mark("stuck")
    units = [ChangedUnit("containerd.service", ["/x"])]
    with pytest.raises(
        RemediationError, match=r"docker\.service did not restart within 2 s: .* restart job 7 is still"
    ):
        restart_changed(machine, units, allow_container_restart=False, timeout=2)


def test_what_systemd_will_not_restart_is_not_tried(machine: Machine) -> None:
    restarted = machine.restart(ChangedUnit("a.service", ["/x"], hindrance="it is masked now"))
    assert restarted.refused == ["a.service was not restarted, for it is masked now."]
    assert machine.trips == 0


def test_a_walk_ends_and_tells_when_it_does_not_know_all(machine: Machine) -> None:
    for number in range(20):
        machine.needs(f"{number}.service", f"PartOf={number + 1}.service")
    machine.needs("a.service", "PartOf=b.service")
    machine.needs("b.service", r'PartOf=a.service "c\\x2dd.service" e.service')

    def walk(name: str) -> tuple[list[str], int]:
        body = f"{WALK_SH}\nbegin walked\nwalk \"$UNIT\" '-p PartOf'\nfinish walked $?"
        section = ask(machine, body, variables={"UNIT": name})["walked"]
        return section.out.split(), section.rc

    assert walk("a.service") == (["a.service", "b.service", r"c\x2dd.service", "e.service"], 0)
    reached, status = walk("0.service")
    assert status == 1
    assert len(reached) > 4


def test_what_is_foretold_is_what_is_done_then(machine: Machine) -> None:
    machine.docker_says("[{")
    machine.needs("sshd.service", "Requires=door.mount")
    machine.takes_along("a.service", "along.service", "down.service")
    machine.up("along.service", "b.service")
    names = ["a.service", "docker.service", "door.mount", "sshd.service"]
    units = [ChangedUnit(name, ["/x"]) for name in names]
    units.append(ChangedUnit("b-tcp.socket", ["/x"], services=["b.service"]))
    machine.up(*(unit.name for unit in units))
    foretold = machine.foretell(*units)
    restarted = machine.restart(*units)
    assert foretold.done == restarted.done == ["a.service", "along.service", "b-tcp.socket", "b.service"]
    assert [sentence.replace("would not be", "was not") for sentence in foretold.refused] == restarted.refused
    assert [unit.name for unit in foretold.left] == [unit.name for unit in restarted.left] == names[1:]


def test_what_user_data_itself_restarts_is_not_foretold(machine: Machine) -> None:
    machine.takes_along("called.service", "a.service")
    units = [ChangedUnit("a.service", ["/x"]), ChangedUnit("b.service", ["/x"])]
    machine.up("a.service", "b.service")
    assert machine.foretell(*units, called=("called.service",)).done == ["b.service"]
    assert machine.foretell(units[0], called=("called.service",)).done == []


def test_nothing_is_foretold_where_systemd_does_not_answer(machine: Machine) -> None:
    machine.mark("mute")
    told = machine.foretell(ChangedUnit("a.service", ["/x"]))
    assert told.done == []
    assert told.refused[0].startswith("Not restarted: a.service, for systemd did not tell")
