# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd servers, started once for all tests that may share them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.integration.etcd_key.servers import (
    Authority,
    Etcd,
    etcd_2,
    etcd_3,
    running,
)

_NUMBERS = count(1)
# a test of another process at the same time has other keys
_RUN = secrets.token_hex(4)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("etcd")


@pytest.fixture(scope="session")
def two(folder: Path) -> Iterator[Etcd]:
    """etcd 2.3.8: v2 alone."""
    with running(etcd_2(), folder / "two") as members:
        yield members[0]


@pytest.fixture(scope="session")
def three(folder: Path) -> Iterator[Etcd]:
    """etcd 3.4: v3 alone, v2 is switched off."""
    with running(etcd_3(), folder / "three") as members:
        yield members[0]


@pytest.fixture(scope="session")
def both(folder: Path) -> Iterator[Etcd]:
    """etcd 3.4 with both stores."""
    with running(etcd_3(), folder / "both", "--enable-v2") as members:
        yield members[0]


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    return Authority(folder / "tls")


@pytest.fixture(params=["two", "three"])
def etcd(request: pytest.FixtureRequest) -> Etcd:
    """Each etcd in turn: what holds for v2 holds for v3."""
    server: Etcd = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def key() -> str:
    """A key that no other test uses."""
    return f"/test/{_RUN}-{next(_NUMBERS)}/config"
