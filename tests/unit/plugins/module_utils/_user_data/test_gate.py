# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands against applying a user-data; what coreos-cloudinit does with each was seen on a machine."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, asked
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    NO_YAML,
    Skeleton,
    Text,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.gate import (
    MOST,
    Gate,
    conflicts,
    gate,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Finding
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    ALIAS_LIMIT,
    SIZE_LIMIT,
    Access,
    Content,
    Place,
    Source,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import (
    cloud_config,
    seen,
    skeleton,
)

PATH = "/var/lib/coreos-install/user_data"
UNIT = "coreos:\n  units:\n    - name: a.service\n"


def judged(content: Content, *, allow_scripts: bool = False, allow_lockout: bool = False, **told: t.Any) -> Gate:
    return gate(content, seen=seen(**told), name=PATH, allow_scripts=allow_scripts, allow_lockout=allow_lockout)


def blockers(text: str, report: str = "", **told: t.Any) -> list[str]:
    found = judged(cloud_config(text, report, **told))
    assert found.warnings == []
    return [sentence.removeprefix(PATH) for sentence in found.blockers]


def warnings(text: str, report: str = "", **told: t.Any) -> list[str]:
    found = judged(cloud_config(text, report, **told))
    assert found.blockers == []
    return [sentence.removeprefix(PATH) for sentence in found.warnings]


def test_what_is_right_passes_without_a_word() -> None:
    text = f"""hostname: core-01
manage_etc_hosts: localhost
coreos:
  flannel:
    interface: $public_ipv4
  units:
    - name: a.service
      command: start
      enable: true
      content: |
        ; comment
        [Unit]
        After=docker.service \\
          b.service

        [Service]
        ExecStart=/bin/true
        [X-Fleet]
        X-ConditionMachineOf=b.service
        [Install]
        WantedBy=multi-user.target
      drop-ins:
        - name: 10-a.conf
          content: |
            [Service]
            Environment="A=$private_ipv4"
    - name: a@.service
      content: |
        [Service]
        ExecStart=/bin/true
{"    - name: a@1.service"}
      command: start
write_files:
  - path: /etc/a
    permissions: "0644"
    owner: core:core
    encoding: base64
    content: YQ==
  - path: /usr/share/oem/grub.cfg
"""
    assert judged(cloud_config(text)) == Gate([], [])


# --- forms


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("empty", ": it is empty; give a cloud-config, or leave it out."),
        ("gzip", ": it is compressed, and cannot be looked into before it is applied; give it unpacked."),
        (
            "binary",
            ": it is no text: the first line must be '#cloud-config', or begin with '#!' in a script; "
            "look whether it is the right file.",
        ),
        (
            "other",
            ", line 1: the first line must be '#cloud-config', or begin with '#!' in a script, with nothing before "
            "it, and coreos-cloudinit would do nothing else with it; correct that.",
        ),
        (
            "ignition",
            ": it is a config for Ignition, which runs at the first boot only, and coreos-cloudinit would do nothing "
            "with it; give a cloud-config, or install the host anew with it.",
        ),
        ("", ": it could not be looked into; run again."),
        ("else", ": it could not be looked into; run again."),
    ],
)
def test_only_a_cloud_config_or_a_script_can_be_applied(form: str, sentence: str) -> None:
    assert judged(Content(5, "0" * 64, form=form)) == Gate([PATH + sentence], [])


def test_the_validation_s_word_on_the_header_is_not_told_as_well() -> None:
    finding = Finding(1, "error", 'must be "#cloud-config" or begin with "#!"')
    assert len(judged(Content(5, "0" * 64, form="other", findings=[finding])).blockers) == 1


def test_a_byte_order_mark_hides_the_header() -> None:
    assert judged(Content(5, "0" * 64, form="other", counts={"bom": 1})).blockers == [
        f"{PATH}, line 1: it begins with a byte order mark, behind which coreos-cloudinit does not see the header; "
        "save it as UTF-8 without one."
    ]


def test_what_is_too_large_is_not_looked_into() -> None:
    assert judged(Content(SIZE_LIMIT, "0" * 64)).blockers == [
        f"{PATH}: it has 1048576 bytes, and 1048576 is the limit; put files elsewhere."
    ]
    assert judged(cloud_config("hostname: a\n", size=SIZE_LIMIT - 1)) == Gate([], [])


def test_what_its_aliases_stand_for_may_be_endless() -> None:
    counts = {"aliases": ALIAS_LIMIT + 1}
    assert judged(cloud_config("hostname: *a\n", counts=counts)) == Gate(
        [f"{PATH}: it has 21 aliases, each of which may stand for many more; write them out, 20 are the limit."], []
    )
    few = judged(cloud_config("hostname: *a\n", counts={"aliases": ALIAS_LIMIT}))
    assert few == Gate([], [f"{PATH}, line 2: 'hostname' is an alias, and is not checked; check it yourself."])


def test_a_script_needs_a_word_of_the_operator() -> None:
    script = Content(5, "0" * 64, form="script")
    assert judged(script).blockers == [
        f"{PATH}, line 1: it is a script, which would run as root without any check; read it, then allow it with "
        "'allow_scripts: true'."
    ]
    assert judged(script, allow_scripts=True) == Gate([], [])
    assert judged(script, allow_lockout=True).blockers


def test_bash_takes_windows_line_ends_for_text() -> None:
    found = judged(Content(5, "0" * 64, form="script", counts={"crlf": 2}), allow_scripts=True)
    assert found.blockers == []
    assert "bash takes that end for a part of the last word" in found.warnings[0]


def test_windows_line_ends_of_a_cloud_config_are_lost() -> None:
    assert warnings("hostname: a\n", counts={"crlf": 2}) == [
        ": it has lines that end as on Windows, which coreos-cloudinit takes for plain ones; save it with these."
    ]


# --- YAML


@pytest.mark.parametrize(
    ("line", "text", "told"),
    [
        # its parser counts from 0
        (2, "found character that cannot start any token", ", line 3: coreos-cloudinit cannot read it as YAML"),
        (1, "mapping values are not allowed in this context", ", line 2: coreos-cloudinit cannot read it as YAML"),
        # and says 1 where it does not know
        (1, "control characters are not allowed", ": coreos-cloudinit cannot read it as YAML"),
    ],
)
def test_what_the_host_cannot_read_blocks_in_its_own_words(line: int, text: str, told: str) -> None:
    report = f'line {line}: error: {text}\nline 0: warning: incorrect type for "" (want struct)\n'
    [sentence] = blockers("hostname: a\nfoo: b\n- c\n", report)
    assert sentence == f"{told} and would apply nothing of it: {text}; correct it."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Unknown anchor 'hunter2' referenced", "Unknown anchor '…' referenced"),
        ('invalid map key: []interface {}{"hunter2"}', "invalid map key"),
        ("invalid map key: hunter2", "invalid map key"),
        ("cannot decode !!str `hunter2` as a !!int", "cannot decode !!str '…' as a !!int"),
        ("did not find expected ',' or ']'", "did not find expected ',' or ']'"),
    ],
)
def test_a_value_that_the_host_cites_is_not_told(said: str, told: str) -> None:
    [sentence] = blockers("hostname: a\n", f"line 4: error: {said}\n")
    assert sentence.endswith(f": {told}; correct it.")


def test_a_host_without_validation_leaves_it_to_us() -> None:
    found = judged(replace(cloud_config("", validation=2), skeleton=Skeleton(error="it is nested too deeply")))
    assert found.blockers == [f"{PATH}: it cannot be read as YAML: it is nested too deeply; correct it."]
    assert found.warnings == [
        f"{PATH}: the host's coreos-cloudinit is older than its validation, it was checked here alone; "
        "look at it yourself."
    ]


def test_a_structure_that_is_missing_blocks() -> None:
    found = judged(replace(cloud_config("hostname: a\n"), skeleton=None))
    assert found.blockers == [f"{PATH}: its structure could not be read from the host; run again."]


@pytest.mark.parametrize(
    ("validation", "level", "words"),
    [
        (None, "warnings", "the host's own validation did not run"),
        (1, "warnings", "the host's own validation failed without a word"),
        (127, "warnings", "the host's own validation failed without a word"),
        (124, "blockers", "the host's own validation of it did not end in time"),
        (137, "blockers", "the host's own validation of it did not end in time"),
    ],
)
def test_a_validation_that_did_not_do_its_work_is_told(validation: int | None, level: str, words: str) -> None:
    found = judged(cloud_config("hostname: a\n", validation=validation))
    assert len(found.blockers) + len(found.warnings) == 1
    [sentence] = getattr(found, level)
    assert words in sentence


def test_a_tab_where_no_validation_tells() -> None:
    text = "coreos:\n\tunits: []\n"
    found = judged(cloud_config(text, validation=2, counts={"tabs": 1}))
    assert found.blockers == [
        f"{PATH}, line 3: there is a tab at the beginning of a line, from where on YAML cannot be read; "
        "indent with blanks."
    ]
    inside = judged(
        cloud_config("write_files:\n- path: /x\n  content: |\n    a\n    \tb\n", validation=2, counts={"tabs": 1})
    )
    assert inside.blockers == []
    assert inside.warnings[1].endswith(": there are lines that begin with a tab; indent with blanks.")
    # where it was validated, a tab does no harm
    assert warnings("hostname: a\n", counts={"tabs": 1}) == []


def test_what_could_not_be_read_is_told_with_its_place() -> None:
    unread = (
        "from here on it could not be read, and may lock you out; write it one key and one item to a line, or allow it "
        "with 'allow_lockout: true'."
    )
    assert blockers("hostname: a\n? b\n: c\n") == [f", line 3: {unread}"]
    assert blockers("? b\n: c\n") == [f", line 2: {unread}"]
    assert warnings("<<: {hostname: a}\n") == [
        ", line 2: '<<' is written in brackets, and is not checked; check it yourself."
    ]
    assert warnings("coreos: {units: [{name: a}]}\nusers:\n- groups: [sudo]\n") == [
        ", line 2: 'coreos' is written in brackets, and is not checked; check it yourself."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "write_files:\n  - ? path\n    : /etc/a\n",
        "write_files:\n  - path: /etc/a\n    permissions: '0600'\n    ? content\n    : a\n",
        "write_files:\n  - content: a\n    ? path\n    : /etc/a\n",
        "write_files:\n  -\n    ? path\n    : /etc/a\n",
        "write_files:\n  # a\n  ? path\n",
        "coreos:\n  units:\n    - command: start\n      ? name\n      : a.service\n",
        "coreos:\n  units:\n    - name: a@.service\n      ? command\n      : stop\n",
        f"{UNIT}      enable: true\n      content: |\n        [Service]\n        A=b\n      drop-ins:\n        ? a\n",
    ],
)
def test_what_may_still_come_is_not_missed(text: str) -> None:
    """Of an item that is cut off nothing is said but that."""
    found = judged(cloud_config(text))
    assert found.warnings == []
    [sentence] = found.blockers
    assert "from here on it could not be read" in sentence
    merged = cloud_config("x: &x\n  path: /etc/a\n  name: a.service\nwrite_files:\n  - <<: *x\n    content: a\n")
    assert "has no path" not in "".join(judged(merged).blockers)


@pytest.mark.parametrize(
    "text",
    [
        "coreos:\n  units:\n    - name: a.service\t# ours\n      command: start\t# at each boot\n      enable:\ttrue\n",
        "write_files:\n  - path:\t/etc/a\n    permissions: '0600'\t# secret\n    encoding: b64\t\n    content: aGk=\n",
        "coreos:\n  update:\n    reboot-strategy: reboot\t# x\nmanage_etc_hosts: localhost\t\n",
        "write_files:\n  - path:\n      /etc/a\n    content:\n      |\n      hi\n    permissions:\n      '0600'\n",
        "coreos:\n  units:\n    - name:\n        a.service\n      command: # now\n        start\n",
        "hostname: a\n...\n",
    ],
)
def test_tabs_and_values_on_lines_of_their_own_are_yaml(text: str) -> None:
    assert judged(cloud_config(text)) == Gate([], [])


def test_a_key_that_is_there_twice_blocks() -> None:
    sentence = (
        "'{}' is there again in the same mapping, where coreos-cloudinit joins some and drops others; make one of them."
    )
    assert blockers("hostname: a\nhostname: b\n") == [", line 3: " + sentence.format("hostname")]
    # in both spellings, deep inside
    text = UNIT + "      drop-ins:\n      - name: a.conf\n      drop_ins:\n      - name: b.conf\n"
    assert blockers(text) == [", line 7: " + sentence.format("drop_ins")]
    # these may be two different keys
    assert not judged(cloud_config("/a: 1\n/b: 2\n")).blockers


def test_a_second_document_goes_unread() -> None:
    assert blockers("---\nhostname: a\n---\nhostname: b\n") == [
        ", line 4: a second document begins here, and coreos-cloudinit reads the first one only; make one of them."
    ]
    assert warnings("# comment\n\n---\nhostname: a\n") == []


@pytest.mark.parametrize("text", ["- a\n- b\n", "- hostname: a\n", "hostname=a\n", "a b\nc\n"])
def test_what_has_no_keys_does_nothing(text: str) -> None:
    assert blockers(text) == [
        ", line 1: it has no keys at its top level, so that coreos-cloudinit would do nothing; give it keys."
    ]


@pytest.mark.parametrize("text", ["", "# hostname: a\n", "{}\n"])
def test_what_asks_for_nothing_is_told(text: str) -> None:
    content = replace(cloud_config(""), skeleton=Skeleton(tree={})) if text == "{}\n" else cloud_config(text)
    assert judged(content) == Gate(
        [], [f"{PATH}: it asks for nothing; if that is not what you want, check its indentation."]
    )


# --- the host's own findings


def test_its_errors_block_and_all_else_does_not() -> None:
    report = """line 3: warning: deprecated key "fleet" (fleet is no longer shipped in Container Linux)
line 4: info: something new
line 5: error: something newer
"""
    found = judged(cloud_config("coreos:\n  fleet:\n    public-ip: a\n", report))
    assert found.blockers == [
        f"{PATH}, line 6: coreos-cloudinit cannot read it as YAML and would apply nothing of it: something newer; "
        "correct it."
    ]
    found = judged(cloud_config("coreos:\n  fleet:\n    public-ip: a\n", report.replace("error", "info")))
    assert found == Gate(
        [],
        [
            f"{PATH}, line 3: 'fleet' is deprecated: fleet is no longer shipped in Container Linux; plan without it.",
            f"{PATH}, line 4: the host's own validation says: something new; look at it.",
            f"{PATH}, line 5: the host's own validation says: something newer; look at it.",
        ],
    )


@pytest.mark.parametrize(
    ("text", "finding", "level", "sentence"),
    [
        # what the host says alone
        (
            "coreos:\n  locksmith:\n    group: a\n",
            'line 3: warning: unrecognized key "locksmith"',
            "warnings",
            ", line 3: the host's coreos-cloudinit knows no key 'locksmith' here and passes over it; leave it out.",
        ),
        (
            "hostname: a\n",
            'line 4: warning: unrecognized key "hunter2 is my password"',
            "warnings",
            ", line 4: there is a key here that coreos-cloudinit does not know, and it passes over it; leave it out.",
        ),
        (
            UNIT + "      enable: perhaps\n",
            'line 5: warning: incorrect type for "enable" (want bool)',
            "warnings",
            ", line 5: the value of 'enable' is not true or false, and coreos-cloudinit passes over it; correct it.",
        ),
        (
            "coreos:\n  update:\n    reboot-strategy: best-effort\n",
            "line 4: error: invalid value best-effort",
            "blockers",
            ", line 4: the value of 'reboot-strategy' is none that the host's coreos-cloudinit takes; correct it.",
        ),
        (
            "hostname: a\n",
            "line 9: error: invalid value hunter2",
            "blockers",
            ", line 9: the value is none that the host's coreos-cloudinit takes; correct it.",
        ),
        (
            "write_files:\n  - path: /usrlocal/a\n",
            "line 3: error: file cannot be written to a read-only filesystem",
            "blockers",
            ", line 3: this file is in a part of the operating system that cannot be written to; "
            "write below /etc or /opt.",
        ),
        (
            "write_files:\n  - path: /a\n    encoding: base64\n    content: '*'\n",
            'line 5: error: content cannot be decoded as "base64"',
            "blockers",
            ", line 5: this content is not in the encoding that is given for it, and nothing would be applied; "
            "correct it.",
        ),
        (
            "hostname: a\n",
            "line 3: info: write_files doesn't belong under coreos",
            "warnings",
            ", line 3: 'write_files' does not belong into 'coreos'; move it out.",
        ),
        (
            "coreos:\n  etcd:\n    discovery: a\n",
            "line 4: warning: discovery URL is not valid",
            "warnings",
            ", line 4: the host's own validation says: discovery URL is not valid; look at it.",
        ),
        # what both say
        (
            "write_files:\n  - path: /etc/../usr/a\n",
            "line 3: error: file cannot be written to a read-only filesystem",
            "blockers",
            ", line 3: '/etc/../usr/a' is in a part of the operating system that cannot be written to; "
            "write below /etc or /opt.",
        ),
        (
            "write_files:\n  - path: /a\n    permissions: 0o644\n",
            "line 4: error: invalid value 0o644",
            "blockers",
            ", line 4: these permissions are no octal number, and the run would stop there; give such as '0644'.",
        ),
        (
            "write_files:\n  - path: /a\n    encoding: utf8\n    content: a\n",
            'line 5: error: content cannot be decoded as "utf8"\nline 4: error: invalid value utf8',
            "blockers",
            ", line 4: 'utf8' is nothing that coreos-cloudinit takes for 'encoding', and the run would fail; give "
            "'base64', 'b64', 'gz', 'gzip', 'gz+base64', 'gzip+base64', 'gz+b64' or 'gzip+b64'.",
        ),
        (
            "hostname: a\nfoo-bar: b\n",
            'line 3: warning: unrecognized key "foo_bar"',
            "warnings",
            ", line 3: coreos-cloudinit knows no key 'foo-bar' at the top level and passes over it; leave it out.",
        ),
        (
            "hostname: a\n/foo: b\n",
            'line 3: warning: unrecognized key "/foo"',
            "warnings",
            ", line 3: there is a key at the top level that coreos-cloudinit cannot know, and it passes over it; "
            "leave it out.",
        ),
        (
            "coreos:\n  write_files: []\n",
            "line 3: info: write_files doesn't belong under coreos\n"
            + 'line 3: warning: unrecognized key "write_files"',
            "warnings",
            ", line 3: coreos-cloudinit knows no key 'write_files' in 'coreos' and passes over it; "
            "it belongs at the top level, without indentation.",
        ),
        (
            "coreos: a\n",
            'line 2: warning: incorrect type for "coreos" (want struct)',
            "warnings",
            ", line 2: 'coreos' must be a mapping, and coreos-cloudinit passes over what it is; write it so.",
        ),
        (
            "write_files: {path: /a}\n",
            'line 2: warning: incorrect type for "write_files" (want []struct)',
            "warnings",
            ", line 2: the value of 'write_files' is not a list of mappings, and coreos-cloudinit passes over it; "
            "correct it.",
        ),
    ],
)
def test_each_finding_is_told_once(text: str, finding: str, level: str, sentence: str) -> None:
    found = judged(cloud_config(text, finding + "\n"))
    assert len(found.blockers) + len(found.warnings) == 1
    assert getattr(found, level) == [PATH + sentence]


def test_what_is_an_error_for_the_host_blocks_in_our_words() -> None:
    assert blockers("foo: b\n", 'line 2: error: unrecognized key "foo"\n') == [
        ", line 2: coreos-cloudinit knows no key 'foo' at the top level and passes over it; leave it out."
    ]


# --- variables


def test_an_address_that_the_host_does_not_know_blocks() -> None:
    text = "coreos:\n  fleet:\n    public-ip: $public_ipv4\n"
    [sentence] = judged(cloud_config(text), addresses=["COREOS_PRIVATE_IPV4"]).blockers
    assert sentence == (
        f"{PATH}, line 4: it uses $public_ipv4, and nothing would be put in for it, for the host does not know it; "
        "set COREOS_PUBLIC_IPV4 in /etc/environment (restart coreos-setup-environment.service), "
        "or write the address out."
    )
    both = text + "hostname: $private_ipv4\n"
    # which of them is in which line is not told
    assert (
        judged(cloud_config(both), addresses=["COREOS_PRIVATE_IPV4"]).blockers[0].startswith(f"{PATH}: it uses $public")
    )
    assert "$private_ipv4, $public_ipv4" in judged(cloud_config(both), addresses=[]).blockers[0]
    script = Content(5, "0" * 64, form="script", variables=["public_ipv6"])
    assert "COREOS_PUBLIC_IPV6" in judged(script, allow_scripts=True).blockers[0]


def test_the_oem_s_unit_reads_no_addresses() -> None:
    content = cloud_config("hostname: $public_ipv4\n")
    oem = Place("oem", PATH, "system-cloudinit@x.service")
    user = Place("install", PATH, "user-cloudinit@x.service")
    # its own content, or what is given for it
    for sources in ([Source(user), Source(oem, content=content)], [Source(oem)]):
        assert judged(content, sources=sources).blockers == [
            f"{PATH}, line 2: it uses $public_ipv4, and nothing would be put in for it, for its unit reads no "
            "addresses; write them out."
        ]
    assert judged(content, sources=[Source(oem), Source(user, content=content)]) == Gate([], [])
    assert judged(content, sources=[Source(oem), Source(user)]) == Gate([], [])


# --- units


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("ExecStart=/bin/true\n        [Service]", 6, "'a.service' has text before its first section, such as [Unit]"),
        ("# a\n        U2VjcmV0", 7, "'a.service' has text before its first section, such as [Unit]"),
        ("[Service]\n        nonsense", 7, "'a.service' has a line here that is no assignment"),
        ("[Unit]\n        [Srevice]\n        A=b", 7, "'a.service' has a section here that systemd does not know"),
        ("\n        [Unit]\n        =b", 8, "'a.service' has a line here that is no assignment"),
    ],
)
def test_text_that_is_no_unit_s_blocks(content: str, line: int, words: str) -> None:
    text = f"{UNIT}      content: |\n        {content}\n"
    [sentence] = blockers(text)
    assert sentence.startswith(f", line {line}: {words}")


def test_what_systemd_passes_over_in_a_unit_is_no_blocker() -> None:
    """It takes the blanks from a line, and warns of a key that it does not know."""
    lines = ["\t[Service]", "\tExecStart\t=/bin/true", "X-Mine=a", "execStart=b"]
    found = judged(cloud_config(f"{UNIT}      content: |\n{''.join(f'        {line}' + chr(10) for line in lines)}"))
    assert found.blockers == []
    assert found.warnings == [
        f"{PATH}, line 9: 'a.service' has a key here that is none of systemd's, which passes over it; correct it, or "
        "make it a comment."
    ]


def test_the_text_of_a_drop_in_is_looked_at_as_well() -> None:
    text = UNIT + "      drop-ins:\n        - name: 10-a.conf\n          content: |\n            After=b.service\n"
    [sentence] = blockers(text)
    assert sentence.startswith(", line 8: the drop-in '10-a.conf' of 'a.service' has text before its first section")


def test_sections_of_networkd_and_of_others_are_let_be() -> None:
    text = "[WireGuard]\n        PrivateKey=a\n"
    [sentence] = blockers(f"{UNIT}      content: |\n        {text}")
    assert ", line 6: " in sentence
    network = f"{UNIT}      content: |\n        {text}".replace("a.service", "a.netdev")
    assert not judged(cloud_config(network)).blockers
    assert blockers(f"{UNIT}      content: |\n        [X-Mine]\n        any text\n") == []


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("docker", "command: start", "is no name that systemd would have a unit of, and the run would stop there"),
        ("docker", "enable: true", "is no name that systemd would have a unit of, and the run would stop there"),
        ("docker", "runtime: true", "is no name that systemd would have a unit of, so that nothing comes of it"),
        ("a.servce", "command: start", "is no name that systemd would have a unit of, and the run would stop there"),
    ],
)
def test_a_name_that_systemd_refuses_blocks(name: str, more: str, words: str) -> None:
    [sentence] = blockers(f"coreos:\n  units:\n    - {more}\n      name: {name}\n")
    assert sentence == f", line 5: '{name}' {words}; give the whole name, such as 'docker.service'."


@pytest.mark.parametrize("name", ["a.network", "a.netdev", "a.link"])
def test_units_of_networkd_have_names_of_their_own(name: str) -> None:
    assert not judged(cloud_config(f"coreos:\n  units:\n    - name: {name}\n")).blockers


def test_a_template_cannot_be_called() -> None:
    text = "coreos:\n  units:\n    - name: a@.service\n      command: restart\n"
    assert blockers(text) == [
        ", line 5: 'a@.service' is a template, which systemd cannot restart, and the run would stop there; "
        "name an instance of it."
    ]


def test_a_command_that_is_none_blocks() -> None:
    [sentence] = blockers(f"{UNIT}      command: launch\n", "line 5: error: invalid value launch\n")
    assert sentence.startswith(", line 5: 'launch' is nothing that coreos-cloudinit takes for 'command'")
    assert blockers(f"{UNIT}      command: launch\n") == [sentence]


def test_a_masked_unit_cannot_be_started() -> None:
    [sentence] = blockers(f"{UNIT}      mask: true\n      command: start\n")
    assert sentence == (
        ", line 6: 'a.service' is to be masked and then to start, which systemd refuses, and the run would stop there; "
        "leave one of them out."
    )
    for word in ("yes", "on", "y", "True"):
        assert blockers(f"{UNIT}      mask: {word}\n      command: start\n") == [sentence]
    assert blockers(f"{UNIT}      mask: true\n      command: stop\n") == []
    assert blockers(f"{UNIT}      mask: false\n      command: start\n") == []


def test_a_masked_unit_cannot_be_enabled() -> None:
    text = f"{UNIT}      enable: true\n      mask: true\n"
    [sentence] = blockers(text)
    assert sentence.startswith(", line 5: 'a.service' is to be masked and then to be enabled, which systemd refuses")
    assert len(blockers(f"{text}      command: start\n")) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "coreos:\n  units:\n    - command: start\n",
            ", line 4: this unit has no name, and coreos-cloudinit skips it; give it one.",
        ),
        (
            "coreos:\n  units:\n    - name: a b\n",
            ", line 4: the name of this unit could not be read; check it yourself.",
        ),
        (
            UNIT + "      enable: true\n      content: |\n        [Service]\n        ExecStart=/bin/true\n",
            ", line 5: 'a.service' is to be enabled and has no [Install] section, so that nothing comes of it; "
            "add one, such as with WantedBy=multi-user.target.",
        ),
        (
            UNIT + "      drop-ins:\n        - name: a\n",
            ", line 6: the drop-in 'a' of 'a.service' does not end in '.conf', so that systemd passes over it; "
            "name it 'a.conf'.",
        ),
        (
            UNIT + "      drop-ins:\n        - content: a\n",
            ", line 6: this drop-in of 'a.service' has no name, and coreos-cloudinit skips it; "
            "give it one, such as '10-ours.conf'.",
        ),
        (
            "write_files:\n  - path: $private_ipv4\n",
            ", line 3: the path of this file could not be read; check it yourself.",
        ),
    ],
)
def test_what_comes_to_nothing_is_told(text: str, sentence: str) -> None:
    assert warnings(text) == [sentence]


def test_an_install_section_may_be_in_a_drop_in_or_out_of_sight() -> None:
    enabled = UNIT + "      enable: true\n"
    install = (
        "      drop-ins:\n        - name: 10-a.conf\n          content: |\n            [Install]\n            A=b\n"
    )
    assert warnings(enabled + "      content: |\n        [Service]\n        A=b\n" + install) == []
    assert warnings(enabled) == []
    assert warnings(enabled + "      content: 'a'\n") == []


# --- files


def test_a_file_without_a_path_stops_the_run() -> None:
    assert blockers("write_files:\n  - content: a\n") == [
        ", line 3: this file has no path, and the run would stop there; give it one."
    ]


def test_a_file_that_is_an_empty_item_stops_the_run() -> None:
    """Which coreos-cloudinit takes for one at `/`; its validation calls it no more than passed over."""
    finding = 'line 3: warning: incorrect type for "write_files[0]" (want struct)\n'
    found = judged(cloud_config("write_files:\n  - # path: /a\n  - path: /b\n", finding))
    text = "this item of 'write_files' is empty, and the run would stop there; leave it out."
    assert found == Gate([f"{PATH}, line 3: {text}"], [])


@pytest.mark.parametrize(
    "path", ["/usr/a", "/usr/lib/../a", "//usr//a", "/lib/a", "/bin/a", "/sbin/a", "/lib64/a", "/lib32/a"]
)
def test_what_cannot_be_written_to_blocks(path: str) -> None:
    for validation in (0, 2):
        found = judged(cloud_config(f"write_files:\n  - path: {path}\n", validation=validation))
        assert found.blockers == [
            f"{PATH}, line 3: '{path}' is in a part of the operating system that cannot be written to; "
            "write below /etc or /opt."
        ]


@pytest.mark.parametrize("path", ["/usr/share/oem/a", "/usrlocal/a", "/etc/usr/a", "/opt/bin/a"])
def test_what_can_be_written_to_does_not(path: str) -> None:
    assert blockers(f"write_files:\n  - path: {path}\n") == []


@pytest.mark.parametrize("mode", ["0o644", "888", "rw"])
def test_permissions_are_octal(mode: str) -> None:
    assert blockers(f"write_files:\n  - path: /a\n    permissions: {mode}\n") == [
        ", line 4: these permissions are no octal number, and the run would stop there; give such as '0644'."
    ]


# --- as a whole


def test_what_is_to_be_said_is_ordered_and_limited() -> None:
    text = "coreos:\n  units:\n" + "    - command: a\n      name: a\n" * 30
    found = judged(cloud_config(text))
    assert len(found.blockers) == MOST + 1
    assert found.blockers[MOST] == f"{PATH}: there are 20 more of these; correct those above first."
    lines = [int(sentence.split("line ")[1].split(":")[0]) for sentence in found.blockers[:MOST]]
    assert lines == sorted(lines)


def test_as_many_as_are_told_at_most_are_all_there_are() -> None:
    text = "coreos:\n  units:\n" + "    - command: a\n      name: a\n" * (MOST // 2)
    assert len(judged(cloud_config(text)).blockers) == MOST


def test_the_name_is_called_as_it_is_given() -> None:
    found = gate(
        Content(0, "0" * 64, form="empty"),
        seen=seen(),
        name="the given user-data\x1b",
        allow_scripts=True,
        allow_lockout=True,
    )
    assert found.blockers == ["The given user-data\ufffd: it is empty; give a cloud-config, or leave it out."]


_KEYS = st.sampled_from(
    re.findall(
        r"\S+",
        "coreos units name command content drop-ins drop_ins enable mask users passwd ssh_authorized_keys write_files "
        "path permissions encoding manage_etc_hosts _",
    )
)
_SCALARS = (
    st.none()
    | st.sampled_from(
        re.findall(
            r"\S+",
            "_text _flow _alias _number _address _ssh_key true start core sshd.socket a@.service x.network /etc/passwd "
            "/home/core/.ssh/authorized_keys /usr/a 0644",
        )
    )
    | st.sampled_from(["", "_\n", "[Unit]\n_\n", "[_]\n", "\n\n"])
    | st.text(max_size=6)
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)
_NUMBERS = st.integers(-1, 10**10)
_PLACES = st.sampled_from(["coreos", "coreos.units.0.content", "users.0.ssh_authorized_keys", "write_files.0", ""])
_SKELETONS = st.none() | st.builds(
    Skeleton,
    tree=_TREES,
    lines=st.dictionaries(_PLACES, _NUMBERS),
    texts=st.dictionaries(_PLACES, st.builds(Text, _NUMBERS, _NUMBERS, _NUMBERS, block=st.booleans())),
    repeated=st.lists(_PLACES, max_size=2),
    unread=_NUMBERS,
    second=_NUMBERS,
    error=st.sampled_from(["", "", "", "broken"]),
)
_FINDINGS = st.builds(
    Finding,
    st.integers(0, 99),
    st.sampled_from(["error", "warning", "info"]),
    st.text(max_size=8)
    | st.sampled_from(
        [
            'unrecognized key "hunter2 is mine"',
            'incorrect type for "hunter2 is mine" (want bool)',
            "invalid value hunter2",
            "invalid map key: hunter2",
            'what is "mine \\" hunter2 \\""',
        ]
    ),
)


@given(
    content=st.builds(
        Content,
        size=st.integers(0, 2 * SIZE_LIMIT),
        sha256=st.text(max_size=4),
        form=st.sampled_from(["cloud-config"] * 5 + ["script", "other", "?"]),
        counts=st.dictionaries(st.sampled_from(["crlf", "tabs", "aliases", "bom"]), st.integers(0, 30)),
        variables=st.lists(st.sampled_from(["public_ipv4", "\x1b"]), max_size=2),
        skeleton=_SKELETONS,
        validation=st.none() | st.sampled_from([0, 1, 2, 124, 99]),
        findings=st.lists(_FINDINGS, max_size=4),
        keys=st.lists(st.tuples(_NUMBERS, st.sampled_from("ab")), max_size=3),
    ),
    access=st.builds(
        Access,
        st.sampled_from(["core", "root", "", "\x1b"]),
        st.dictionaries(
            st.sampled_from(["/a/authorized_keys.d/coreos-cloudinit", "x", ""]), st.lists(st.sampled_from("ab"))
        ),
    ),
    allow=st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_whatever_a_host_answers_there_is_a_sentence_or_none(content: Content, access: Access, allow: bool) -> None:
    found = gate(content, seen=seen(access=access), name="x", allow_scripts=allow, allow_lockout=allow)
    sentences = [*found.blockers, *found.warnings]
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence.startswith("X")
        assert sentence.endswith((".", "?"))
        assert "hunter2" not in sentence
        assert "\x1b" not in sentence
        assert "\n" not in sentence


@given(st.text(), st.text())
@settings(deadline=None)
def test_a_host_s_own_text_may_be_anything(told: str, text: str) -> None:
    content = replace(cloud_config(""), skeleton=parse_skeleton(told), findings=[Finding(1, "error", text)])
    judged(content)


# --- several sources


def _asked(**texts: str) -> dict[str, Asked]:
    return {f"/{name}": asked(skeleton(text)) for name, text in texts.items()}


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("hostname: a\n", "hostname: b\n", "The hostname"),
        (f"{UNIT}      command: start\n", f"{UNIT}      command: stop\n", "The command for a.service"),
        (f"{UNIT}      mask: true\n", f"{UNIT}      enable: true\n", "Whether a.service is masked"),
        (f"{UNIT}      mask: true\n", f"{UNIT}      command: start\n", "Whether a.service is masked"),
        (
            f"{UNIT}      content: |\n        [Unit]\n",
            f"{UNIT}      content: |\n        [Unit]\n",
            "The unit file of a.service",
        ),
        (
            f"{UNIT}      drop-ins:\n      - name: a.conf\n        content: a\n",
            f"{UNIT}      drop_ins:\n      - name: a.conf\n        content: a\n",
            "The drop-in a.service.d/a.conf",
        ),
        ("write_files:\n- path: /etc/a\n", "write-files:\n- path: //etc/a\n", "The file /etc/a"),
        ("coreos:\n  etcd2:\n    name: a\n", "coreos:\n  etcd2:\n    proxy: readonly\n", "The section 'coreos.etcd2'"),
        ("manage_etc_hosts: localhost\n", "manage_etc_hosts: localhost\n", "/etc/hosts"),
        ("ssh_authorized_keys:\n- a\n", "ssh_authorized_keys:\n- b\n", "The set of SSH keys of core"),
    ],
)
def test_sources_that_ask_for_one_thing_differently_are_named(one: str, other: str, what: str) -> None:
    assert conflicts(_asked(one=one, other=other)) == [
        f"{what} is set by /one and /other, and whichever runs last decides; leave it in one of them."
    ]
    assert conflicts(_asked(one=one)) == []


def test_keys_of_several_users_are_several_sets() -> None:
    joe = "users:\n- name: joe\n  ssh_authorized_keys:\n  - a\n"
    assert conflicts(_asked(one="ssh_authorized_keys:\n- a\n", other=joe)) == []
    assert "The set of SSH keys of joe is set by" in conflicts(_asked(one=joe, other=joe))[0]


def test_keys_of_a_config_drive_are_the_set_of_core() -> None:
    found = {**_asked(one="ssh_authorized_keys:\n- a\n"), "/drive": Asked(metadata_keys=1)}
    assert conflicts(found)[0].startswith("The set of SSH keys of core is set by /one and /drive, ")
    assert conflicts({"/drive": Asked(metadata_keys=1)}) == []


def test_a_python_that_cannot_read_yaml_is_told() -> None:
    content = replace(cloud_config("hostname: a\n"), skeleton=Skeleton(error=NO_YAML))
    [sentence] = judged(content).blockers
    assert sentence.endswith("has no PyYAML; install that, or run the task without 'async'.")


def test_sources_that_agree_or_add_to_each_other_are_let_be() -> None:
    one = f"hostname: a\n{UNIT}      command: start\n      enable: true\nwrite_files:\n- path: /a\n"
    other = f"hostname: a\n{UNIT}      command: start\nwrite_files:\n- path: /b\n"
    drop_in = f"{UNIT}      drop-ins:\n      - name: a.conf\n        content: a\n"
    assert conflicts(_asked(one=one, other=other, third=drop_in)) == []
