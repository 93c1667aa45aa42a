# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys coreos-cloudinit knows."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.keys import (
    CLOUD_CONFIG,
    COMMANDS,
    Key,
    complaints,
    nearest,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import skeleton


def told(text: str, version: str = "1.14.0") -> list[tuple[int, str, str]]:
    return [(item.node.line, item.about, item.text) for item in complaints(skeleton(text), version=version)]


def filled(key: Key) -> t.Any:
    """A value for a key that has all that may be in it."""
    if key.kind in ("mapping", "mappings"):
        inner = {name: filled(part) for name, part in key.keys.items()}
        return inner if key.kind == "mapping" else [inner]
    return ["_text"] if key.kind == "texts" else key.values[0] if key.values else "_text"


def dashed(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name.replace("_", "-"): dashed(part) for name, part in value.items()}
    return [dashed(part) for part in value] if isinstance(value, list) else value


def test_all_that_is_known_may_be_there_in_both_spellings() -> None:
    whole = filled(CLOUD_CONFIG)
    assert complaints(Skeleton(tree=whole), version="1.14.0") == []
    assert complaints(Skeleton(tree=dashed(whole)), version="") == []


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            "coreos:\n  flannel:\n    etcd_endpoint: x\n",
            4,
            "coreos-cloudinit knows no key 'etcd_endpoint' in 'coreos.flannel' and passes over it; "
            "did you mean 'etcd_endpoints'?",
        ),
        (
            "coreos:\n  units:\n    - name: a.service\n      drop-in: []\n",
            5,
            "coreos-cloudinit knows no key 'drop-in' in 'coreos.units' and passes over it; did you mean 'drop-ins'?",
        ),
        (
            "Hostname: a\n",
            2,
            "coreos-cloudinit knows no key 'Hostname' at the top level and passes over it; did you mean 'hostname'?",
        ),
        (
            "runcmd: a\n",
            2,
            "coreos-cloudinit knows no key 'runcmd' at the top level and passes over it; leave it out.",
        ),
        (
            "coreos:\n  write-files: []\n",
            3,
            "coreos-cloudinit knows no key 'write-files' in 'coreos' and passes over it; "
            "it belongs at the top level, without indentation.",
        ),
        (
            "units: []\n",
            2,
            "coreos-cloudinit knows no key 'units' at the top level and passes over it; it belongs into 'coreos'.",
        ),
        (
            "/etc/x: a\n",
            2,
            "there is a key at the top level that coreos-cloudinit cannot know, and it passes over it; leave it out.",
        ),
        (
            "users:\n  - name: core\n    sudo: x\n",
            4,
            "coreos-cloudinit knows no key 'sudo' in 'users' and passes over it; leave it out.",
        ),
    ],
)
def test_an_unknown_key_is_named_with_what_may_be_meant(text: str, line: int, sentence: str) -> None:
    assert told(text) == [(line, "unknown", sentence)]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("coreos: x\n", 2, "'coreos' must be a mapping"),
        ("coreos:\n  units:\n    name: x\n", 3, "'units' must be a list of mappings"),
        ("hostname:\n  - a\n", 2, "'hostname' must be one value"),
        ("ssh_authorized_keys: x\n", 2, "'ssh_authorized_keys' must be a list"),
        ("users:\n  - core\n", 3, "each item of 'users' must be a mapping"),
        ("ssh_authorized_keys:\n  - a: b\n", 3, "each item of 'ssh_authorized_keys' must be one value"),
    ],
)
def test_a_value_of_another_kind_is_passed_over(text: str, line: int, sentence: str) -> None:
    [(at, about, said)] = told(text)
    assert (at, about) == (line, "kind")
    assert said.startswith(f"{sentence}, and coreos-cloudinit passes over ")


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        (
            "coreos:\n  units:\n    - command: launch\n",
            4,
            "'launch' is nothing that coreos-cloudinit takes for 'command'",
        ),
        (
            "coreos:\n  units:\n    - command: Start\n",
            4,
            "its value is nothing that coreos-cloudinit takes for 'command'",
        ),
        ("write_files:\n  - encoding: utf8\n", 3, "'utf8' is nothing that coreos-cloudinit takes for 'encoding'"),
        ("manage-etc-hosts: true\n", 2, "'true' is nothing that coreos-cloudinit takes for 'manage-etc-hosts'"),
        (
            "coreos:\n  update:\n    reboot-strategy: never\n",
            4,
            "'never' is nothing that coreos-cloudinit takes for 'reb",
        ),
    ],
)
def test_a_value_that_is_none_of_few_would_fail(text: str, line: int, shown: str) -> None:
    [(at, about, said)] = told(text)
    assert (at, about) == (line, "value")
    assert said.startswith(shown)


def test_the_values_that_are_taken_are_told() -> None:
    [(_line, _about, said)] = told("manage_etc_hosts: all\n")
    assert said.endswith("; give 'localhost'.")
    [(_line, _about, said)] = told("coreos:\n  update:\n    reboot-strategy: never\n")
    assert said.endswith("; give 'best-effort', 'etcd-lock', 'reboot' or 'off'.")


@pytest.mark.parametrize(
    "text",
    [
        "hostname:\ncoreos:\n",
        "coreos: {units: []}\n",
        "<<: *a\n",
        "coreos:\n  units:\n    - command: 'restart'  # now\n",
        "coreos:\n  units:\n    - command: |\n        start\n",
        *(f"coreos:\n  units:\n    - command: {command}\n" for command in COMMANDS),
        # too long a word for a skeleton to tell it
        "coreos:\n  update:\n    reboot-strategy: best-effort\n",
        "ssh_authorized_keys: [a]\nusers:\n- {name: a}\nwrite_files: []\n",
    ],
)
def test_what_may_be_right_is_let_be(text: str) -> None:
    assert told(text) == []


def test_a_version_may_be_too_old_for_a_key() -> None:
    text = "coreos:\n  etcd2:\n    name: a\n  flannel:\n    etcd-username: a\n"
    assert told(text, "1.3.4") == [
        (
            3,
            "unknown",
            "the host's coreos-cloudinit does not know 'etcd2' yet and passes over it; 1.4.0 does: leave it out, "
            "or update the operating system.",
        ),
        (
            6,
            "unknown",
            "the host's coreos-cloudinit does not know 'etcd-username' yet and passes over it; 1.13.0 does: leave it "
            "out, or update the operating system.",
        ),
    ]
    assert [line for line, *_rest in told(text, "v1.12.0")] == [6]
    assert told(text, "1.13") == []
    assert told(text, "+git") == []


def test_nearest_keeps_the_spelling() -> None:
    known = ["reboot_strategy", "group"]
    assert nearest("reboot-stategy", known) == "reboot-strategy"
    assert nearest("reboot_stategy", known) == "reboot_strategy"
    assert nearest("server", known) == ""


_TREES = st.recursive(
    st.none() | st.sampled_from(["_text", "_flow", "", "a\nb"]) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["coreos", "units", "command", "drop-ins", "users", "_"]) | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(_TREES)
def test_no_tree_makes_it_fail(tree: t.Any) -> None:
    for complaint in complaints(Skeleton(tree=tree)):
        assert complaint.text.endswith((".", "?"))
