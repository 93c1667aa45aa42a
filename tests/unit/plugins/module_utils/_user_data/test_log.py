# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logs in fixtures/cloudinit are those of real runs, but for the one of 2014, which is the story's own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import (
    Command,
    Finding,
    Run,
    last_run,
    parse_findings,
    parse_journal,
    parse_run,
)

FIXTURES = Path(__file__).parents[1] / "fixtures/cloudinit"
VERSIONS = ("1.11", "1.12", "1.13", "1.14")
EMPTY: dict[str, Any] = {field.name: [] for field in fields(Run) if field.default == ()}


def recorded(name: str) -> Run:
    return parse_run(message.text for message in last_run(parse_journal((FIXTURES / name).read_text())))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_tells_all_that_it_did(version: str) -> None:
    run = recorded(f"{version}-good.log")
    assert run.kind == "cloud-config"
    assert run.files == [
        "/etc/test.txt",
        "/etc/a name",
        "/etc/coreos/update.conf",
        "/run/flannel/options.env",
        "/etc/environment",
    ]
    assert run.units == [
        ("app.service", "/etc/systemd/system/app.service"),
        ("storage.service", "/etc/systemd/system/storage.service"),
        ("needs-storage.service", "/run/systemd/system/needs-storage.service"),
    ]
    assert run.drop_ins == [
        ("10-address.conf", "/etc/systemd/system/app.service.d/10-address.conf"),
        ("20-cloudinit.conf", "/run/systemd/system/fleet.service.d/20-cloudinit.conf"),
        ("20-cloudinit.conf", "/run/systemd/system/locksmithd.service.d/20-cloudinit.conf"),
    ]
    assert run.enabled == ["app.service"]
    assert run.masked == ["tmp.mount", "locksmithd.service"]
    assert run.said == ["Set hostname to core-01", "Authorized SSH keys for core user"]
    assert run.commands == [
        Command("start", "app.service", "done"),
        Command("start", "needs-storage.service", "dependency"),
        Command("stop", "locksmithd.service", "done"),
    ]
    assert run.failed_commands == [Command("start", "needs-storage.service", "dependency")]
    assert Finding(11, "warning", 'unrecognized key "etcd_endpoint"') in run.findings
    assert not run.errors
    assert not run.doing


@pytest.mark.parametrize("version", VERSIONS)
def test_a_unit_that_does_not_exist_ends_the_run(version: str) -> None:
    run = recorded(f"{version}-aborted.log")
    assert run.commands == [Command("start", "missing.service")]
    assert run.errors == ["Failed to apply cloud-config: Unit missing.service not found."]
    assert not run.doing
    assert run.failed_at.startswith('Calling unit command "start" on "missing.service"')


@pytest.mark.parametrize("version", VERSIONS)
def test_of_broken_yaml_nothing_is_applied(version: str) -> None:
    run = recorded(f"{version}-broken.log")
    text = "found a tab character that violate intendation"
    assert run.findings[0] == Finding(5, "error", text)
    assert run.errors == [f"Failed to parse user-data: YAML error: line 5: {text}"]
    assert run.files == ["/etc/environment"]
    assert not run.units


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_that_cannot_be_made_ends_the_run_and_its_password_is_not_told(version: str) -> None:
    log = (FIXTURES / f"{version}-user-fails.log").read_text()
    assert "$6$x$y" in log
    run = recorded(f"{version}-user-fails.log")
    assert run.errors[0].startswith("Command 'useradd --password … --create-home --groups no-such-group bob' failed")
    assert run.errors[-1] == "Failed to apply cloud-config: exit status 6"
    assert run.failed_at == "Creating user 'bob'"
    assert "$6$x$y" not in repr(run)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_script_runs_in_a_unit_of_its_own(version: str) -> None:
    run = recorded(f"{version}-script.log")
    assert run.kind == "script"
    assert len(run.scripts) == 1
    assert run.scripts[0].startswith("coreos-cloudinit-")
    assert not run.doing


@pytest.mark.parametrize("version", VERSIONS)
def test_a_config_for_ignition_is_named(version: str) -> None:
    run = recorded(f"{version}-ignition.log")
    assert run == Run(kind="ignition", **EMPTY)


def test_a_deprecated_key_is_found_from_1_14_on() -> None:
    deprecated = Finding(14, "warning", 'deprecated key "fleet" (fleet is no longer shipped in Container Linux)')
    for version in VERSIONS:
        found = parse_findings((FIXTURES / f"{version}-good.report").read_text())
        assert (deprecated in found) == (version == "1.14")
        assert set(found) == set(recorded(f"{version}-good.log").findings)


def test_the_story_of_2014() -> None:
    run = recorded("seed-2014.log")
    assert run == Run(
        **{
            **EMPTY,
            "files": ["/etc/environment"],
            "units": [("docker-tcp.socket", "/etc/systemd/system/docker-tcp.socket")],
            "drop_ins": [
                ("20-cloudinit.conf", "/run/systemd/system/etcd.service.d/20-cloudinit.conf"),
                ("20-cloudinit.conf", "/run/systemd/system/fleet.service.d/20-cloudinit.conf"),
            ],
            "enabled": ["docker-tcp.socket"],
        },
        kind="cloud-config",
    )


def test_the_words_of_0_10() -> None:
    run = parse_run(
        [
            "2014/10/01 08:00:00 Wrote file /etc/test.txt to filesystem",
            "2014/10/01 08:00:00 Masking unit file etcd.service",
            "2014/10/01 08:00:00 Restarting systemd-networkd",
            "2014/10/01 08:00:00 Restarted systemd-networkd (done)",
            "2014/10/01 08:00:00 Calling unit command 'start docker.service'",
            "2014/10/01 08:00:00 Result of 'start docker.service': dependency",
            "2014/10/01 08:00:00 Calling unit command 'start fleet.service'",
        ]
    )
    assert run.files == ["/etc/test.txt"]
    assert run.masked == ["etcd.service"]
    assert run.commands == [
        Command("restart", "systemd-networkd.service", "done"),
        Command("start", "docker.service", "dependency"),
        Command("start", "fleet.service"),
    ]
    assert run.doing == "Calling unit command 'start fleet.service'"


def test_names_are_what_they_were_before_they_were_put_in_quotes() -> None:
    run = parse_run(
        [
            r'Writing unit "dev-a\\x2db.mount" to filesystem',
            r'Wrote file to "/etc/systemd/system/dev-a\\x2db.mount"',
            r'Wrote unit "dev-a\\x2db.mount"',
            r'Wrote file to "/run/systemd/system/a\\x2db.service.d/\u00fcn \"x\".conf"',
            r'Wrote drop-in unit "\u00fcn \"x\".conf"',
            r'Enabled unit "dev-a\\x2db.mount"',
            r'Masking unit file "\U0001f40b-\x7f\t.service"',
            r"""Calling unit command "start" on "dev-a\\x2db.mount"'""",
            r'Result of "start" on "dev-a\\x2db.mount": failed',
            r'Skipping enable for network-like unit "a\\x2db.network"',
            r"""Calling unit command "restart" on "a\\x2db.service"'""",
        ]
    )
    mount = r"dev-a\x2db.mount"
    assert run.units == [(mount, f"/etc/systemd/system/{mount}")]
    assert run.drop_ins == [('\u00fcn "x".conf', '/run/systemd/system/a\\x2db.service.d/\u00fcn "x".conf')]
    assert run.enabled == [mount]
    assert run.masked == ["\U0001f40b-\ufffd .service"]
    assert run.commands == [Command("start", mount, "failed"), Command("restart", r"a\x2db.service")]
    assert run.said == [r'Skipping enable for network-like unit "a\x2db.network"']
    assert run.doing == r"""Calling unit command "restart" on "a\x2db.service"'"""


def test_up_to_0_11_names_are_not_quoted() -> None:
    run = parse_run(
        [
            r"Placed unit a\\x2db.service at /etc/systemd/system/a\\x2db.service",
            r"Calling unit command 'start a\\x2db.service'",
            r"Result of 'start a\\x2db.service': done",
            r"Enabled unit a\x2db.service",
        ]
    )
    assert run.units == [(r"a\\x2db.service", r"/etc/systemd/system/a\\x2db.service")]
    assert run.commands == [Command("start", r"a\\x2db.service", "done")]
    assert run.enabled == [r"a\x2db.service"]


@pytest.mark.parametrize(
    ("quoted", "name"),
    [
        (r"\udc80", "\ufffd"),
        (r"\xff", "\ufffd"),
        (r"\Uffffffff", "\ufffd"),
        (r"\q", r"\q"),
        (r"\x2", r"\x2"),
        (r"\\\"", r"\""),
    ],
)
def test_what_is_no_character_makes_no_broken_name(quoted: str, name: str) -> None:
    assert parse_run([f'Enabled unit "a{quoted}.service"']).enabled == [f"a{name}.service"]


def test_the_same_call_twice_has_two_results() -> None:
    call, result = 'Calling unit command "start" on "a.service"', 'Result of "start" on "a.service": '
    run = parse_run([call, f"{result}failed", call, f"{result}done"])
    assert [command.result for command in run.commands] == ["failed", "done"]


def test_of_a_journal_only_the_last_process_counts_and_lines_are_joined() -> None:
    messages = parse_journal(
        "-- Logs begin at Sun 2026-11-22 08:00:00 UTC. --\n"
        "Nov 22 08:00:01.000001 a coreos-cloudinit[7]: Parsing user-data as script\n"
        "Nov 22 08:00:02.000002 a coreos-cloudinit[9]: 2026/11/22 08:00:02 Failed to apply cloud-config: first\n"
        "                                              second\n"
    )
    assert [message.pid for message in messages] == [7, 9]
    last = last_run(messages)
    assert [message.at for message in last] == ["Nov 22 08:00:02.000002"]
    assert parse_run(message.text for message in last).errors == ["Failed to apply cloud-config: first | second"]


_WORDS = [
    line.partition("]: ")[2]
    for path in sorted(FIXTURES.glob("1.1[14]-*.log"))
    for line in path.read_text().splitlines()
]


@given(
    st.lists(st.text() | st.sampled_from(_WORDS).flatmap(lambda word: st.just(word) | st.just(word[: len(word) // 2])))
)
def test_no_text_makes_it_fail(lines: list[str]) -> None:
    run = parse_run(lines)
    assert len(run.commands) <= len(lines)
    assert last_run(parse_journal("\n".join(lines))) == []
    parse_findings("\n".join(lines))


@given(st.text(alphabet=st.sampled_from("\\\"'xuU0189abdf \n\t\ud800") | st.characters()))
def test_no_name_makes_it_fail(name: str) -> None:
    run = parse_run([f'Enabled unit "{name}"', f'Calling unit command "start" on "{name}"', f'Wrote file to "{name}"'])
    "".join([*run.enabled, run.doing, *(command.unit for command in run.commands)]).encode()


@given(st.text())
def test_no_journal_makes_it_fail(text: str) -> None:
    messages = parse_journal(f"Nov 22 08:00:01 a b[7]: {text}\n{text}")
    parse_run(message.text for message in last_run(messages))
