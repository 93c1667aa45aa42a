# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways in to etcd_key: the bare logic, the action plugin, and the real module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd_key import SPEC, ensure
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError

ROOT = Path(__file__).resolve().parents[3]
MODULE = "container_linux.remediation.etcd_key"

Result = dict[str, Any]
FrontEnd = Callable[..., Result]


class Shell:
    """A real shell on this machine, started like the shell of a host. Counts the round trips."""

    def __init__(self) -> None:
        self.round_trips = 0

    def run(self, script: str) -> Completed:
        self.round_trips += 1
        done = subprocess.run(
            ["/bin/sh", "-s"],
            input=script.encode(),
            capture_output=True,
            env={"PATH": "/usr/bin:/bin"},
            check=False,
        )
        out, err = (stream.decode(errors="surrogateescape") for stream in (done.stdout, done.stderr))
        return Completed(done.returncode, out, err)


def logic(*, check: bool = False, host: Any = None, **options: Any) -> Result:
    """The logic in this process, against a real shell. The result tells its round trips as well."""
    validated = ArgumentSpecValidator(**SPEC).validate(options)
    if validated.error_messages:
        return {"failed": True, "changed": False, "msg": "; ".join(validated.error_messages)}
    shell = host or Shell()
    try:
        result = ensure(validated.validated_parameters, shell, check_mode=check)
    except RemediationError as error:
        result = {"failed": True, "changed": False, "msg": error.message, **error.details}
    json.dumps(result)
    return {**result, "round_trips": getattr(shell, "round_trips", None)}


def action(*, check: bool = False, **options: Any) -> Result:
    """The action plugin, on a host whose Python does not exist. In diff mode."""
    return _ansible("/nonexistent", *(["--check"] if check else []), **options)


def background(**options: Any) -> Result:
    """The real module, packed and sent by Ansible for a task in the background."""
    folder = f"ansible_async_dir={ROOT}/build/async"
    return _ansible(sys.executable, "-B", "60", "-P", "1", "-e", folder, **options)


def _ansible(python: str, *arguments: str, **options: Any) -> Result:
    """Run ad hoc. The result has what was printed as well."""
    command = [str(Path(sys.executable).with_name("ansible")), "all", "-i", "localhost,", "-c", "local", "--diff"]
    command += ["-e", f"ansible_python_interpreter={python}", "-m", MODULE, "-a", json.dumps(options), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), check=False)
    before, arrow, said = done.stdout.partition(" => ")
    if not arrow:
        raise AssertionError(done.stdout + done.stderr)
    result, _end = json.JSONDecoder().raw_decode(said)
    return {**result, "failed": "FAILED" in before, "printed": done.stdout + done.stderr}


def playbook(folder: Path, *arguments: str, **play: Any) -> str:
    """A play on a host whose Python does not exist. Nothing of it stands in an argument list. What it printed."""
    file = folder / "play.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, **play}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    command += ["-e", "ansible_python_interpreter=/nonexistent", str(file), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), check=False)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def module(*, check: bool = False, **options: Any) -> Result:
    """The real module, run by itself. In diff mode."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.container_linux.remediation.plugins.modules.etcd_key"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": "build/collections"},
        check=False,
    )
    if not done.stdout:
        raise AssertionError(done.stderr)
    return {**dict(json.loads(done.stdout)), "printed": done.stdout + done.stderr}


def environment() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
