# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of the user-data that was applied last, as the look tells it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import parse_memory
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Memory, Written
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    BOOT,
    CLOUD_CONFIG,
    DIGEST,
    KNOWN,
    LookedAt,
)


def test_what_is_remembered(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=0.25)
    found = machine.source().memory
    assert found
    assert found.applied == pytest.approx(machine.file.stat().st_ctime + 0.25, abs=1e-5)
    written = Written(files=["/a"], units=["b.service"], drop_ins=[], enabled=[], masked=[])
    assert found == Memory(DIGEST, found.applied, BOOT, written)


def test_what_others_could_have_written_is_not_remembered(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=1)
    for mode in (0o644, 0o660, 0o4600):
        machine.memory.chmod(mode)
        assert machine.source().memory is None
    machine.memory.chmod(0o600)
    assert machine.source().memory
    other = machine.memory.rename(machine.root / "other")
    machine.memory.symlink_to(other)
    assert machine.source().memory is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_memory_of_somebody_else_s_is_none(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=1)
    os.chown(machine.memory, 500, 500)
    assert machine.source().memory is None


_WRONG: list[dict[str, Any]] = [
    {"sha256": 1},
    {"sha256": [DIGEST]},
    {"sha256": DIGEST + "\n"},
    {"sha256": DIGEST.upper()},
    {"applied": "1"},
    {"applied": None},
    {"applied": [1]},
    {"applied": 10**400},
    {"boot": 1},
    {"boot": None},
    {"written": None},
    {"written": []},
    {"written": {}},
    {"written": {**KNOWN["written"], "files": "/a"}},
    {"written": {**KNOWN["written"], "files": [1]}},
    {"written": {**KNOWN["written"], "files": {"/a": 1}}},
]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100000,
        '{"a":' * 50000,
        "null",
        "[]",
        '"x"',
        "SHA256=0",
        "\0\x1b\xff",
        *(json.dumps({**KNOWN, **wrong}) for wrong in _WRONG),
        *(json.dumps({key: value for key, value in KNOWN.items() if key != missing}) for missing in KNOWN),
    ],
)
def test_what_makes_no_sense_is_not_remembered(text: str) -> None:
    assert parse_memory(json.dumps(KNOWN))
    assert parse_memory(text) is None
