# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user-data is made of, as the look tells it."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Finding
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    LookedAt,
    in_each_shell,
)


@in_each_shell
@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"#cloud-config\n", "cloud-config"),
        (b"#cloud-config \t\r\nhostname: a\r\n", "cloud-config"),
        (b"#cloud-config", "cloud-config"),
        (b"#cloud-config2\n", "other"),
        (b"\n#cloud-config\n", "other"),
        (b"\xef\xbb\xbf#cloud-config\n", "other"),
        (b"#!/bin/sh\nexit\n", "script"),
        (b'\n { "ignition": {} }', "ignition"),
        (b'{ "ignitionVersion" : 1 }', "ignition"),
        (b'{ "other": 1 }', "other"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x7fELF\x00", "binary"),
        (b"#cloud-config\0\n", "binary"),
        (b"hello", "other"),
        (b"", "empty"),
    ],
)
def test_the_first_line_tells_the_form(machine: LookedAt, content: bytes, form: str) -> None:
    assert machine.source(content).form == form


@in_each_shell
def test_what_is_told_of_a_file(machine: LookedAt) -> None:
    content = b"#cloud-config\r\na: $public_ipv4\r\nb: \\$private_ipv4 $private_ipv6$public_ipv6\n\ta: *b\nc: &d e\n"
    source = machine.source(content)
    path = machine.file
    assert source.file
    assert (source.file.size, source.file.type) == (len(content), "regular file")
    assert source.file.mode == f"{path.stat().st_mode & 0o7777:o}"
    assert source.file.modified == int(path.stat().st_mtime)
    assert source.file.changed == pytest.approx(path.stat().st_ctime, abs=1e-5)
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.content
    assert source.content.size == len(content)
    assert source.content.counts == {"crlf": 2, "tabs": 1, "aliases": 1, "bom": 0}
    assert source.content.variables == ["private_ipv6", "public_ipv4", "public_ipv6"]
    assert not source.moving
    assert machine.content(b"\xef\xbb\xbfa").counts["bom"] == 1
    # what grep takes for a binary file
    assert machine.content(b"#cloud-config\na: *b\n\0\nc: *b\n").counts["aliases"] == 2


@in_each_shell
def test_the_content_stays_on_the_host(machine: LookedAt) -> None:
    machine.say(
        "journalctl",
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Command 'useradd --password SECRET SECRET b' failed: x\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: useradd --password *SECRET SECRET\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Authorizing SSH keys for CoreOS user 'b' from 'https://SECRET'\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Failed to parse user-data: cannot decode !!str `SECRET\n"
        "                                              SECRET` as a !!int\n"
        "                                              useradd: user 'b' already exists\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: URL S SECRET does not have a valid HTTP scheme. Skipping.\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Fetching data from ftp://SECRET@example.org/. Attempt #1",
    )
    machine.say(
        "coreos-cloudinit",
        "2026/11/22 08:00:07 line 2: error: Unknown anchor 'SECRET' referenced\n"
        "2026/11/22 08:00:07 line 3: error: cannot decode !!str `SE`CRET` as a !!int\n"
        "2026/11/22 08:00:07 line 4: error: invalid value SECRET\nline of SECRET\n"
        "2026/11/22 08:00:07 line 5: error: Anchor 'SECRET' value contains itself\n"
        '2026/11/22 08:00:07 line 6: error: invalid map key: map[interface {}]interface {}{"SECRET":interface {}(nil)}',
        1,
    )
    source = machine.source(
        b"#cloud-config\npasswd: *SECRET\nfoo: SECRET\nwrite_files:\n- content: |\n    SECRET\n# SECRET\n"
    )
    assert "SECRET" not in machine.stdout + machine.stderr
    content = source.content
    assert content
    assert content.findings == [
        Finding(2, "error", "Unknown anchor '...' referenced"),
        Finding(3, "error", "cannot decode !!str ... as a !!int"),
        Finding(4, "error", "invalid value ..."),
        Finding(5, "error", "Anchor '...' value contains itself"),
        Finding(6, "error", "invalid map key: ..."),
    ]
    assert content.validation == 1
    assert source.run
    assert len(source.run.errors) == 2
    assert source.run.errors[1].endswith("cannot decode !!str ... | useradd: user 'b' already exists")
    assert content.skeleton
    assert content.skeleton.tree == {"passwd": "_alias", "foo": "_text", "write_files": [{"content": "_\n"}]}


@in_each_shell
@pytest.mark.parametrize(
    "text",
    [
        "a: *-x\nb: *x-\nc: *-\nd: *_\n- *9\n",
        "a: [*x,*-y,*z , *w]\nb: [ *x,*y,{*z : *w,q: *v}]\n",
        'a: {"b":*x,?*-y : z,"c":[*z]}\n',
        "*x : 1\n? *y\n: *z\n",
        "a: *x\r\nb: *y\r\n",
        "a: *x\u0085b: *y\u2028c: *z\u2029",
        "a: *x\tb",
        "<<: *x\nb: {<<: *y}\nc: !!map *z\nd: *w # *v\n",
        "a: *x",
    ],
)
def test_no_alias_escapes_its_count(machine: LookedAt, text: str) -> None:
    aliases = 0
    try:
        for token in yaml.scan(text):
            aliases += isinstance(token, yaml.AliasToken)
    except yaml.YAMLError:
        pass  # what follows is never read
    assert aliases
    assert machine.content(f"#cloud-config\n{text}".encode()).counts["aliases"] - text.count("# *") == aliases


@in_each_shell
@pytest.mark.parametrize(
    "line",
    [
        "OnCalendar=*-*-* *:0/10",
        "OnCalendar=Mon *-*-* 03:00:00",
        "*/5 * * * * root /usr/bin/true",
        "PathChanged=/etc/*-x",
        "rm -f -- *.service /run/*-x *-*.tmp \"*\" '*x' ${A%*x} **x",
        "- *",
        "*emphasis* **strong**",
        "[*.example.org]",
        "a=*x",
        "[[ $1 == -*x ]]",
        "a && b",
    ],
)
def test_what_only_looks_like_an_alias_is_none(machine: LookedAt, line: str) -> None:
    text = f"#cloud-config\nwrite_files:\n  - content: |\n      {line}\n"
    assert machine.content(text.encode()).counts["aliases"] == 0


@pytest.mark.parametrize("name", ["a", "-a"])
def test_what_could_make_validation_explode_is_not_validated(machine: LookedAt, name: str) -> None:
    aliases = ", ".join([f"*{name}"] * 3)
    bomb = f"#cloud-config\na: &{name} [x]\n" + "".join(f"b{n}: [{aliases}]\n" for n in range(8))
    content = machine.content(bomb.encode())
    assert content.counts["aliases"] == 24
    assert content.validation is None
    huge = machine.content(b"#cloud-config\n" + b"# x\n" * 300000)
    assert huge.sha256
    assert (huge.form, huge.skeleton, huge.validation) == ("", None, None)
