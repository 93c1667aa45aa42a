# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walking a skeleton."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import asked
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import root
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import skeleton


@pytest.mark.parametrize("keys", [("manage-etc-hosts", "manage_etc_hosts"), ("manage_etc_hosts", "manage-etc-hosts")])
def test_of_a_key_in_both_spellings_the_last_counts(keys: tuple[str, str]) -> None:
    """As a run of coreos-cloudinit has it, 1.11 and 1.14, of what is no list; lists it joins."""
    first, last = keys
    text = skeleton(f"{first}: localhost\n{last}: other\nhostname: a\n")
    found = root(text).get("manage_etc_hosts")
    assert (found.value, found.key, found.line) == ("other", last, 3)
    assert asked(text).manage_etc_hosts == found.word


def test_what_is_not_there_stands_where_it_would_be() -> None:
    text = skeleton("hostname: a\ncoreos:\n  update: {}\n")
    missing = root(text).get("coreos").get("etcd2")
    assert (missing.place, missing.value, missing.line, missing.get("name").value) == ("coreos.etcd2", None, 3, None)
