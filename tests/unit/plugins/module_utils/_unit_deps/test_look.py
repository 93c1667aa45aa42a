# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look's script, run by a real shell with a real sed over real files, and the reading of what it answers."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    parse_jobs,
    parse_show,
    words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps import look as unit_deps_look
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import (
    Link,
    Look,
    _ages,
    _files,
    _link,
    _origins,
    look,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_files import (
    DEPENDENCIES,
    SECRET,
    Made,
    unit_files,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_machine import (
    Answers,
    Machine,
    Saying,
    answers,
    texts,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def declared(seen: Look, path: str) -> list[tuple[str, str, str, int]]:
    return [
        (setting.section, setting.key, word.text, word.line)
        for setting in seen.settings.get(path, ())
        for word in setting.words
        if setting.key in DEPENDENCIES
    ]


# what leaves the host


@settings(max_examples=20)
@given(st.lists(unit_files(), min_size=1, max_size=6), st.booleans())
def test_no_dependency_is_lost_between_file_and_facts(files: list[Made], with_old_sed: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        machine = Machine(Path(root))
        if with_old_sed:
            machine.age_sed()
        paths = [machine.write(f"usr/u{number}.service", made.text) for number, made in enumerate(files)]
        machine.tell_of(*({"Id": Path(path).name, "FragmentPath": path} for path in paths))
        seen = look(machine, [])
        assert seen.partial == []
        for made, path in zip(files, paths, strict=True):
            # sed may pass over a file without a line
            assert declared(seen, path) == made.declared
        assert SECRET.encode() not in machine.stdout


@pytest.mark.parametrize("with_old_sed", [False, True])
@pytest.mark.parametrize(
    "private",
    [
        f"Environment=A={SECRET}",
        f" Environment = {SECRET}",
        f"Environment=A=1 \\\n  B={SECRET}",
        f"Environment=A=1 \\\nType={SECRET}",
        f"Environment=A=1 \\\n# a comment\nType={SECRET}",
        f"Environment=A=1 \\\n[{SECRET}]",
        f"Environment=A=1 \\\r\nType={SECRET}",
        f"Environment=A=\\\\\\\nType={SECRET}",
        f"ExecStart=/bin/x \\\n  After={SECRET} \\\n  Wants={SECRET}",
        f"# Type={SECRET}",
        f"; [{SECRET}]",
        f"TypeX={SECRET}",
        f"XType={SECRET}",
        f"Type {SECRET}=",
    ],
)
def test_what_a_unit_runs_and_knows_stays_on_the_host(machine: Machine, private: str, with_old_sed: bool) -> None:
    if with_old_sed:
        machine.age_sed()
    path = machine.write("usr/a.service", f"[Service]\n{private}\nType=oneshot\n[Unit]\nAfter=b.service")
    machine.tell_of({"Id": "a.service", "FragmentPath": path})
    seen = look(machine, [])
    assert SECRET.encode() not in machine.stdout
    assert [(setting.section, setting.key, setting.value) for setting in seen.settings[path]] == [
        ("Service", "Type", "oneshot"),
        ("Unit", "After", "b.service"),
    ]


def test_the_files_of_a_unit_may_be_anything(machine: Machine) -> None:
    contents: dict[str, bytes] = {
        "binary": b"\x7fELF\0\0\xff\xfe[Unit]\nAfter=\0\n",
        "invalid-utf8": b"[Unit]\nAfter=a.service \xff\xfe.service b.service\n",
        "nul": b"[Unit]\0\n\0After=a\nWants=b.service\n",
        "no-line-break": b"[Unit]\nAfter=b.service",
        "a-number": b"7\n[Unit]\n12\nAfter=b.service\n8",
        "a-path": b"/etc/systemd/system/fake.service\n[Unit]\nAfter=b.service \\\n/fake\n3\n",
        "long": b"[Unit]\n" + b"".join(b"After=u%d.service\n" % number for number in range(2000)),
        "wide": b"[Unit]\nAfter=" + b"u.service " * 20_000 + b"\n",
    }
    paths = {name: machine.write(f"usr/{name}.service", content) for name, content in contents.items()}
    machine.tell_of(*({"Id": f"{name}.service", "FragmentPath": path} for name, path in paths.items()))
    seen = look(machine, [])
    assert seen.settings.keys() == set(paths.values())
    told = {name: [line[1:] for line in declared(seen, path)] for name, path in paths.items()}
    assert told["invalid-utf8"] == [
        ("After", "a.service", 2),
        ("After", "\udcff\udcfe.service", 2),
        ("After", "b.service", 2),
    ]
    assert told["nul"] == [("Wants", "b.service", 3)]
    assert told["no-line-break"] == [("After", "b.service", 2)]
    assert told["a-number"] == [("After", "b.service", 4)]
    assert told["a-path"] == [("After", "b.service", 3), ("After", "/fake", 4)]
    assert len(told["long"]) == 2000 and told["long"][-1] == ("After", "u1999.service", 2001)
    assert len(told["wide"]) == 20_000


# which files are read


@pytest.mark.parametrize("quoted", [True, False])
def test_the_drop_ins_are_read_whatever_their_names(machine: Machine, quoted: bool) -> None:
    names = ["10 a b.conf", 'b"c.conf', "d\\e.conf", "$HOME.conf", "`x`.conf", "'.conf", "*.conf", "-x.conf", "é.conf"]
    # older versions of systemd print names as they are, which cannot be told apart in all cases
    names = names if quoted else ["10 a b.conf", "'.conf", "*.conf", "-x.conf"]
    paths = [machine.write(f"etc/a.service.d/{name}", f"[Unit]\nAfter=u{i}.service\n") for i, name in enumerate(names)]
    told = " ".join('"' + re.sub(r'(["\\$`])', r"\\\1", path) + '"' if quoted else path for path in paths)
    # read by systemd, then gone from the directories that the script itself looks into
    elsewhere = [path.replace("/etc/", "/opt/") for path in paths]
    os.rename(machine.etc, machine.root / "opt")
    machine.tell_of({"Id": "a.service", "DropInPaths": told.replace("/etc/", "/opt/")})
    seen = look(machine, [])
    assert sorted(seen.settings) == sorted(elsewhere)
    assert words(seen.units["a.service"]["DropInPaths"]) == elsewhere


def test_drop_ins_that_systemd_has_not_read_are_told_too(machine: Machine) -> None:
    new = machine.write("etc/a.service.d/90-new.conf", "[Unit]\nAfter=b.service\n")
    machine.write("etc/a.service.d/README", "[Unit]\nAfter=c.service\n")
    machine.tell_of({"Id": "a.service"})
    assert list(look(machine, []).settings) == [new]


def test_a_file_that_cannot_be_read_is_named(machine: Machine) -> None:
    folder = machine.write("etc/a.service.d/10-folder.conf/x", "")
    loop = machine.link("etc/a.service.d/20-loop.conf", "20-loop.conf")
    gone = machine.link("etc/a.service.d/30-gone.conf", "/nowhere")
    machine.link("etc/a.service.d/40-masked.conf", "/dev/null")
    machine.write("etc/a.service.d/50-a\nb.conf", "[Unit]\nAfter=b.service\n")
    fine = machine.write("etc/a.service.d/60-fine.conf", "[Unit]\nAfter=b.service\n")
    machine.tell_of({"Id": "a.service", "FragmentPath": str(machine.usr / "removed-since.service")})
    seen = look(machine, [])
    assert seen.unread == [str(Path(folder).parent), loop, gone, f"{machine.etc}/a.service.d/50-a?b.conf"]
    assert list(seen.settings) == [fine]


def test_the_age_of_a_file_is_that_of_what_a_link_leads_to(machine: Machine) -> None:
    path = machine.write("opt/a.service", "[Unit]\nAfter=b.service\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    link = machine.link("etc/a.service", path)
    machine.tell_of({"Id": "a.service", "FragmentPath": link})
    changed, written = look(machine, []).ages[link]
    # a file may be written with an old time, but not so changed
    assert written == 1_000_000_000
    assert changed == int(os.stat(path).st_ctime)


def test_the_links_come_in_the_order_in_which_systemd_looks(machine: Machine) -> None:
    first = machine.link("etc/a.target.wants/b.service", "/dev/null")
    empty = machine.write("etc/a.target.wants/c.service", "")
    second = machine.link("usr/a.target.wants/b.service", "../b.service")
    needed = machine.link("usr/a.target.requires/d@x.service", "../d@.service")
    held = machine.link("usr/a.target.upholds/e.service", "/nowhere")
    machine.write("usr/a.target.wants/a-file.service", "no link\n")
    machine.link("usr/a.target.wants/a\nb.service", "../b.service")
    assert look(machine, []).links == [
        Link("a.target", "Wants", "b.service", first, masked=True),
        Link("a.target", "Wants", "c.service", empty, masked=True),
        Link("a.target", "Wants", "b.service", second, masked=False),
        Link("a.target", "Requires", "d@x.service", needed, masked=False),
        Link("a.target", "Upholds", "e.service", held, masked=False),
    ]


# which units are asked for


def test_units_that_nothing_has_loaded_are_followed_to_their_end(machine: Machine) -> None:
    machine.tell_of({"Id": "z.service", "After": "loaded.target"})
    machine.tell_of({"Id": "a.service", "Requires": "b.service", "After": r'"x\\x2dy.service" b.service'}, loaded=False)
    machine.tell_of({"Id": "b.service", "Wants": "c.service a.service"}, loaded=False)
    machine.tell_of({"Id": "c.service", "Before": "gone.service"}, loaded=False)
    machine.tell("unit-a.service", (machine.told / "unit-a.service").read_text())
    seen = look(machine, ["a.service"])
    assert seen.units.keys() == {
        *("z.service", "a.service", "b.service", "c.service"),
        *(r"x\x2dy.service", "gone.service", "loaded.target"),
    }
    assert seen.units["gone.service"]["LoadState"] == "not-found"
    asked = (machine.told / "asked").read_text().splitlines()
    # systemd itself, all loaded units with those asked for, three rounds, the jobs
    assert len(asked) == 6


def test_a_closed_graph_needs_no_further_round(machine: Machine) -> None:
    machine.tell_of({"Id": "a.service", "After": "b.target"}, {"Id": "b.target", "Before": "a.service"})
    machine.tell("unit-a.service", "")
    assert len(look(machine, ["a.service"]).units) == 2
    assert len((machine.told / "asked").read_text().splitlines()) == 3


def test_only_names_of_units_reach_the_command_line(machine: Machine) -> None:
    machine.tell_of({"Id": "a.service", "After": "-H --root=/x $(id) *.service"}, loaded=False)
    seen = look(machine, ["a.service"])
    shows = [line for line in (machine.told / "asked").read_text().splitlines() if " -- " in line]
    assert sorted(shows[-1].partition(" -- ")[2].split()) == ["$(id)", "*.service", "--root=/x", "-H"]
    assert "a.service" in seen.units


def test_systemds_own_words_are_read_with_either_arrow(machine: Machine) -> None:
    for arrow in ("->", "→"):
        machine.tell(
            "dump",
            f"Manager: x\n{arrow} Unit a.service:\n\tDescription: x (origin-path)\n"
            "\tAfter: -.mount (origin-path)\n\tRequires: b.mount (origin-file destination-mountinfo-default)\n"
            "\tAfter: sysinit.target (origin-default)\n\tEnvironment: A=" + SECRET + "-path\n"
            f"{arrow} Unit c.slice:\n\tBefore: a.service (destination-implicit)\n",
        )
        origins = look(machine, []).origins
        assert origins["a.service", "After", "-.mount"] == {"path"}
        assert origins["a.service", "Requires", "b.mount"] == {"file", "mountinfo-default"}
        assert origins["c.slice", "Before", "a.service"] == {"implicit"}
        assert ("a.service", "After", "sysinit.target") not in origins
        assert SECRET.encode() not in machine.stdout


def test_a_systemd_that_cannot_dump_itself_lacks_nothing_else(machine: Machine) -> None:
    (machine.told / "dump").unlink()
    machine.tell_of({"Id": "a.service"})
    seen = look(machine, [])
    # a user who may not ask for it is no failure
    assert (seen.origins, list(seen.units), seen.systemd, seen.partial) == ({}, ["a.service"], "225", [])


# bad luck


def test_a_systemctl_that_hangs_leaves_the_files(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_deps_look, "LIMIT", 1)
    machine.tell("hang", "")
    hidden = machine.write("usr/a.service", "[Unit]\nAfter=no.service\n")
    fragment = machine.write("etc/a.service", "[Unit]\nAfter=b.service\n")
    drop_in = machine.write("usr/a.service.d/10-x.conf", "[Unit]\nAfter=c.service\n")
    seen = look(machine, ["a.service"])
    assert seen.units == {}
    assert seen.settings.keys() == {fragment, drop_in}
    assert hidden not in seen.settings
    assert seen.partial == ["systemctl show (of the units) did not end within 1 s; what it would have told is missing."]


def test_a_systemd_that_says_nothing_of_itself_is_not_asked_again(machine: Machine) -> None:
    (machine.told / "manager").unlink()
    machine.tell_of({"Id": "a.service"})
    seen = look(machine, ["a.service"])
    assert seen.units == {}
    assert len((machine.told / "asked").read_text().splitlines()) == 1
    (sentence,) = seen.partial
    assert sentence.startswith("systemctl show (of systemd itself) ended with status 1 and said 'cat: manager: No such")


# whatever a host says


@given(answers())
def test_no_answer_breaks_the_look(sections: Answers) -> None:
    seen = look(Saying(sections), ["a.service"])
    assert all(unit["Id"] == id_ for id_, unit in seen.units.items())
    failed = [name for name in ("manager", "units", "units-1", "jobs", "files", "ages") if sections[name][1]]
    assert len(seen.partial) == len(failed) + (sections["origins"][1] in (124, 137))


@given(texts())
def test_no_text_breaks_a_reader(text: str) -> None:
    parse_show(text)
    parse_jobs(text)
    words(text)
    list(_files(text))
    list(_ages(text))
    _origins(text)
    for line in text.splitlines():
        _link(line)


@given(st.lists(st.text("abc:_.-@\\", min_size=1), max_size=6))
def test_a_list_property_is_read_as_it_was_written(names: list[str]) -> None:
    plain = [name for name in names if "\\" not in name]
    assert words(" ".join(plain)) == plain
    quoted = ['"' + name.replace("\\", "\\\\") + '"' if "\\" in name else name for name in names]
    assert words(" ".join(quoted)) == names
