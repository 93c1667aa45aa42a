# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test machines and plays against them, for every integration test."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed

ROOT = Path(__file__).resolve().parents[2]
MACHINE = ROOT / "tests" / "machine" / "machine"

# Seconds after which a command or a play hangs, and the test fails instead of the whole run.
_PATIENCE = 300


@dataclass(frozen=True)
class Task:
    """What one task did on one host; outcome is ok, failed, unreachable or skipped."""

    host: str
    name: str
    outcome: str
    result: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))


@dataclass(frozen=True)
class Play:
    """How a run of ansible-playbook ended: exit status, console output, and its tasks in order."""

    rc: int
    output: str
    tasks: list[Task]

    @property
    def last(self) -> Task:
        assert self.tasks, f"no task ran:\n{self.output}"
        return self.tasks[-1]


@dataclass(frozen=True)
class Machine:
    """A running test machine."""

    name: str
    folder: Path
    """Holds the machine's inventory.yml, and the plays run against it."""

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    def run(self, script: str) -> Completed:
        """Run a shell script as root on the machine. By this it is a host to the collection's own code."""
        machines = yaml.safe_load(self.inventory.read_text())["all"]["children"]["machines"]
        host, common = machines["hosts"][self.name], machines["vars"]
        command = ["ssh", "-p", str(host["ansible_port"]), "-i", host["ansible_ssh_private_key_file"]]
        command += [*shlex.split(host["ansible_ssh_common_args"]), "-l", common["ansible_user"]]
        done = subprocess.run(
            [*command, common["ansible_host"], "sudo /bin/sh -s"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a shell script as root on the machine and return what it printed; it must succeed, unless told else."""
        done = self.run(script)
        if check and done.rc:
            raise AssertionError(f"exit status {done.rc} on {self.name}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def play(
        self,
        tasks: Sequence[dict[str, Any]],
        *,
        check: bool = False,
        diff: bool = False,
        variables: dict[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> Play:
        """Run tasks on the machine."""
        path = self.folder / f"play-{secrets.token_hex(4)}.yml"
        path.write_text(yaml.safe_dump([{"hosts": self.name, "gather_facts": False, "tasks": list(tasks)}]))
        return self.playbook(path, check=check, diff=diff, variables=variables, options=options)

    def playbook(
        self,
        playbook: Path | str,
        *,
        check: bool = False,
        diff: bool = False,
        variables: dict[str, Any] | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Play:
        """Run a playbook, a file or one of a collection, on the machine."""
        results = self.folder / f"results-{secrets.token_hex(4)}.jsonl"
        command = [str(Path(sys.executable).with_name("ansible-playbook")), f"--inventory={self.inventory}"]
        command += ["--check"] * check + ["--diff"] * diff + [f"--extra-vars={json.dumps(variables or {})}"]
        done = subprocess.run(
            [*command, *options, str(playbook)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callback")),
                "ANSIBLE_CALLBACKS_ENABLED": "results,kill",
                "ANSIBLE_NOCOLOR": "1",
                "RESULTS_FILE": str(results),
                **(environment or {}),
            },
        )
        lines = results.read_text().splitlines() if results.exists() else []
        records = [json.loads(line) for line in lines]
        tasks = [Task(host=r["host"], name=r["task"], outcome=r["outcome"], result=r["result"]) for r in records]
        return Play(done.returncode, done.stdout, tasks)


class MachineFactory:
    """Brings up a machine in a state; the same one each time for the same arguments, unless it is to be fresh.

    A fresh one is the test's own to spoil, and goes with it; the others go with the file of tests.
    """

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._prefix = f"it-{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._shared: dict[tuple[str, str, bool], Machine] = {}
        self._fresh: list[str] = []

    def __call__(
        self, state: str = "healthy", *, release: str = "1010", python: bool = False, fresh: bool = False
    ) -> Machine:
        key = (state, release, python)
        if not fresh and key in self._shared:
            return self._shared[key]
        name = f"{self._prefix}-{next(self._numbers)}"
        made = Machine(name, self._folders.mktemp(name))
        if fresh:
            self._fresh.append(name)
        else:
            self._shared[key] = made
        _call("up", f"--release={release}", f"--state={state}", f"--name={name}", *["--python"] * python)
        inventory = {"all": {"children": yaml.safe_load(_call("inventory", name))}}
        made.inventory.write_text(yaml.safe_dump(inventory))
        return made

    def drop_fresh(self) -> None:
        while self._fresh:
            _down(self._fresh.pop())

    def drop_all(self) -> None:
        self.drop_fresh()
        for made in self._shared.values():
            _down(made.name)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineFactory]:
    factory = MachineFactory(tmp_path_factory)
    yield factory
    factory.drop_all()


@pytest.fixture(autouse=True)
def _fresh_machines_go(request: pytest.FixtureRequest) -> Iterator[None]:
    # fs.inotify.max_user_instances has room for some fifteen machines, of all workers together
    factory = request.getfixturevalue("machine") if "machine" in request.fixturenames else None
    yield
    if factory:
        factory.drop_fresh()


def _down(name: str) -> None:
    subprocess.run([str(MACHINE), "down", name], capture_output=True, check=False)


def _call(*words: str) -> str:
    done = subprocess.run([str(MACHINE), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"'machine {shlex.join(words)}' failed:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout
