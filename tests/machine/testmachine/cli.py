# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

import yaml
from docker.errors import APIError, NotFound

from .console import MachineError, say
from .engine import connect
from .images import prune
from .inventory import inventory
from .machines import Machine, down, find, machines, provision, reboot, up
from .release import release_names
from .ssh import forget_login
from .state import read_state, state_names

__all__ = ["main"]


def main(words: list[str] | None = None) -> int:
    """Run one command; the answer goes to stdout, everything else to stderr."""
    options = _parser().parse_args(words)
    try:
        return int(options.run(options) or 0)
    except MachineError as exc:
        say(f"machine: {exc}")
        return 1
    except APIError as exc:
        say(f"machine: the Docker engine refused: {exc.explanation or exc}")
        return 1
    except KeyboardInterrupt:
        say("machine: interrupted; `list` shows what was started, `down --all` removes it.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="machine",
        description="Start machines that look like Container Linux and fail as those fail.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="make and start machines in a state")
    command.add_argument("--release", default="1010", choices=release_names())
    command.add_argument("--state", default="key-missing", choices=state_names())
    command.add_argument("--name", default="core-01", help="its name, or their common beginning")
    command.add_argument(
        "--count",
        type=int,
        default=1,
        choices=range(1, 10),
        metavar="N",
        help="so many machines NAME-01 … in one etcd2 cluster",
    )
    command.add_argument("--python", action="store_true", help="with Python 3 on the machine")
    command.set_defaults(run=_up)

    command = commands.add_parser("ssh", help="log in as core, or run a command there")
    command.add_argument("name")
    command.add_argument("command", nargs=argparse.REMAINDER)
    command.set_defaults(run=_ssh)

    command = commands.add_parser("reboot", help="restart machines; each keeps its disk and its journal")
    command.add_argument("names", nargs="+", metavar="NAME")
    command.set_defaults(run=_reboot)

    command = commands.add_parser("provision", help="give a machine user-data as Vagrant does")
    command.add_argument("name")
    command.add_argument("--user-data", required=True, type=Path, metavar="FILE")
    command.add_argument("--reload", action="store_true", help="reboot before: `vagrant reload --provision`")
    command.set_defaults(run=_provision)

    command = commands.add_parser("down", help="remove machines")
    command.add_argument("names", nargs="*", metavar="NAME")
    command.add_argument("--all", action="store_true", help="every machine, also a crash's remains")
    command.set_defaults(run=_down)

    command = commands.add_parser("list", help="show the machines there are")
    command.set_defaults(run=_list)

    command = commands.add_parser("states", help="show the states there are")
    command.set_defaults(run=_states)

    command = commands.add_parser("prune", help="remove the images that no machine uses")
    command.set_defaults(run=_prune)

    command = commands.add_parser("inventory", help="print an Ansible inventory of what runs")
    command.add_argument("names", nargs="*", metavar="NAME", help="only these")
    command.set_defaults(run=_inventory)
    return parser


def _up(options: argparse.Namespace) -> None:
    made = up(
        name=options.name,
        release=options.release,
        state=options.state,
        count=options.count,
        python=options.python,
    )
    for machine in made:
        say(f"{machine.name} is up. Log in: tests/machine/machine ssh {machine.name}")
        say(f"  or: {shlex.join(machine.ssh_command())}")
    names = " ".join(machine.name for machine in made)
    say(f"Throw away: tests/machine/machine down {names}")


def _ssh(options: argparse.Namespace) -> None:
    command = find(connect(), options.name).ssh_command(*options.command)
    os.execvp(command[0], command)


def _reboot(options: argparse.Namespace) -> None:
    client = connect()
    for machine in [find(client, name) for name in options.names]:
        reboot(machine)


def _provision(options: argparse.Namespace) -> None:
    try:
        user_data = options.user_data.read_bytes()
    except OSError as exc:
        raise MachineError(f"The user-data {options.user_data} cannot be read: {exc.strerror}.") from exc
    provision(find(connect(), options.name), user_data, reload=options.reload)


def _down(options: argparse.Namespace) -> None:
    if options.all == bool(options.names):
        raise MachineError("Say which machines to remove, by name, or --all.")
    client = connect()
    chosen = machines(client) if options.all else [find(client, name) for name in options.names]
    down(client, chosen)


def _list(_options: argparse.Namespace) -> None:
    rows = [("NAME", "RELEASE", "STATE", "SSH PORT", "UP SINCE")]
    rows += [
        (machine.name, machine.release, machine.state, str(machine.port), machine.started)
        for machine in machines(connect())
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _states(_options: argparse.Namespace) -> None:
    for name in state_names():
        print(f"{name}: {read_state(name).summary}")


def _prune(_options: argparse.Namespace) -> None:
    prune(connect())


def _inventory(options: argparse.Namespace) -> None:
    client = connect()
    chosen: list[Machine] = [find(client, name) for name in options.names] if options.names else machines(client)
    running = [machine for machine in chosen if machine.container.status == "running"]
    if not options.names:
        running = [machine for machine in running if not _is_gone(machine)]
    yaml.safe_dump(inventory(running), sys.stdout, sort_keys=False, width=1000)


def _is_gone(machine: Machine) -> bool:
    """Whether somebody has removed a machine since it was listed, so that nothing can be asked of it."""
    try:
        inventory([machine])
    except (APIError, MachineError):
        try:
            machine.container.reload()
        except NotFound:
            forget_login(machine.name)
            return True
        if machine.container.status != "running":
            return True
        raise
    return False
