# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the examples in docs/examples are what the collection installs; that they work is tested on a machine."""

from __future__ import annotations

import runpy
from pathlib import Path

import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import watch
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import PLACES

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def test_cloud_config_is_made_of_what_the_role_installs() -> None:
    """`tests/tools/examples` writes it anew."""
    text = (EXAMPLES / "user-data-watch.yml").read_text()
    assert text == runpy.run_path(str(ROOT / "tests" / "tools" / "examples"))["snippet"]()
    asked = yaml.safe_load(text)
    files = {file["path"]: file["content"] for file in asked["write_files"]}
    units = {unit["name"]: unit for unit in asked["coreos"]["units"]}
    files |= {f"{watch.UNITS}/{name}": unit["content"] for name, unit in units.items() if "content" in unit}
    assert files == watch.FILES
    (drop_in,) = units[PLACES[0].unit]["drop-ins"]
    assert drop_in == {"name": watch.DROP_IN, "content": watch.DROP_IN_TEXT}
    assert units[watch.watch_unit(PLACES[0])].items() >= {"enable": True, "command": "start"}.items()


def test_trigger_restarts_the_unit_of_vagrant_s_user_data() -> None:
    assert f"systemctl restart '{PLACES[0].unit}'\n" in (EXAMPLES / "Vagrantfile").read_text()
