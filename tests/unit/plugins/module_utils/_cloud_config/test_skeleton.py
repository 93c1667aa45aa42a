# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leaves a host of a user-data: its structure, and nothing that could be a secret."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import Node, root
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    LIMIT,
    SKELETON_SED,
    Skeleton,
    parse_skeleton,
)

USER_DATA = Path(__file__).parents[4] / "machine/user-data"


def wiped(text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    done = subprocess.run(
        ["/bin/sed", "-e", SKELETON_SED],
        input=content,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C"},
        timeout=20,
    )
    assert not done.stderr
    return done.stdout.decode("utf-8", "surrogateescape")


def skeleton(text: str) -> Skeleton:
    return parse_skeleton(wiped("#cloud-config\n" + text))


def shape(value: t.Any) -> t.Any:
    """Keys and lengths, without scalars; a key that is no word is told as one all the same."""
    if isinstance(value, dict):
        return {key if re.fullmatch(r"[\w-]+|<<", key) else "_": shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


@pytest.mark.parametrize("path", sorted(USER_DATA.glob("*.yml")), ids=lambda path: path.stem)
def test_the_machine_s_user_data_keeps_its_structure(path: Path) -> None:
    text = path.read_text()
    told = wiped(text)
    assert told.count("\n") == text.count("\n")
    found = parse_skeleton(told)
    assert not found.unread
    assert not found.error
    assert shape(found.tree) == shape(yaml.safe_load(text))


def test_units_keep_what_tells_of_their_form() -> None:
    found = skeleton(
        """coreos:
  units:
  - name: "app.service"     # ours
    enable: yes
    content: |-
      # Tells
      no section=1
      [Unit]
      Description = secret one
      After=
      \tWants\t= secret
      nothing
      wants=secret two
      X-Mine=secret

      [Service]
      ExecStart=/usr/bin/docker run \\
        -e Password=secret \\
        Secret=two
      [Secret "three"]
      Key=four
    command: 'start'
"""
    )
    assert isinstance(found.tree, dict)
    unit = found.tree["coreos"]["units"][0]
    assert unit == {
        "name": "app.service",
        "enable": "yes",
        "command": "start",
        "content": "#\n_\n[Unit]\nDescription=_\nAfter=\nWants=_\n_\n_=_\nX-_=_\n\n"
        "[Service]\nExecStart=_\n_more\n_more\n[_]\n_\n",
    }
    assert found.lines["coreos.units.0.command"] == 23


# The rows of a key that are told by their form, and values that only look as if they were of one.
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("name: docker.service", {"name": "docker.service"}),
        (r"name: user-cloudinit@a\x2db.service", {"name": r"user-cloudinit@a\x2db.service"}),
        (r'name: "a\x2db"', {"name": "_text"}),
        ("name: a b", {"name": "_text"}),
        ("name: 'it''s'", {"name": "_text"}),
        ("name: a#b # c", {"name": "_text"}),
        (r'name: "a\\x2d"', {"name": r"a\x2d"}),
        ("name:\ta\t", {"name": "a"}),
        ('name : "a"\t# b', {"name": "a"}),
        ("name: a\n  b", {"name": "_text"}),
        ("name:\n  a # b", {"name": "a"}),
        ("name: # b\n  'a'", {"name": "a"}),
        ("name:\n  a\n\n  b", {"name": "_text"}),
        ("name: !!str a", {"name": "a"}),
        ("name: !!binary YWJj", {"name": "_text"}),
        ("name: null", {"name": None}),
        ("name:", {"name": None}),
        ("name: ~", {"name": None}),
        ("enable: true", {"enable": "true"}),
        ("enable: 'true'  # not", {"enable": "_text"}),
        ("path: /etc/a.txt", {"path": "/etc/a.txt"}),
        ("path: etc/a.txt", {"path": "etc/a.txt"}),
        ("path: /etc/a b", {"path": "/etc/a b"}),
        ("path: '/etc/a: b' # c", {"path": "/etc/a: b"}),
        ("path: a b", {"path": "_text"}),
        ("path: ~", {"path": None}),
        ("permissions: 0644", {"permissions": "0644"}),
        ("owner: core:core", {"owner": "core:core"}),
        ("passwd: x", {"passwd": "_text"}),
        ("passwd: *x", {"passwd": "_alias"}),
        ("passwd: &x y", {"passwd": "_text"}),
        ("passwd: !!str y", {"passwd": "_text"}),
        ("passwd: 123", {"passwd": "_number"}),
        ("addr: $public_ipv4:4001", {"addr": "_address"}),
        ("groups: []", {"groups": []}),
        ("groups: [sudo, docker]", {"groups": "_flow"}),
        ("units: [{name: a.service}]", {"units": "_flow"}),
        ("keys: [\n  'ssh-rsa A',\n'ssh-rsa B' ]\nname: a", {"keys": "_flow", "name": "a"}),
        ("keys: [[[a]], # it's\n b]\nname: a", {"keys": "_flow", "name": "a"}),
        ("passwd:\n  |\n  name: secret\nname: a", {"passwd": "_text", "name": "a"}),
        ("passwd: >\n  name: secret\n  more\nname: a", {"passwd": "_\n_\n", "name": "a"}),
        ("passwd: !!binary |\n  name=\nname: a", {"passwd": "_\n", "name": "a"}),
        ("passwd: one\n  name: secret\nname: a", {"passwd": "_text", "name": "a"}),
        ('passwd: "one\nname: secret\n"\nname: a', {"passwd": "_text", "name": "a"}),
        ('passwd: "one\\"\nname: secret"\nname: a', {"passwd": "_text", "name": "a"}),
        ('passwd: "one\\\nname: secret"\nname: a', {"passwd": "_text", "name": "a"}),
        ("passwd: 'one\nname: sec''ret\n'\nname: a", {"passwd": "_text", "name": "a"}),
        ('"passwd": x\n/etc/secret: y', {"passwd": "_text", "_": "_text"}),
        ("'a b: c': x\nname: a", {"_": "_text", "name": "a"}),
        ("it's#: x\nname: a", {"_": "_text", "name": "a"}),
        ("--- # a\nname: a\n...", {"name": "a"}),
        # what is merged is not to be taken for a key that nobody knows, nor for one that is there twice
        ("<<: *secret\n<< : {a: b}\n/etc/secret: y", {"<<": "_flow", "_": "_text"}),
        ("- <<: *secret\n  name: a", [{"<<": "_alias", "name": "a"}]),
        (
            "- one: 1\n- - two\n  - three: 3\n-\n  four: 4",
            [{"one": "_number"}, ["_text", {"three": "_number"}], {"four": "_number"}],
        ),
        ("- |\n  name: secret\n- b", ["_\n", "_text"]),
        ("a:\n- name: b\n  content: |\n    x\n- name: c", {"a": [{"name": "b", "content": "_\n"}, {"name": "c"}]}),
        ("content: |\n  [Service]\n  U2VjcmV0Cg==", {"content": "[Service]\n_=_\n"}),
        ("hostname: core-01\r\nname: a\r", {"hostname": "core-01", "name": "a"}),
        ("", None),
    ],
)
def test_the_form_of_a_value(text: str, tree: t.Any) -> None:
    found = skeleton(text + "\n")
    assert (found.tree, found.repeated, found.unread, found.error) == (tree, [], 0, "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("? name\n: secret\nname: secret", 2),
        ("a: b\n\tname: secret", 3),
        ("{\nname: secret\n}", 2),
        ("secret://\nname: secret", 2),
        # line breaks of YAML alone
        ("a: b\nc: d\rname: secret", 3),
        ("a: b # c\u0085name: secret", 2),
        ("a: |\n  b\u2028name: secret", 3),
        ("a: b\u2029name: secret\r\nname: secret", 2),
        ("a:\n  b\u2028name: secret", 3),
        ("a: [b,\n  c # d\u2028]\nname: secret\nname: secret", 3),
        ('- "na\\x6de": secret', 2),
        ("- &secret name: a", 2),
        ("a: [[[[[b]]]]]\nname: secret", 3),
        ("a: [it's]\nname: secret\n", 3),
        ("a: 'b\nname: secret\n", 3),
    ],
)
def test_from_what_is_not_understood_on_nothing_is_told(text: str, line: int) -> None:
    told = wiped("#cloud-config\n" + text)
    assert "secret" not in told
    assert parse_skeleton(told).unread == line


def test_what_is_behind_the_first_document_is_named() -> None:
    assert skeleton("a: b\n---\nc: d\n").second == 3
    assert skeleton("a: b\n...\n# c\n---\nd: e\n").second == 5
    assert skeleton("---\na: b\n...\n# c\n").second == 0


def test_a_key_that_is_there_twice_is_named() -> None:
    found = skeleton("coreos:\n  units: []\n  units:\n    - name: a\n      name: b\n")
    assert found.repeated == ["coreos.units", "coreos.units.0.name"]


def test_a_host_that_has_gone_bad_is_refused() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert parse_skeleton(bomb).error == "it has an alias"
    assert parse_skeleton("- " * 60 + "a").error == "it is nested too deeply"
    assert "more than" in parse_skeleton("#" * (LIMIT + 1)).error
    assert parse_skeleton("a: [").error
    assert parse_skeleton("\x00").error


_WORD = st.integers(0, 10**6).map("tok{:07}x".format)
_KEYS = st.sampled_from(["coreos", "units", "content", "passwd", "write_files", "drop-ins", "etcd2", "/etc/x"])
_LINES = """
{}|name: {}|- name: {}|  path: /{}|[Service]|Environment={}|{} \\|# {}|'{}|"{}|key: [{}|{}==||---|\t{}|  - name: '{}'
""".strip().split("|")
_TEXT = st.lists(st.builds(str.format, st.sampled_from(_LINES), _WORD), min_size=1, max_size=6).map("\n".join)
_TREES = st.recursive(
    _TEXT | _WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(
    tree=st.dictionaries(_KEYS, _TREES, min_size=1),
    style=st.sampled_from([None, '"', "'", "|", ">"]),
    flow=st.sampled_from([False, False, None, True]),
    width=st.sampled_from([20, 80, 1000]),
    indent=st.sampled_from([2, 4, 8]),
)
@settings(deadline=None, max_examples=100)
def test_no_word_of_a_value_is_told(tree: t.Any, style: str | None, flow: bool | None, width: int, indent: int) -> None:
    text = yaml.dump(tree, default_style=style, default_flow_style=flow, width=width, indent=indent)
    told = wiped("#cloud-config\n" + text)
    assert not re.findall(r"tok[0-9]+x", told)
    assert told.count("\n") == text.count("\n") + 1
    found = parse_skeleton(told)
    assert not found.error
    if flow is False and not found.unread:
        assert shape(found.tree) == shape(tree)


_FRAGMENTS = [
    "name: ",
    "tok0000001x!",
    *"\"'[]{}|>:,#\\\t\r\n\0\xff\xe9",
    "- ",
    "  ",
    "    ",
    "&a ",
    "*a",
    "!t ",
    "? ",
    "---",
]
_FRAGMENTS += ["[Unit]\n", "Key=", "content: |\n", "\n  "]


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=60).map("".join))
@settings(deadline=None, max_examples=100)
def test_no_line_tells_what_is_no_name(text: str) -> None:
    told = wiped(f"#cloud-config\n{text}\n")
    assert "tok" not in told
    assert told.count("\n") == 2 + text.count("\n")
    parse_skeleton(told)


@given(st.text())
def test_no_answer_makes_the_parser_fail(text: str) -> None:
    parse_skeleton(text)


# What may follow a colon, and a value; what is a value for each key; keys that the skeleton does not tell.
_GAPS = st.sampled_from([" ", "  ", "\t", " \t"])
_ENDS = st.sampled_from(["", "", " ", "\t", " # c", "\t# c: d", '\t#"c'])
_VALUES = {
    "name": [
        "a.service",
        '"b.service"',
        "'c@1.service'",
        "x y",
        r'"a\x2d"',
        r'"a\\x2d"',
        "null",
        "~",
        "&n n",
        "!!str s",
    ],
    "path": ["/etc/a", '"/etc/b"', "etc/c", "'/etc/d e'", '"/etc/f: g"', "!!binary L2V0"],
    "permissions": ["0644", '"0600"', r'"06\x30"', "u+x"],
    "content": [
        *("hi", '"a: b"', "'it''s'", "http://a:1/b", "[a, b]", '"#c"', "12", "$private_ipv4", "{a: [b, {c: d}]}"),
        *('"a\n      b"', "a\n        b", "[a,\n      b]", "[a, # it\n      b]", "a\n        # c"),
    ],
}
_FOREIGN = ["x y", '"x y:z"', "it's", "a#b", "::b", r'"own\x65r"', "/etc/x", "&k kk", "!t tt", "[f]", "? [f]\n", "<<"]


@st.composite
def _pair(draw: st.DrawFn, key: str, column: int) -> str:
    """A key and its value, written in one of the ways of YAML; `column` is where the key stands."""
    begin = draw(st.sampled_from(["{}:", "{}:", '"{}":', "'{}' :", "{}\t:"])).format(key)
    indent = " " * column
    way = draw(st.sampled_from(["inline", "inline", "inline", "next", "comment", "block", "next block"]))
    value = draw(st.sampled_from(_VALUES[key])) if "block" not in way else draw(st.sampled_from(["|", ">-", "|2+"]))
    begin += draw(_GAPS) if way in ("inline", "block") else f"{draw(_ENDS)}\n{indent}  "
    begin += f"# c\n{indent}  " if way == "comment" else ""
    lines = draw(st.lists(st.sampled_from(["[Unit]", "A=b", "  more", "", "# no", "name: x"]), min_size=1, max_size=3))
    body = "".join(f"\n{indent}  {line}" for line in lines) if "block" in way else ""
    return f"{begin}{value}{draw(_ENDS)}{body}\n"


@st.composite
def _item(draw: st.DrawFn, keys: t.Sequence[str], column: int) -> str:
    pairs = [draw(_pair(key, column)) for key in draw(st.permutations(keys))]
    if draw(st.integers(0, 4)) == 0:
        foreign = draw(st.sampled_from(_FOREIGN))
        value = "{a: b, content: c}" if foreign == "<<" else "1"
        pairs.insert(
            draw(st.integers(0, len(pairs) - 1)), f"{foreign}{' ' * foreign.count(chr(10)) * column}: {value}\n"
        )
    return f"- {(' ' * column).join(pairs)}"


@st.composite
def _documents(draw: st.DrawFn) -> str:
    files = draw(st.lists(_item(["path", "permissions", "content"], 4), min_size=1, max_size=2))
    units = draw(st.lists(_item(["name", "content"], 6), min_size=1, max_size=2))
    parts = [
        "".join(["write_files:", draw(_ENDS), "\n", *(f"  {item}" for item in files)]),
        "".join(["coreos:\n  units:", draw(_ENDS), "\n", *(f"    {item}" for item in units)]),
    ]
    begin, end = draw(st.sampled_from(["", "---\n", "--- # c\n"])), draw(st.sampled_from(["", "...\n", "...\t# c\n"]))
    return f"{begin}{''.join(draw(st.permutations(parts)))}{end}"


def assert_told(told: Node, said: yaml.Node | None) -> None:
    """What is told is what YAML says, and what YAML says and is not told is marked as untold."""
    assert isinstance(said, yaml.Node) or not told.is_given
    if told.is_untold or said is None:
        return
    if told.value is None:
        assert said.tag == "tag:yaml.org,2002:null"
    elif told.is_folded:
        assert not isinstance(said, yaml.ScalarNode)
    elif isinstance(said, yaml.MappingNode):
        assert told.is_mapping
        known = {key.value: value for key, value in said.value if isinstance(key, yaml.ScalarNode)}
        assert {child.key for child in told.children()} <= {*known, "_"}
        for key in {*known, "owner"}:
            if re.fullmatch(r"[a-z_]+", key):
                assert_told(told.get(key), known.get(key))
    elif isinstance(said, yaml.SequenceNode):
        items = told.items()
        assert len(items) == len(said.value) or told.place in told.skeleton.cut
        for item, value in zip(items, said.value, strict=False):
            assert_told(item, value)
    else:
        assert isinstance(said, yaml.ScalarNode)
        assert told.word in ("", said.value)
        assert not told.block or said.style in ("|", ">")


@given(_documents())
@settings(deadline=None, max_examples=200)
def test_what_is_told_is_what_yaml_says(text: str) -> None:
    try:
        said = next(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError:
        said = None
    assume(said is not None)
    found = skeleton(text)
    assert not found.error
    assert_told(root(found), said)
