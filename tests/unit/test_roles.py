# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role says of its variables in three places must be the same."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.config import DEFAULT

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
COLLECTION = "container_linux.remediation"


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = specs["argument_specs"]["main"]["options"]
    return found


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())
    return found


def called(role: str) -> str:
    """The module of which a role is one call, or nothing."""
    (task, *more) = yaml.safe_load((ROOT / "roles" / role / "tasks" / "main.yml").read_text())
    names = [key.removeprefix(f"{COLLECTION}.") for key in task if key.startswith(f"{COLLECTION}.")]
    return names[0] if names and not more else ""


CALLS = {role: called(role) for role in ROLES if called(role)}


def table(file: str) -> dict[str, str]:
    """The default that a README's table of variables gives for each of them."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `?([^|`]+)`? \| [^|]+ \|$", (ROOT / file).read_text(), re.MULTILINE)
    return {name: default.strip() for names, default in rows for name in re.findall(r"\w+", names)}


def shown(default: Any) -> str:
    if default is None:
        return "none"
    if isinstance(default, dict):
        return "{" + ", ".join(f"{key}: {value}" for key, value in default.items()) + "}"
    return str(default).lower() if isinstance(default, bool) else str(default) or "empty"


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_spec(role: str) -> None:
    given = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert defaults(role) == given != {}


@pytest.mark.parametrize("role", ROLES)
def test_variables_begin_with_the_name_of_their_role(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_gives_each_default(role: str) -> None:
    expected = {name: shown(option.get("default")) for name, option in options(role).items()}
    assert table(f"roles/{role}/README.md") == expected


def test_the_readme_of_the_collection_gives_the_same_defaults() -> None:
    known = {name: shown(option.get("default")) for role in ROLES for name, option in options(role).items()}
    told = table("README.md")
    assert told.pop("fix_docker_hosts") == told.pop("reapply_user_data_hosts") == "all"
    assert told == {name: known[name] for name in told} != {}


def test_the_diagnosis_reckons_with_the_config_that_the_role_would_write() -> None:
    assert defaults("flannel_config")["flannel_config_value"] == DEFAULT


def test_passwords_are_marked_as_such() -> None:
    passwords = [option for role in ROLES for name, option in options(role).items() if "password" in name]
    assert passwords and all(option.get("no_log") for option in passwords)


@pytest.mark.parametrize("role", CALLS)
def test_a_role_that_is_one_call_of_a_module_has_its_options(role: str) -> None:
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.module_utils._{CALLS[role]}")
    kinds = ("type", "default", "choices", "elements", "no_log", "required")
    told = {
        name.removeprefix(f"{role}_"): {kind: option[kind] for kind in kinds if kind in option}
        for name, option in options(role).items()
    }
    assert {name: told[name] for name in module.SPEC["argument_spec"]} == module.SPEC["argument_spec"]


def test_user_data_is_one_call() -> None:
    assert CALLS == {"user_data": "cloudinit_rerun"}


NO_TYPE = {
    "timeout": "soon",
    "watch": "perhaps",
    "allow_scripts": "perhaps",
    "allow_lockout": "perhaps",
    "allow_container_restart": "perhaps",
    "restart_changed_units": [True],
}
"""Values that an option cannot have, for their type."""

WRONG: list[tuple[dict[str, Any], str]] = [
    *(({f"user_data_{name}": value}, rf"argument '(user_data_)?{name}' is of type") for name, value in NO_TYPE.items()),
    ({"user_data_timeout": 0}, "The timeout of 0 seconds is out of range"),
    ({"user_data_path": ""}, "The path is empty"),
    ({"user_data_path": "a/b"}, "'a/b' cannot be a user-data's path"),
    ({"user_data_content": "a\0b"}, "The given user-data is no text"),
    (
        {"user_data_src": "/no/such/file"},
        r"no file '/no/such/file' on the controller, .* in /.*/standing\. Name one that",
    ),
    ({"user_data_src": "none.yml"}, "no file 'none.yml' on the controller"),
    ({"user_data_src": ""}, "no file '' on the controller"),
    (
        {"user_data_content": "#cloud-config\n", "user_data_src": "/no/such/file"},
        "user_data_content and user_data_src are both given",
    ),
]


@pytest.mark.parametrize("way", ["role", "playbook"])
def test_wrong_options_are_refused_before_the_host_is_asked(way: str, tmp_path: Path) -> None:
    """The playbook leaves out the role's own validation, and relies on the module's. No host can be reached."""
    standing = tmp_path / "standing"
    standing.mkdir()
    (standing / "user-data.yml").write_text("#cloud-config\n")
    rights: dict[str, dict[str, Any]] = {"right": {}, "right-file": {"user_data_src": "user-data.yml"}}
    hosts = {**rights, **{f"wrong-{number}": variables for number, (variables, _message) in enumerate(WRONG)}}
    nowhere = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": nowhere, "hosts": hosts}}))
    tasks = [{"name": "Apply", "ansible.builtin.include_role": {"name": f"{COLLECTION}.user_data"}}]
    (tmp_path / "role.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    plays = {"role": str(tmp_path / "role.yml"), "playbook": f"{COLLECTION}.reapply_user_data"}
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), f"--inventory={tmp_path / 'hosts.yml'}", plays[way]],
        cwd=standing,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    ended = re.findall(r"^fatal: \[(\S+)\]: (\w+)! => (\{.*\})$", done.stdout, re.MULTILINE)
    assert {host: outcome for host, outcome, _result in ended} == {
        host: "UNREACHABLE" if host in rights else "FAILED" for host in hosts
    }, done.stdout + done.stderr
    said = {host: json.loads(result)["msg"] for host, _outcome, result in ended}
    for number, (_variables, message) in enumerate(WRONG):
        assert re.search(message, said[f"wrong-{number}"])
