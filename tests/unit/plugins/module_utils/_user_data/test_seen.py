# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where user-data lies."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import PLACES, place_of


def test_the_places_have_their_units() -> None:
    assert PLACES[0].unit == r"user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service"
    assert place_of(PLACES[-1].path).unit == r"system-cloudinit@usr-share-oem-cloud\x2dconfig.yml.service"
    assert place_of("/etc/my data").unit == r"user-cloudinit@etc-my\x20data.service"
    for path in ("etc/x", "/etc/../x", "/etc/./x", "/a\nb", "//etc/x", "/etc//x", "/etc/x/", "/" + "x" * 250, ""):
        with pytest.raises(RemediationError, match="cannot be a user-data's path"):
            place_of(path)
