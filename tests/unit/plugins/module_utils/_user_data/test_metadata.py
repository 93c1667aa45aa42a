# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a config drive's meta-data sets, as the look tells it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.metadata import (
    NO_JSON,
    parse_metadata,
    with_metadata,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Metadata, Place
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import (
    digest,
    key,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    CLOUD_CONFIG,
    LookedAt,
    in_each_shell,
)

UNIT = "user-configdrive.service"
MINE = f"ssh-ed25519 {key('mine')} core@host"
OTHER = f"ssh-ed25519 {key('other')}"


def seen(machine: LookedAt, text: bytes | str | None, *, unit: str = UNIT, **options: Any) -> Metadata | None:
    """What is seen of a config drive with this meta_data.json."""
    folder = machine.root / "drive"
    folder.mkdir(exist_ok=True)
    if not (folder / "user_data").exists():
        (folder / "user_data").write_bytes(CLOUD_CONFIG)
    if text is not None:
        (folder / "meta_data.json").write_bytes(text.encode() if isinstance(text, str) else text)
    (source,) = look(machine, [Place("configdrive", str(folder / "user_data"), unit)], **options).sources
    return source.metadata


def dumped(**told: Any) -> str:
    return json.dumps(told)


@in_each_shell
@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("{}", Metadata()),
        ("null", Metadata()),
        (dumped(hostname="core-01", public_keys={"a": f"{MINE}\n"}), Metadata("core-01", 1, (digest("mine"),))),
        (json.dumps({"Hostname": "a", "PUBLIC_KEYS": {"a": MINE}}, indent=4), Metadata("a", 1, (digest("mine"),))),
        ('{ "hostname"\r\n:\t"a" , "uuid" : "83679162-1378-4288-a2d4-70e13ec132aa" }', Metadata("a")),
        (dumped(hostname=None, public_keys=None), Metadata()),
        (dumped(hostname="", public_keys={}), Metadata()),
        # a name that is no name is not told
        (dumped(hostname="a b"), Metadata("…")),
        # nor what other keys say
        (dumped(meta={"hostname": "a", "public_keys": {"a": MINE}}, keys=[{"data": MINE}]), Metadata()),
        (dumped(public_keys={"a": MINE, "b": OTHER}), Metadata("", 2, (digest("mine"), digest("other")))),
        (dumped(public_keys={"a": f"{OTHER}\n{MINE}\r\n"}), Metadata("", 1, (digest("other"), digest("mine")))),
        (dumped(public_keys={"a": f"{OTHER} was {MINE}"}), Metadata("", 1, (digest("other"),))),
        (dumped(public_keys={"a": f"# {MINE}"}), Metadata("", 1)),
        (dumped(public_keys={"a": "none", "b": None}), Metadata("", 2)),
        (dumped(public_keys={"a": f"{OTHER} \\n{MINE}"}), Metadata("", 1, (digest("other"),))),
        (
            dumped(public_keys={"é": f"{MINE} é", "joe@example.org": OTHER}),
            Metadata("", 2, (digest("mine"), digest("other"))),
        ),
        (dumped(public_keys={"a": MINE}).replace("/", "\\/"), Metadata("", 1, (digest("mine"),))),
        # what is there twice, as coreos-cloudinit has it: mappings are joined
        (
            f'{{"hostname":"a","public_keys":{{"a":"{MINE}","b":"{OTHER}"}},"hostname":"b","public_keys":{{"a":"x"}}}}',
            Metadata("b", 2, (digest("other"),)),
        ),
        # what coreos-cloudinit does not read either
        ('{"hostname": "a"', Metadata(error=NO_JSON)),
        ('{"hostname": "a" "public_keys": {}}', Metadata(error=NO_JSON)),
        ('{"hostname": "a, "public_keys": {}}', Metadata(error=NO_JSON)),
        (b'\xef\xbb\xbf{"hostname": "a"}', Metadata(error=NO_JSON)),
        (b"\0\xff", Metadata(error=NO_JSON)),
        ("{hostname: a}", Metadata(error=NO_JSON)),
        ("[]", Metadata(error=NO_JSON)),
        (dumped(hostname=1), Metadata(error="'hostname' has a value that is no text")),
        (dumped(public_keys=[MINE]), Metadata(error="'public_keys' has a value that is no mapping of texts")),
        (dumped(public_keys={"a": [MINE]}), Metadata(error="'public_keys' has a value that is no mapping of texts")),
        ("[" * 20000, Metadata(error=NO_JSON)),
        (dumped(a=["x"] * 20000), Metadata(error="it has 100007 bytes, and 65536 are the limit")),
    ],
)
def test_what_is_told_of_it(machine: LookedAt, text: bytes | str, metadata: Metadata) -> None:
    assert seen(machine, text) == metadata
    assert re.sub("(?m)^fence-.*", "", machine.stderr).split() == []


@in_each_shell
def test_none_where_there_is_none(machine: LookedAt) -> None:
    assert seen(machine, None) is None
    (machine.root / "drive/meta_data.json").mkdir()
    assert seen(machine, None) is None
    # another unit reads nothing but user-data
    (machine.root / "drive/meta_data.json").rmdir()
    assert seen(machine, "{}", unit="user-cloudinit@x.service") is None
    assert seen(machine, "{}", unit="user-configvirtfs.service") == Metadata()
    assert seen(machine, "") is None


@in_each_shell
def test_the_content_stays_on_the_host(machine: LookedAt) -> None:
    secret = "S3CRET"
    told = dumped(
        hostname=f"{secret} x",
        admin_pass=secret,
        pin=733733,
        meta={f"{secret} key": secret, "hostname": f"{secret} {secret}"},
        random_seed="AAAA" + "b" * 60 + secret,
        keys=[{"data": f"{MINE} {secret}", "other": f'"{secret}\\'}],
        public_keys={f"{secret} key": f"{MINE} {secret}"},
    )
    for text in (told, f"{told} {secret} '{secret}' 733733.0e1x", told.replace('"', "", 1), f'{told}"{secret}'):
        seen(machine, text)
        assert secret not in machine.stdout + machine.stderr
        assert "733733" not in machine.stdout + machine.stderr
        assert key("mine") not in machine.stdout + machine.stderr


def test_it_is_looked_at_where_something_may_run(machine: LookedAt) -> None:
    machine.lies_at(machine.root / "drive/user_data")
    text = dumped(hostname="a")
    assert seen(machine, text) == Metadata("a")
    machine.has_run(after=1, Id=UNIT)
    assert seen(machine, text) is None
    assert seen(machine, text, given="#cloud-config\nhostname: b\n") == Metadata("a")


def test_a_host_that_is_asked_for_no_config_drive_looks_for_none(machine: LookedAt) -> None:
    machine.source(CLOUD_CONFIG)
    without = machine.asked
    seen(machine, None)
    assert machine.asked == without


@given(st.text())
def test_an_answer_may_be_anything(text: str) -> None:
    parse_metadata(text)


def test_it_is_asked_for_with_the_user_data() -> None:
    metadata = Metadata("drive", 2, ["a", "b", "c"])
    assert with_metadata(Asked(), None) == Asked()
    assert with_metadata(Asked(), Metadata(error="x")) == Asked()
    assert with_metadata(Asked(), metadata) == Asked(hostname="drive", metadata_keys=2)
    # the user-data's own name comes first
    assert with_metadata(Asked(hostname="own"), metadata) == Asked(hostname="own", metadata_keys=2)
