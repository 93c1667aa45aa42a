# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cloud-config asks for, as far as its skeleton tells, and where coreos-cloudinit writes it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
    asked,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    Text,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import targets


def ask(text: str) -> Asked:
    done = subprocess.run(
        ["sed", "-e", SKELETON_SED], input=text, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
    )
    return asked(parse_skeleton(done.stdout))


def test_all_that_can_be_asked_for() -> None:
    assert ask("""#cloud-config
hostname: core-01
manage-etc-hosts: localhost
ssh-authorized-keys:
- ssh-rsa A
- ssh-rsa B
users:
- name: elsa
  ssh_authorized_keys:
  - ssh-rsa C
write_files:
- path: /etc/a
  permissions: 0600
  owner: core:core
  encoding: b64
  content: |

    a

    b

- path: /etc/b
coreos:
  etcd2: {}
  etcd:
    name:
  flannel:
    interface: $public_ipv4
  units:
  - name: a.service
    enable: Yes
    mask: no
    runtime: true
    command: start
    drop-ins:
    - name: 10-a.conf
      content: "[Unit]"
    - name: 20-b.conf
    content: |
      [Unit]
""") == Asked(
        files=[
            AskedFile("/etc/a", "0600", "core:core", "b64", Text(16, 18, 21, 2, True, 4), 12),
            AskedFile("/etc/b", line=22),
        ],
        units=[
            AskedUnit(
                "a.service",
                "start",
                enable=True,
                runtime=True,
                text=Text(39, 40, 40, 4, True, 1),
                drop_ins=[AskedDropIn("10-a.conf", Text(37, 37, 37, 6), 36), AskedDropIn("20-b.conf", None, 38)],
                line=30,
            )
        ],
        sections={"flannel": 27},
        users=["elsa"],
        ssh_keys={"core": 2, "elsa": 1},
        hostname="core-01",
        manage_etc_hosts="localhost",
        unclear=[],
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("write_files:\n- path: a b\n", "write_files.0.path (line 3) is not told, for it has not the form"),
        ("write_files:\n- content: x\n", "write_files.0 (line 3) has no path"),
        ("write_files: {a: b}\n", "write_files (line 2) is no list that can be read"),
        ("coreos:\n  units:\n  - command: start\n", ""),
        ("coreos:\n  units:\n  - <<: *a\n", "coreos.units.0 (line 4) has something merged into it that is not"),
        ("coreos:\n  units:\n  - name: a\n    enable: maybe\n", "coreos.units.0.enable (line 5) is neither"),
        ("coreos:\n  units:\n  - name: a\n    content: [a]\n", ""),
        ("coreos:\n  units:\n  - name: a\n    enable: 'true'\n", "coreos.units.0.enable (line 5) is not told"),
        ("coreos: [a]\n", "coreos (line 2) is no mapping"),
        ("coreos: |\n  a\n", "coreos (line 2) is no mapping"),
        ("hostname: a\nhostname: b\n", "'hostname' is there more than once, last in line 3."),
        ("hostname: a\n? b\n", "Nothing is known from line 3 on"),
        ("a: b\n- c\n", "Its structure is not known: "),
        ("ssh_authorized_keys: [a, b]\n", "ssh_authorized_keys (line 2) is no list"),
    ],
)
def test_what_is_not_clear_is_told(text: str, sentence: str) -> None:
    found = ask(f"#cloud-config\n{text}")
    if sentence:
        assert any(told.sentence.startswith(sentence) for told in found.unclear), found.unclear
    else:
        assert not found.unclear


def test_an_empty_item_is_skipped_and_no_doubt() -> None:
    """As coreos-cloudinit does, which also skips those with nothing but comments."""
    found = ask("""#cloud-config
users:
-
coreos:
  units:
  -
  - name: a.service
    drop-ins:
    -
    - #name: 1.conf
      #content: |
    - ~
  - {}
""")
    assert (found.units, found.users, found.unclear) == ([AskedUnit("a.service", drop_ins=[], line=7)], [], [])


@pytest.mark.parametrize(
    ("text", "is_doubted"),
    [
        ("ssh_authorized_keys: [a, b]\n", False),
        ("users: [a, b]\n", False),
        ("hostname: a b\n", False),
        ("hostname: a\nhostname: b\n", False),
        ("write_files: [a, b]\n", True),
        ("coreos: [a]\n", True),
        ("coreos:\n  units:\n  - name: a b\n", True),
        ("hostname: a\n? b\n", True),
        ("a: b\n- c\n", True),
    ],
)
def test_which_doubts_concern_files_and_units(text: str, is_doubted: bool) -> None:
    found = ask(f"#cloud-config\n{text}")
    assert found.unclear
    assert found.doubts == ([doubt.sentence for doubt in found.unclear] if is_doubted else [])


@given(st.text())
def test_no_skeleton_makes_it_fail(text: str) -> None:
    asked(parse_skeleton(text))


@given(st.recursive(st.sampled_from(["a", "", "_text", "|", "~"]), lambda inner: st.lists(inner, max_size=3)))
def test_no_form_of_a_value_makes_it_fail(value: object) -> None:
    for key in ("write_files", "users", "ssh_authorized_keys", "hostname"):
        asked(parse_skeleton(f"{key}: {value}\n"))
    asked(parse_skeleton(f"coreos:\n  units: {value}\n  etcd: {value}\n"))


def test_each_path_is_written_once_and_by_the_last() -> None:
    text = Text(1, 2, 2, 0, True)
    found = targets(
        Asked(
            files=[
                AskedFile("/a/../b", "4755"),
                AskedFile("//b", "0600", text=text),
                AskedFile("/etc/hosts"),
                AskedFile("/etc/systemd/system/a.service"),
                AskedFile("/etc/systemd/system/m.service"),
            ],
            units=[
                AskedUnit("a.service", text=text),
                AskedUnit("m.service", mask=True, text=text),
                AskedUnit("n.network", text=text, runtime=True, drop_ins=[AskedDropIn("1.conf", text, 1)]),
            ],
            sections={"fleet": 1, "update": 2},
            manage_etc_hosts="localhost",
        )
    )
    assert [(target.kind, target.path, target.mode, bool(target.made)) for target in found] == [
        ("file", "/b", 0o600, False),
        ("file", "/etc/hosts", 0o644, True),
        ("unit", "/etc/systemd/system/a.service", 0o644, False),
        ("file", "/etc/coreos/update.conf", 0o644, True),
        ("unit", "/run/systemd/network/n.network", 0o644, False),
        ("drop_in", "/run/systemd/network/n.network.d/1.conf", 0o644, False),
        ("drop_in", "/run/systemd/system/fleet.service.d/20-cloudinit.conf", 0o644, True),
    ]
    assert targets(Asked(files=[AskedFile("/b", "4755")]))[0].mode == 0o755


@pytest.mark.parametrize(
    ("section", "is_made"),
    [
        ("etcd2:\n    name: a", True),
        ("etcd2:\n    listen-peer-urls: $public_ipv4", True),
        ("etcd2:\n    naem: a", False),
        ("etcd2:\n    debug: false", False),
        ("etcd2:\n    name:", False),
        ("etcd2: {}", False),
        ("oem:\n    id: a", True),
        ("oem:\n    name: a", False),
        ("update:\n    reboot-strategy: off", True),
        ("flannel:\n    interface: a", True),
    ],
)
def test_of_which_section_something_is_made(section: str, is_made: bool) -> None:
    found = ask(f"#cloud-config\ncoreos:\n  {section}\n")
    assert dict(found.sections) == ({section.partition(":")[0]: 3} if is_made else {})
