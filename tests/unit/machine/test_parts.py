# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.console import MachineError
from ansible_collections.container_linux.remediation.tests.machine.testmachine.parts import (
    CLOUDINIT_VERSIONS,
    build_cloudinit,
)
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import HOME


def test_a_cloudinit_that_cannot_be_had_is_refused_with_those_that_can() -> None:
    with pytest.raises(MachineError, match=r"coreos-cloudinit 1\.8\.1 cannot be built; there are 1\.11\.0, .*1\.14\.0"):
        build_cloudinit("1.8.1")


@pytest.mark.parametrize("version", CLOUDINIT_VERSIONS)
def test_the_checksum_of_every_cloudinit_is_known(version: str) -> None:
    sums = (HOME / "parts" / "coreos-cloudinit" / "go.sum").read_text()
    assert f"github.com/coreos/coreos-cloudinit v{version} h1:" in sums
