# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import (
    Setting,
    can_be,
    expand,
    mount_path,
    parse_unit_file,
    split_quoted,
    with_instance,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_files import (
    DEPENDENCIES,
    Made,
    unit_files,
)

FILE = "/etc/systemd/system/a.service"


def parse(text: str) -> list[Setting]:
    return parse_unit_file(FILE, list(enumerate(text.split("\n"), 1)))


def told(text: str) -> list[tuple[str, str, str, int]]:
    """Each word of a file: its section, key, text and line."""
    return [(setting.section, setting.key, word.text, word.line) for setting in parse(text) for word in setting.words]


def values(text: str) -> list[tuple[int, str, str]]:
    return [(setting.line, setting.key, setting.value) for setting in parse(text)]


def test_a_setting_knows_its_file_section_and_line() -> None:
    (setting,) = parse("[Unit]\n\nAfter=a.service b.service\n")
    assert (setting.file, setting.section, setting.key, setting.line) == (FILE, "Unit", "After", 3)
    assert setting.value == "a.service b.service"
    assert [(word.text, word.line) for word in setting.words] == [("a.service", 3), ("b.service", 3)]


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("[Unit]\nAfter=a", "Unit"),
        (" \t[Unit]\r\nAfter=a", "Unit"),
        ("\ufeff[Unit]\nAfter=a", "Unit"),
        ("[Unit]\n[Service]\nAfter=a", "Service"),
        ("[X-Own [odd]]\nAfter=a", "X-Own [odd]"),
        ("After=a", ""),
        ("[Unit\nAfter=a", ""),
        ("[Unit] # no comment\nAfter=a", ""),
        ("# [Unit]\nAfter=a", ""),
    ],
)
def test_a_section_lasts_to_the_next_one(text: str, section: str) -> None:
    assert [(setting.section, setting.key) for setting in parse(text)] == [(section, "After")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("After=a\\\nb", [("a", 1), ("b", 2)]),
        ("After=\\\n  a \\\n\tb", [("a", 2), ("b", 3)]),
        ("After=a \\\r\nb\r\nWants=c", [("a", 1), ("b", 2), ("c", 3)]),
        # a comment neither continues nor ends what it stands in
        ("After=a \\\n# c\n ; d \\\nb", [("a", 1), ("b", 4)]),
        ("# x \\\nAfter=a", [("a", 2)]),
        ("After=a # b", [("a", 1), ("#", 1), ("b", 1)]),
        # an escaped backslash continues nothing, nor does one that a blank follows
        ("After=a\\\\\nb", [("a\\\\", 1)]),
        ("After=a\\\\\\\nb", [("a\\\\", 1), ("b", 2)]),
        ("After=a \\ \nb", [("a", 1), ("\\", 1)]),
        # an empty line ends what the one before it continues
        ("After=a \\\n\nWants=b", [("a", 1), ("b", 3)]),
        ("After=a \\", [("a", 1)]),
        ("After=a \\\n# to the end", [("a", 1)]),
        # a continued line is no setting and no section
        ("After=a \\\nWants=b \\\n[Service]\nWants=c", [("a", 1), ("Wants=b", 2), ("[Service]", 3), ("c", 4)]),
    ],
)
def test_a_line_ends_where_systemd_says(text: str, found: list[tuple[str, int]]) -> None:
    assert [(word, line) for _section, _key, word, line in told(text)] == found


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("After=a", "After", ["a"]),
        (" \tAfter \t= a", "After", ["a"]),
        ("After = a  b\tc ", "After", ["a", "b", "c"]),
        ("After=a=b", "After", ["a=b"]),
        ("after=a", "after", ["a"]),
        ("After=\"a\" 'b'", "After", ["a", "b"]),
        ("After=\"a' \"b 'c", "After", ["\"a'", '"b', "'c"]),
        ('After="', "After", ['"']),
        ("After=", "After", []),
        ("After=dev-disk-by\\x2dlabel-ROOT.device", "After", ["dev-disk-by\\x2dlabel-ROOT.device"]),
        ("After=\udcff.service b", "After", ["\udcff.service", "b"]),
        ("After=a\0b", "After", ["a\0b"]),
    ],
)
def test_a_key_and_its_words_are_found(line: str, key: str, words: list[str]) -> None:
    (setting,) = parse(line)
    assert (setting.key, [word.text for word in setting.words]) == (key, words)


@pytest.mark.parametrize(
    "line", ["", "  ", "After", "=a", " = a", "# After=a", "  ;After=a", "\0", "\udcff", "]", "[]x"]
)
def test_what_is_no_setting_is_passed_over(line: str) -> None:
    assert values(f"{line}\nWants=b") == [(2, "Wants", "b")]


def test_an_empty_assignment_takes_no_dependency_back() -> None:
    assert told("[Unit]\nAfter=a\nAfter=\nAfter=b") == [("Unit", "After", "a", 2), ("Unit", "After", "b", 4)]


def test_lines_may_be_missing() -> None:
    """The host sends no lines but those of interest."""
    settings = parse_unit_file(FILE, [(3, "[Unit]"), (70, "After=a \\"), (72, "b"), (90, "Wants=c")])
    assert [(setting.line, setting.key) for setting in settings] == [(70, "After"), (90, "Wants")]
    assert [word.line for word in settings[0].words] == [70, 72]


def test_a_long_drop_in_is_read_to_its_end() -> None:
    text = "[Unit]\n" + "".join(f"After=u{number}.service \\\n  v{number}.service\n" for number in range(1000))
    found = told(text)
    assert len(found) == 2000
    assert found[-2:] == [("Unit", "After", "u999.service", 2000), ("Unit", "After", "v999.service", 2001)]


@pytest.mark.parametrize(
    ("word", "unit", "name"),
    [
        ("a.service", "x.service", "a.service"),
        ("%i.service", "x@one.service", "one.service"),
        ("%i.service", "x.service", ".service"),
        ("%I", r"x@var-lib\x2dx.service", "var/lib-x"),
        ("%i", r"x@var-lib\x2dx.service", r"var-lib\x2dx"),
        ("%n", "x@one.service", "x@one.service"),
        ("%N", "x@one.service", "x@one"),
        ("%p", "x@one.service", "x"),
        ("%p", "foo-bar.service", "foo-bar"),
        ("%P", "foo-bar.service", "foo/bar"),
        ("%j", "foo-bar-baz@one.service", "baz"),
        ("%J", r"foo-b\x2dz.service", "b-z"),
        ("%f", "x@var-lib.service", "/var/lib"),
        ("%f", "var-lib.service", "/var/lib"),
        ("100%%", "x.service", "100%"),
        ("%%i", "x@one.service", "%i"),
        ("a%", "x.service", "a%"),
        ("%i-%i.service", "x@one.service", "one-one.service"),
        ("%H.service", "x.service", None),
        ("%i-%m.service", "x@one.service", None),
        ("%\n", "x.service", None),
    ],
)
def test_specifiers_that_follow_from_the_name_are_expanded(word: str, unit: str, name: str | None) -> None:
    assert expand(word, unit) == name


@pytest.mark.parametrize(
    ("word", "name", "can"),
    [
        ("a.b-%H-%i%%.service", "a.b-core-01-on+e%.service", True),
        ("a.b-%H-%i%%.service", "a.b--on+e%.service", True),
        ("a.b-%H-%i%%.service", "a.b-core-01-one%.service", False),
        ("a.b-%H-%i%%.service", "aXb-core-01-on+e%.service", False),
        ("a.b-%H-%i%%.service", "a.b-core-01-on+e%.service.d", False),
        ("%H", "anything", True),
        ("%H%m", "", True),
        ("x%Hx", "x", False),
        ("%Hab%mab", "ab", False),
        ("%Hab%mab", "xabyab", True),
        ("%Hab%mcd%b", "1ab2cd3", True),
        ("%Hab%mcd%b", "1cd2ab3", False),
        ("a%H", "b", False),
    ],
)
def test_a_specifier_that_the_host_alone_knows_stands_for_anything(word: str, name: str, can: bool) -> None:
    assert can_be(word, "x@on+e.service", name) is can


def test_many_of_them_are_no_matter() -> None:
    assert not can_be("%H-a" * 500 + "x", "x.service", "-a" * 2000)


@pytest.mark.parametrize(
    ("name", "unit", "full"),
    [
        ("a.service", "x@one.service", "a.service"),
        ("a@.service", "x@one.service", "a@one.service"),
        ("a@two.service", "x@one.service", "a@two.service"),
        # a unit without an instance lends its own name
        ("a@.service", "x.service", "a@x.service"),
    ],
)
def test_a_template_becomes_an_instance(name: str, unit: str, full: str) -> None:
    assert with_instance(name, unit) == full


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        ("-.mount", "/"),
        ("var-lib.mount", "/var/lib"),
        (r"dev-disk-by\x2dlabel-ROOT.device", "/dev/disk/by-label/ROOT"),
        (r"var-lib\x2ddocker.mount", "/var/lib-docker"),
        (r"mnt-\xc3\xa4.mount", "/mnt/ä"),
    ],
)
def test_a_unit_named_after_a_path_tells_it(unit: str, path: str) -> None:
    assert mount_path(unit) == path


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        (" a  b\t", ["a", "b"]),
        ("\"a b\" 'c d'", ["a b", "c d"]),
        ('/a"b c"d e', ["/ab cd", "e"]),
        (r"a\x20b a\ b \x c\\", ["a b", "a b", "x", "c\\"]),
        (r'"a\"b" \xc3\xa4', ['a"b', "ä"]),
        ("it's a", ["its a"]),
        ("''", [""]),
    ],
)
def test_a_value_may_hold_several_items_with_quotes(value: str, items: list[str]) -> None:
    assert split_quoted(value) == items


@given(unit_files())
def test_every_dependency_of_a_valid_file_is_found_on_its_line(made: Made) -> None:
    found = [item for item in told(made.text.replace("\r\n", "\n")) if item[1] in DEPENDENCIES]
    assert found == made.declared
    with_carriage_returns = [item for item in told(made.text) if item[1] in DEPENDENCIES]
    assert with_carriage_returns == made.declared


@given(st.binary(), st.sampled_from(["surrogateescape", "replace"]), st.sampled_from(["x.service", "x@y-z.mount"]))
def test_no_bytes_break_the_parser(content: bytes, errors: str, unit: str) -> None:
    for setting in parse(content.decode("utf-8", errors)):
        split_quoted(setting.value)
        for word in setting.words:
            expand(word.text, unit)
            can_be(word.text, unit, unit)
            assert isinstance(with_instance(word.text, unit), str)


@given(st.text("%[]=#;\\\"'\r\n\t\0 Aftera.@-x2\ufeff\udcff"), st.text("%x@.-\\2d"))
def test_no_text_of_odd_signs_breaks_the_parser(text: str, unit: str) -> None:
    for setting in parse(text):
        assert setting.key and 1 <= setting.line <= text.count("\n") + 1
        split_quoted(setting.value)
        for word in setting.words:
            expand(word.text, unit)
            can_be(word.text, unit, unit)
    mount_path(unit)
