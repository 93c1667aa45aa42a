# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to break and to mend the chain from etcd to docker on a running machine, quicker than booting a broken one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, Play, Task

CANARY = "canary-5c1e"
KEY = "/coreos.com/network/config"
DIAGNOSE: dict[str, Any] = {"name": "Diagnose", "container_linux.remediation.diagnosis_facts": {}}

_STOP = """
systemctl stop docker.socket docker.service flanneld.service 2>/dev/null
"""
# docker has given up and no client asks for it, so that nothing but a cure starts it again; flanneld keeps trying.
_START = """
systemctl reset-failed
systemctl start docker.socket
systemctl start --no-block flanneld.service
tries=100
until journalctl -q -o cat "_SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID --value flanneld)" |
  grep -q 'network config'; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || break
  sleep 0.1
done
"""

BROKEN = {
    "key-missing": f"etcdctl rm {KEY}",
    "key-is-directory": f"etcdctl rm {KEY}; etcdctl mkdir {KEY}",
    "key-invalid": f"etcdctl set {KEY} '{{ Network: 10.1.0.0/16 }}'",
    "network-overlaps": f"etcdctl rm {KEY}; ip addr add 10.1.77.7/24 dev eth0",
    "etcd-down": "systemctl stop etcd2",
    "etcd-instead-of-etcd2": """
        systemctl stop etcd2
        systemctl disable etcd2 2>/dev/null
        mkdir -p /etc/systemd/system/multi-user.target.wants
        ln -sf /usr/lib/systemd/system/etcd.service /etc/systemd/system/multi-user.target.wants/etcd.service
        systemctl daemon-reload
        systemctl start etcd
        # an etcd writes its name and its version when it has started
        until curl -s http://127.0.0.1:2379/version | grep -q 'cluster":"2.3'; do sleep 0.2; done
        sleep 0.5
    """,
    "docker-left-behind": "",
}
"""What to do to a machine whose docker and flanneld were stopped, by the name of the cause."""

_MEND = f"""
ip addr del 10.1.77.7/24 dev eth0 2>/dev/null
rm -rf /run/systemd/system/*.d/90-* /etc/systemd/system/multi-user.target.wants/etcd.service
systemctl stop etcd 2>/dev/null
systemctl unmask etcd 2>/dev/null
systemctl daemon-reload
systemctl enable etcd2 2>/dev/null
systemctl start etcd2
until etcdctl ls >/dev/null 2>&1; do sleep 0.1; done
etcdctl rm --recursive {KEY} >/dev/null 2>&1
etcdctl set {KEY} '{{ "Network": "10.1.0.0/16" }}'
sed -i 's|^FLANNELD_ETCD_ENDPOINTS=.*|FLANNELD_ETCD_ENDPOINTS=http://127.0.0.1:2379|' /etc/flannel/options.env
sed -i '/USERNAME\\|PASSWORD\\|PREFIX/d' /etc/flannel/options.env
systemctl reset-failed
systemctl start docker.socket docker.service
timeout 60 docker version >/dev/null
"""


def break_it(machine: Machine, cause: str) -> None:
    """Make a healthy machine one that is broken by this cause."""
    mend(machine)
    if cause == "docker-left-behind":
        machine.sh("systemctl stop docker.socket docker.service\nsystemctl start docker.socket\n")
    else:
        machine.sh(_STOP + BROKEN[cause] + _START, check=False)


def mend(machine: Machine) -> None:
    """Make it healthy again, whatever was done to it; what is healthy stays as it is."""
    if machine.sh(_HEALTHY, check=False).strip() != "yes":
        machine.sh(_STOP + _MEND)
        assert machine.sh(_HEALTHY).strip() == "yes", machine.sh("journalctl -n 40 --no-pager")


_HEALTHY = f"""
[ "$(systemctl is-active docker flanneld etcd2 etcd | tr '\\n' ' ')" = 'active active active inactive ' ] &&
  [ "$(etcdctl get {KEY})" = '{{ "Network": "10.1.0.0/16" }}' ] &&
  [ "$(systemctl is-enabled etcd2 etcd 2>/dev/null | tr '\\n' ' ')" = 'enabled static ' ] &&
  [ ! -e /etc/systemd/system/multi-user.target.wants/etcd.service ] &&
  ! ip -4 addr show eth0 | grep -q 10.1.77.7 && ! ls /run/systemd/system/*.d/90-* >/dev/null 2>&1 &&
  timeout 20 docker version >/dev/null && ip -4 addr show docker0 | grep -q 'inet 10.1.' && echo yes
"""


def drop_in(machine: Machine, unit: str, *lines: str) -> None:
    """Give a unit a drop-in until the machine is mended."""
    folder = f"/run/systemd/system/{unit}.d"
    text = "\n".join(["[Service]", *lines])
    machine.sh(f"mkdir -p {folder}\ncat > {folder}/90-test.conf <<'EOF'\n{text}\nEOF\nsystemctl daemon-reload\n")


def broken_by(machine: Machine, script: str) -> None:
    """Run a script while docker and flanneld are stopped, then let docker wait for flanneld."""
    machine.sh(_STOP + script + _START, check=False)


def snapshot(machine: Machine) -> str:
    """All that may not change on a machine that is only looked at."""
    return machine.sh(
        f"""
        for unit in docker.service docker.socket etcd2.service etcd.service; do
          systemctl show -p Id -p LoadState -p ActiveState -p SubState -p MainPID -p UnitFileState -p InvocationID $unit
        done
        systemctl show -p Id -p LoadState -p UnitFileState flanneld.service
        curl -si 'http://127.0.0.1:2379/v2/keys{KEY}' | grep -v '^Date\\|^X-Raft'
        find /etc /run/systemd/system /usr/lib/systemd /tmp -printf '%p %T@ %l\\n'
        """
    )


def sudo_calls(machine: Machine) -> int:
    """How often somebody became root so far, this call aside: each round trip of ours is one."""
    return int(machine.sh("journalctl --sync; journalctl -q -o cat _COMM=sudo | grep -c COMMAND=").strip()) - 1


@contextmanager
def watched(machine: Machine, *secrets: str) -> Iterator[Callable[[], str]]:
    """Look at every argument list on the machine, all the time.

    What is given ends that and returns those with a secret. A canary proves that the watch sees: a command with it
    on its command line runs until it was seen.
    """
    words = " ".join(map(shlex.quote, (*secrets, CANARY)))
    machine.sh(
        f"""
        printf '%s\\n' {words} > /run/secret
        printf '%s\\n' '#!/bin/sh' 'while :; do for f in /proc/[0-9]*/cmdline; do' \\
          'tr "\\0" " " < $f 2>/dev/null | grep -F -f /run/secret; done; done >> /run/seen' > /run/watch
        systemd-run --quiet --unit=watch /bin/sh /run/watch
        timeout 60 /bin/sh -c 'until grep -qs {CANARY} /run/seen; do sleep 0.2; done'
        """
    )
    try:
        yield lambda: machine.sh("systemctl stop watch; cat /run/seen")
    finally:
        machine.sh("systemctl stop watch; rm -f /run/secret /run/watch /run/seen", check=False)


def pid(machine: Machine, unit: str) -> int:
    """The main process of a unit: another one after a restart."""
    return int(machine.sh(f"systemctl show -p MainPID {unit}").strip().partition("=")[2])


def causes(task: Task) -> list[str]:
    facts = task.result["ansible_facts"]["container_linux_diagnosis"]
    return [verdict["name"] for verdict in facts["verdicts"] if verdict["kind"] == "cause"]


def changed(play: Play) -> list[str]:
    """The names of the tasks that changed something, without those of their roles."""
    return [task.name.rpartition(" : ")[2] for task in play.tasks if task.changed]


def recap(play: Play) -> dict[str, int]:
    return {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", play.output.rpartition("PLAY RECAP")[2])}


def container_runs(machine: Machine) -> bool:
    said = machine.sh("docker load -qi /usr/share/oem/busybox.tar >/dev/null; docker run --rm busybox echo hello")
    return said.strip() == "hello"


def role(name: str) -> dict[str, Any]:
    """The task that includes a role of the collection."""
    return {"ansible.builtin.include_role": {"name": f"container_linux.remediation.{name}"}}


def one_sentence(play: Play, *words: str) -> None:
    """Require that a play failed with one clear sentence that has these words."""
    assert play.rc == 2 and play.last.outcome == "failed", play.output
    message = play.last.message.strip()
    assert message and "\n" not in message and "Traceback" not in play.output
    for word in words:
        assert word in message
