# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role says of its variables in three places must be the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._flannel_config import DEFAULT

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = specs["argument_specs"]["main"]["options"]
    return found


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())
    return found


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
