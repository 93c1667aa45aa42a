# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, finding, waiting for and removing machines."""

from __future__ import annotations

import contextlib
import ipaddress
import random
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from .cluster import member_environment, member_names
from .console import MachineError, say, step
from .engine import GATEWAY, LABEL, NETWORK, SUBNET, connect, ensure_network, remove_network
from .images import ensure_image
from .parts import locked
from .paths import USER_DATA
from .release import read_release
from .ssh import Login, forget_login, login, prepare_login, write_files
from .state import State, read_state

__all__ = ["Machine", "down", "find", "machines", "provision", "reboot", "up"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")

# Below those that Linux gives to outgoing connections: while a machine is down, nobody is given its port.
_PORTS = range(20000, 32768)

# What Vagrant's provisioners do, in their order: the one for files as core, the one for the shell as
# root. The box's own plugin has said the addresses before, as it does at each boot.
_ADDRESSES = "sudo timeout 60 sh -c '. /.machine/lib.sh && wait_until boot_has_met_user_data && vagrant_says_addresses'"
_UPLOAD = "cat > /tmp/vagrantfile-user-data"
_MOVE = (
    "sudo mkdir -p /var/lib/coreos-vagrant"
    " && sudo mv /tmp/vagrantfile-user-data /var/lib/coreos-vagrant/vagrantfile-user-data"
)

# Seconds: to stop before it is switched off, as `vagrant halt` does in the end, and to let us in again.
_SHUTDOWN, _COMEBACK = 20, 60.0

_LOOK = ". /.machine/lib.sh && . /.machine/state.sh && {}"

# Docker without --privileged, which is refused where the host lacks CAP_SYS_RESOURCE; everything
# that systemd and a Docker inside need is given one by one.
_SECURITY = ["seccomp=unconfined", "apparmor=unconfined"]


@dataclass(frozen=True)
class Machine:
    """A machine that was made, running or not."""

    container: Container

    @property
    def name(self) -> str:
        """The machine's name, which is its host name too."""
        return self._label("machine")

    @property
    def release(self) -> str:
        """The release it looks like."""
        return self._label("release")

    @property
    def state(self) -> str:
        """The state it was made in."""
        return self._label("state")

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that leads to its SSH server."""
        return int(self._label("port"))

    @property
    def started(self) -> str:
        """When it was started (UTC, to the second), or its status when it does not run."""
        if self.container.status != "running":
            return str(self.container.status)
        return str(self.container.attrs["State"]["StartedAt"])[:19] + "Z"

    @property
    def login(self) -> Login:
        """The files with which it lets us in."""
        return login(self.container, self.name, self.port)

    def ssh_command(self, *words: str) -> list[str]:
        """The `ssh` call that logs in as core, with `words` as the remote command."""
        ways = self.login
        return [
            "ssh", "-i", str(ways.identity), "-p", str(self.port), *ways.options,
            "core@127.0.0.1", *words,
        ]  # fmt: skip

    def _label(self, key: str) -> str:
        return str(self.container.labels[f"{LABEL}.{key}"])


def machines(client: docker.DockerClient) -> list[Machine]:
    """Every machine there is, also what a crash has left, by name."""
    found = client.containers.list(all=True, ignore_removed=True, filters={"label": f"{LABEL}.machine"})
    return sorted((Machine(container) for container in found), key=lambda machine: machine.name)


def find(client: docker.DockerClient, name: str) -> Machine:
    """Return the machine of this name, else raise a MachineError."""
    for machine in machines(client):
        if machine.name == name:
            return machine
    raise MachineError(f"There is no machine {name}; `list` shows those there are.")


def up(*, name: str, release: str, state: str, count: int = 1, python: bool = False) -> list[Machine]:
    """Make and start machines; return when each shows the state's symptom and lets core log in."""
    if not _NAME.fullmatch(name):
        raise MachineError(
            f"{name!r} cannot be a machine's name: use small letters, digits and inner hyphens, 42 at most."
        )
    wanted_release, wanted_state = read_release(release), read_state(state)
    if missing := [unit for unit in wanted_state.units if unit not in wanted_release.units]:
        raise MachineError(f"State {state} needs {' and '.join(missing)}, which release {release} has not.")
    client = connect()
    names = member_names(name, count)
    for machine in machines(client):
        if machine.name in names:
            raise MachineError(
                f"There is a machine {machine.name} already (release {machine.release}, state"
                f" {machine.state}): remove it with `down {machine.name}`, or choose another name."
            )
    image = ensure_image(client, wanted_release, python=python)
    with step(f"Starting {', '.join(names)}: release {release}, state {state}"):
        made = _start(client, names, image, release, wanted_state)
    say(f"State {state}: {wanted_state.summary}")
    text = f"Waiting until the symptom is there (at most {wanted_state.within} s)"
    with step(text):
        _wait_for_all(made, wanted_state)
    return made


def reboot(machine: Machine) -> None:
    """Restart a machine and return when it lets core in: its disk is kept, /run and /tmp are new."""
    with step(f"Rebooting {machine.name}"):
        machine.container.restart(timeout=_SHUTDOWN)
        deadline = time.monotonic() + _COMEBACK
        while not _lets_in(machine):
            if time.monotonic() > deadline:
                raise MachineError(
                    f"Machine {machine.name} did not let us in within {_COMEBACK:.0f} s of its restart:"
                    f" look at it with `docker logs {machine.container.name}`."
                )
            time.sleep(0.1)


def provision(machine: Machine, user_data: bytes, *, reload: bool = False) -> None:
    """Give a machine user-data as `vagrant provision` does, or `vagrant reload --provision`."""
    if reload:
        reboot(machine)
        _as_core(machine, _ADDRESSES)
    _as_core(machine, _UPLOAD, user_data)
    _as_core(machine, _MOVE)


def _as_core(machine: Machine, command: str, text: bytes = b"") -> None:
    run = subprocess.run(machine.ssh_command(command), input=text, check=False, capture_output=True, timeout=120)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip()
        raise MachineError(f"On {machine.name} `{command}` ended with {run.returncode}: {said or 'it said nothing'}")


def down(client: docker.DockerClient, chosen: list[Machine]) -> None:
    """Remove machines with their volumes and keys, and the network with the last one."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(_remove, chosen))
    with locked("machines"):
        if not machines(client):
            remove_network(client)


def _remove(machine: Machine) -> None:
    try:
        machine.container.remove(v=True, force=True)
    except NotFound:
        pass  # Somebody else was faster.
    except APIError as exc:
        # Two removals at once: wait for the other one's end.
        if exc.status_code != 409:
            raise
        machine.container.wait(condition="removed")
    forget_login(machine.name)
    say(f"Removed {machine.name}.")


def _start(client: docker.DockerClient, names: list[str], image: str, release: str, state: State) -> list[Machine]:
    # Addresses and ports are chosen from those that are free, so only one may choose at a time.
    with locked("machines"):
        ensure_network(client)
        addresses = dict(zip(names, _free_addresses(client, len(names)), strict=True))
        made: list[Machine] = []
        try:
            for name in names:
                made.append(_create(client, name, addresses, image, release, state))
            for machine in made:
                machine.container.start()
        except BaseException:
            for machine in made:
                _remove(machine)
            raise
    return [find(client, machine.name) for machine in made]


def _create(
    client: docker.DockerClient,
    name: str,
    addresses: dict[str, str],
    image: str,
    release: str,
    state: State,
) -> Machine:
    port = _free_port(machines(client))
    volumes = ["/var/lib/docker", "/var/lib/early-docker"]
    api = client.api
    container = api.create_container(
        image,
        hostname=name,
        name=f"{LABEL}.{name}",
        labels={
            f"{LABEL}.machine": name,
            f"{LABEL}.release": release,
            f"{LABEL}.state": state.name,
            f"{LABEL}.port": str(port),
        },
        ports=[22],
        volumes=volumes,
        stop_signal="SIGRTMIN+3",
        environment={"container": "docker"},
        host_config={
            **api.create_host_config(
                cap_add=["ALL"],
                # a machine shares the clock of this one, and must not set it
                cap_drop=["SYS_RESOURCE", "SYS_TIME"],
                security_opt=_SECURITY,
                binds=["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
                devices=["/dev/net/tun"],
                tmpfs={"/run": "", "/tmp": ""},
                port_bindings={22: ("127.0.0.1", port)},
                network_mode=NETWORK,
            ),
            "CgroupnsMode": "host",
            # What `docker run --security-opt systempaths=unconfined` sets.
            "MaskedPaths": [],
            "ReadonlyPaths": [],
        },
        networking_config={"EndpointsConfig": {NETWORK: api.create_endpoint_config(ipv4_address=addresses[name])}},
    )
    made = client.containers.get(container["Id"])
    prepare_login(made, name)
    write_files(
        made,
        {"/.machine/state.sh": state.path.read_bytes()}
        | {f"/.machine/user-data/{path.name}": path.read_bytes() for path in USER_DATA.glob("*.yml")},
    )
    if len(addresses) > 1:
        settings = member_environment(name, addresses)
        write_files(made, {"/.machine/cluster": settings.encode()})
    return Machine(made)


def _free_addresses(client: docker.DockerClient, count: int) -> list[str]:
    taken = {GATEWAY}
    for container in client.containers.list(all=True, ignore_removed=True, filters={"network": NETWORK}):
        settings = container.attrs["NetworkSettings"]["Networks"][NETWORK]
        taken.add((settings.get("IPAMConfig") or {}).get("IPv4Address") or settings["IPAddress"])
    free = [str(host) for host in ipaddress.ip_network(SUBNET).hosts() if str(host) not in taken]
    if len(free) < count:
        raise MachineError(f"No address is free on {SUBNET}: remove machines with `down`.")
    return free[:count]


def _free_port(others: list[Machine]) -> int:
    """A port that stays the machine's own when it is restarted, unlike one Docker would choose."""
    taken = {machine.port for machine in others}
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in taken:
                return port
    raise MachineError(f"No port is free on 127.0.0.1 from {_PORTS.start} on: remove machines with `down`.")


def _wait_for_all(made: list[Machine], state: State) -> None:
    # One that fails, or Ctrl-C, ends the waiting for the others too.
    give_up = threading.Event()
    with ThreadPoolExecutor(max_workers=len(made)) as pool:
        try:
            for outcome in as_completed([pool.submit(_wait, machine, state, give_up) for machine in made]):
                outcome.result()
        except BaseException:
            give_up.set()
            raise


def _wait(machine: Machine, state: State, give_up: threading.Event) -> None:
    deadline = time.monotonic() + state.within
    if state.reboots:
        if not _run(machine, "earlier_boot", state.within):
            raise MachineError(
                f"Machine {machine.name} did not come through the earlier boot of {state.name}; it still"
                f" runs, for you to look: `ssh {machine.name}`. The end of its journal:\n{_journal(machine)}"
            )
        reboot(machine)
    _run(machine, "if command -v after_boot >/dev/null; then after_boot; fi", state.within)
    while time.monotonic() < deadline:
        machine.container.reload()
        if machine.container.status != "running":
            said = _text(machine.container.logs(tail=30))
            raise MachineError(
                f"Machine {machine.name} has stopped by itself{_likely_cause(machine)}; it said:\n{said}"
            )
        if _run(machine, "symptom", 30) and _lets_in(machine):
            return
        if give_up.wait(0.3):
            return
    raise MachineError(
        f"Machine {machine.name} did not show the symptom of {state.name} ({state.summary}) within"
        f" {state.within} s; it still runs, for you to look: `ssh {machine.name}`. The end of its"
        f" journal:\n{_journal(machine)}"
    )


def _journal(machine: Machine) -> str:
    return _text(machine.container.exec_run(["journalctl", "-b", "--no-pager", "-n", "60"]).output)


def _likely_cause(machine: Machine) -> str:
    # systemd ends with this code when it cannot watch files; a host's default is enough for about ten machines.
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    if machine.container.attrs["State"]["ExitCode"] != 255 or not limit.exists():
        return ""
    return (
        f" (are there too many? This host allows {limit.read_text().strip()} inotify instances, some ten a machine:"
        " remove machines, or as root: `sysctl fs.inotify.max_user_instances=1024`)"
    )


def _run(machine: Machine, function: str, limit: int) -> bool:
    """Run a function of the state's file on the machine, as root; tell whether it succeeded."""
    script = _LOOK.format(function)
    try:
        result = machine.container.exec_run(["timeout", str(limit), "sh", "-c", script])
    except APIError as exc:
        if exc.status_code == 409:
            return False  # It does not run; the caller finds out why.
        raise
    return bool(result.exit_code == 0)


def _text(output: bytes | Iterator[bytes]) -> str:
    whole = output if isinstance(output, bytes) else b"".join(output)
    return whole.decode(errors="replace").rstrip()


def _lets_in(machine: Machine) -> bool:
    try:
        command = machine.ssh_command("true")
        run = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, capture_output=True, timeout=10)
    except (MachineError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0
