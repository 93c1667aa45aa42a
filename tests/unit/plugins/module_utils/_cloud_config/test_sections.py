# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What coreos-cloudinit does for the sections of a cloud-config, by the cloud-config's text."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedUnit,
    asked,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.lint import lint
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import all_units
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    Skeleton,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import masked, targets

LOCKSMITH = "locksmithd.service"
MASK = f"/run/systemd/system/{LOCKSMITH}"

RESTART = AskedUnit(LOCKSMITH, "restart", runtime=True, section="update")
OFF = AskedUnit(LOCKSMITH, "stop", mask=True, runtime=True, section="update")
ENGINE = AskedUnit("update-engine.service", "restart", section="update")


def skeleton_of(text: str) -> Skeleton:
    command = ["sed", "-e", SKELETON_SED]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    return parse_skeleton(done.stdout)


def ask(text: str) -> Asked:
    return asked(skeleton_of(text))


@pytest.mark.parametrize(
    ("section", "added"),
    [
        ("update:\n    reboot-strategy: off", [OFF]),
        ("update:\n    reboot_strategy: 'off'", [OFF]),
        ("update:\n    reboot-strategy: reboot # at once", [RESTART]),
        ('update:\n    reboot-strategy: "etcd-lock"', [RESTART]),
        ("update:\n    reboot-strategy: best-effort", [RESTART]),
        ("update:\n    reboot-strategy:", []),
        ("update:\n    reboot-strategy: ~\n    group:", []),
        ("update:\n    group: beta", [ENGINE]),
        ("update:\n    server: https://example.com/v1/update/", [ENGINE]),
        ("update:\n    server: https://$private_ipv4/\n    group: beta", [ENGINE]),
        ("update:\n    group: beta\n    reboot-strategy: off", [OFF, ENGINE]),
        ("update:\n    groups: beta", []),
        ("update: {}", []),
        # these have a drop-in or a file, and no call
        ("etcd:\n    name: a", []),
        ("etcd2:\n    name: a", []),
        ("fleet:\n    metadata: a", []),
        ("locksmith:\n    window_start: '1:00'", []),
        ("flannel:\n    interface: a", []),
        ("oem:\n    id: a", []),
    ],
)
def test_what_is_called_for_a_section(section: str, added: list[AskedUnit]) -> None:
    found = ask(f"#cloud-config\ncoreos:\n  {section}\n  units:\n  - name: a.service\n    command: start\n")
    services = ("etcd.service", "etcd2.service", "fleet.service", LOCKSMITH)
    units = all_units(found)
    assert units[0].name == "a.service" and not units[0].section
    # that these are not masked until the next boot is seen to at every run
    assert [(unit.name, unit.runtime, unit.mask, unit.command) for unit in units[1:5]] == [
        (name, True, False, "") for name in services
    ]
    assert units[5:] == added
    assert found.unclear == []


@pytest.mark.parametrize(
    "value",
    ["never", "never-never-ever", "Off", "true", "1", "$public_ipv4", "{off}", "[off]", "*off", "https://user:word@x"],
)
def test_for_what_coreos_cloudinit_would_not_take_nothing_is_called(value: str) -> None:
    found = ask(f"#cloud-config\ncoreos:\n  update:\n    reboot-strategy: {value}\n")
    assert all_units(found)[4:] == []


def test_a_long_word_in_the_place_of_a_strategy_is_not_told() -> None:
    assert "secret" not in str(ask("#cloud-config\ncoreos:\n  update:\n    reboot-strategy: secret-word\n"))


def test_a_folded_section_is_unclear() -> None:
    found = ask("#cloud-config\ncoreos:\n  update: {reboot-strategy: off}\n")
    assert all_units(found)[4:] == []
    assert found.doubts == ["coreos.update (line 3) is no mapping that can be read."]


TEXT = "    content: '[Unit]'\n"


@pytest.mark.parametrize(
    ("units", "update", "links"),
    [
        ("", "off", {LOCKSMITH: MASK}),
        ("", "reboot", {}),
        (f"  - name: {LOCKSMITH}\n    mask: true\n", "reboot", {LOCKSMITH: f"/etc/systemd/system/{LOCKSMITH}"}),
        (f"  - name: {LOCKSMITH}\n    mask: true\n    runtime: true\n", "reboot", {}),
        # of a unit file in /etc, a mask in /run is hidden
        (f"  - name: {LOCKSMITH}\n{TEXT}", "off", {}),
        (f"  - name: {LOCKSMITH}\n    runtime: true\n{TEXT}", "off", {LOCKSMITH: MASK}),
        # what coreos-cloudinit adds for each of its services lifts their masks again
        ("  - name: etcd2.service\n    mask: true\n    runtime: true\n", "reboot", {}),
        ("  - name: etcd2.service\n    mask: true\n", "reboot", {"etcd2.service": "/etc/systemd/system/etcd2.service"}),
        (
            "  - name: a.service\n    mask: true\n  - name: a.service\n    command: stop\n",
            "reboot",
            {"a.service": "/etc/systemd/system/a.service"},
        ),
        (f"  - name: a.service\n    mask: true\n  - name: a.service\n{TEXT}", "reboot", {}),
    ],
)
def test_what_is_masked_in_the_end(units: str, update: str, links: dict[str, str]) -> None:
    found = ask(f"#cloud-config\ncoreos:\n  update:\n    reboot-strategy: {update}\n  units:\n{units or '  - {}'}\n")
    assert masked(found) == links
    assert not {target.path for target in targets(found)} & set(links.values())


@pytest.mark.parametrize(
    ("name", "keys", "strategy", "held"),
    [
        ("etcd.service", "mask: true\n    runtime: true", "reboot", True),
        ("fleet.service", "runtime: yes\n    mask: on\n    command: stop", "off", True),
        ("etcd2.service", "mask: true", "reboot", False),
        ("etcd2.service", "runtime: true", "reboot", False),
        ("docker.service", "mask: true\n    runtime: true", "reboot", False),
        (LOCKSMITH, "mask: true\n    runtime: true", "reboot", True),
        (LOCKSMITH, "mask: true\n    runtime: true", "off", False),
    ],
)
def test_a_mask_that_does_not_hold_is_held_up(name: str, keys: str, strategy: str, held: bool) -> None:
    text = f"#cloud-config\ncoreos:\n  units:\n  - name: {name}\n    {keys}\n"
    skeleton = skeleton_of(f"{text}  update:\n    reboot-strategy: {strategy}\n")
    remarks = [remark for remark in lint(skeleton, version="1.14.0") if remark.level == "blocker"]
    assert [remark.text.partition(",")[0] for remark in remarks] == (
        [f"'{name}' is to be masked until the next boot"] if held else []
    )
    # which is so by what coreos-cloudinit does
    assert (name in masked(asked(skeleton))) == ("mask" in keys and not held)
