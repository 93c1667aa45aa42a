# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""unit_deps_facts where files or tools of the host are not as they should be; odd unit files are in `torture`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    mend,
    one_sentence,
)
from ansible_collections.container_linux.remediation.tests.integration.deps_oracle import (
    MODULE,
    deps,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

AS_ROOT = ("--become",)
LOOK: dict[str, Any] = {MODULE: {}}
FLANNEL = "/etc/systemd/system/docker.service.d/40-flannel.conf"
# before the directories of systemctl itself on the PATH of sudo
STAND_IN = "/usr/local/sbin/systemctl"


@pytest.fixture(scope="module")
def host(machine: MachineFactory) -> Machine:
    made = machine()
    mend(made)
    return made


@contextmanager
def changed_by(host: Machine, script: str, *, back: str) -> Iterator[None]:
    host.sh(script)
    try:
        yield
    finally:
        host.sh(back)


# files


def test_drop_ins_that_cannot_be_read_are_named(host: Machine) -> None:
    folder = "/etc/systemd/system/docker.service.d"
    odd = [f"{folder}/{name}" for name in ("91-folder.conf", "92-fifo.conf", "93-loop.conf", "94-line?break.conf")]
    make = f"""
        cd {folder}
        printf '[Unit]\\nWants=lab-other.service\\n' > '94-line\nbreak.conf'
        systemctl daemon-reload
        mkdir 91-folder.conf
        mkfifo 92-fifo.conf
        ln -s 93-loop.conf 93-loop.conf
        """
    with changed_by(host, make, back=f"cd {folder} && rm -r 9*; systemctl daemon-reload"):
        facts = deps(host.play([LOOK], options=AS_ROOT))
    assert sorted(facts["unread"]) == odd and facts["partial"] == []
    # nothing is lost: that which nothing readable declares is there, and is counted
    assert facts["nodes"]["docker.service"]["edges"]["Wants"] == {"lab-other.service": []}
    edge = {"from": "docker.service", "type": "Wants", "to": "lab-other.service"}
    assert facts["unexplained"] == {"count": 1, "edges": [edge]}
    assert facts["nodes"]["docker.service"]["edges"]["Requires"]["flanneld.service"] == [f"{FLANNEL}:2"]


def test_a_user_who_may_not_read_a_drop_in(host: Machine) -> None:
    with changed_by(host, f"chmod 600 {FLANNEL}", back=f"chmod 644 {FLANNEL}"):
        facts = deps(host.play([LOOK], variables={"ansible_become": False}))
    assert facts["unread"] == [FLANNEL]
    assert facts["nodes"]["docker.service"]["edges"]["Requires"]["flanneld.service"] == []
    assert [edge["to"] for edge in facts["unexplained"]["edges"]] == ["flanneld.service"] * 2


# tools


def test_without_a_journal(host: Machine) -> None:
    units = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket"
    stop, start = f"systemctl stop {units} systemd-journald", f"systemctl start {units} systemd-journald"
    with changed_by(host, stop, back=start):
        assert host.sh("pgrep -c systemd-journal", check=False).strip() == "0"
        facts = deps(host.play([LOOK], options=AS_ROOT))
    assert facts["partial"] == [] and facts["unexplained"]["count"] == 0


def test_without_sed(host: Machine) -> None:
    with changed_by(host, "mv /bin/sed /bin/sed.away", back="mv /bin/sed.away /bin/sed"):
        one_sentence(host.play([LOOK], options=AS_ROOT), "has no 'sed' on its PATH", "Install it")


def test_without_stat(host: Machine) -> None:
    with changed_by(host, "mv /usr/bin/stat /usr/bin/stat.away", back="mv /usr/bin/stat.away /usr/bin/stat"):
        facts = deps(host.play([LOOK], options=AS_ROOT))
    [sentence] = facts["partial"]
    assert sentence.startswith("stat (of the unit files) ended with status 127 and said '")
    assert facts["unexplained"]["count"] == 0


def test_a_user_who_may_not_become_root(host: Machine) -> None:
    host.sh("id guest >/dev/null 2>&1 || useradd -m guest\ninstall -d -o guest -m 700 ~guest/.ssh\n"
            "cat ~core/.ssh/authorized_keys* > ~guest/.ssh/authorized_keys\n"
            "chown guest ~guest/.ssh/authorized_keys\n")  # fmt: skip
    refused = host.play([LOOK], options=AS_ROOT, variables={"ansible_user": "guest"})
    one_sentence(refused, "Missing sudo password", "passwordless sudo")


@contextmanager
def systemctl_that(host: Machine, *lines: str) -> Iterator[None]:
    """A stand-in for systemctl, which some lines of shell make go wrong."""
    text = "\n".join(["#!/bin/sh", *lines, 'exec /bin/systemctl "$@"'])
    with changed_by(host, f"cat > {STAND_IN} <<'EOF'\n{text}\nEOF\nchmod +x {STAND_IN}", back=f"rm {STAND_IN}"):
        yield


HANGS = {
    # not even a signal ends it
    "systemd itself": ("trap '' TERM", 'case "$*" in *show*) while :; do sleep 600; done ;; esac'),
    "the units": ('case "$*" in *--all*) exec sleep 600 ;; esac',),
    # the last that is told of docker.service is what comes before its files
    "the units, halfway": (
        'case "$*" in *--all*)',
        "/bin/systemctl \"$@\" | sed '/^Id=docker.service/,/^$/{/^Conflicts/q}'; exec sleep 600 ;; esac",
    ),
    "the jobs": ('case "$*" in *list-jobs*) exec sleep 600 ;; esac',),
}


@pytest.mark.parametrize("what", HANGS)
def test_a_systemctl_that_hangs(host: Machine, what: str) -> None:
    with systemctl_that(host, *HANGS[what]):
        began = time.monotonic()
        facts = deps(host.play([LOOK], options=AS_ROOT))
        assert time.monotonic() - began < 60
    [sentence] = facts["partial"]
    asked = {"systemd itself": "systemctl show (of systemd itself)", "the jobs": "systemctl list-jobs"}
    assert sentence.startswith(asked.get(what, "systemctl show (of the units)"))
    assert "did not end within 10 s" in sentence
    node = facts["nodes"]["docker.service"]
    assert node["load_state"] == ("loaded" if what == "the jobs" else "unknown")
    assert node["fragment"] == "/usr/lib/systemd/system/docker.service" and node["drop_ins"] == [FLANNEL]
    assert node["edges"]["Requires"]["flanneld.service"] == [f"{FLANNEL}:2"]
    assert node["edges"]["After"]["early-docker.target"] == ["/usr/lib/systemd/system/docker.service:5"]
    assert facts["missing"] == [] and facts["unexplained"]["count"] == 0


def test_a_systemctl_that_fails(host: Machine) -> None:
    with systemctl_that(host, "echo 'Failed to connect to bus: No such file or directory' >&2", "exit 1"):
        facts = deps(host.play([LOOK], options=AS_ROOT))
    [sentence] = facts["partial"]
    assert "ended with status 1 and said 'Failed to connect to bus: No such file or directory'" in sentence
    assert facts["nodes"]["docker.service"]["edges"]["Requires"]["flanneld.service"] == [f"{FLANNEL}:2"]
