# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the property tests run: the same examples each time, and nothing written outside of build/."""

from __future__ import annotations

from pathlib import Path

from hypothesis import configuration, settings

configuration.set_hypothesis_home_dir(Path(__file__).parents[2] / "build" / "cache" / "hypothesis")
settings.register_profile("house", derandomize=True, database=None, deadline=None, max_examples=60)
# pytest --hypothesis-profile=deep looks further, at other examples each time
settings.register_profile("deep", derandomize=False, database=None, deadline=None, max_examples=3000)
settings.load_profile("house")
