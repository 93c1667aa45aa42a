# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What declares a dependency, one case at a time; test__unit_deps_recorded.py has whole hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import parse_unit_file
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Edge, Graph
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import Link, Look
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.rules import RULES

ETC, RUN, LIB = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"
TORCX = "/run/torcx/unpack/docker/lib/systemd/system"

Properties = Mapping[str, str]


def unit(id_: str, fragment: str = "", *drop_ins: str, **properties: str) -> dict[str, str]:
    """A unit as `systemctl show` tells it."""
    paths = " ".join(drop_ins)
    return {
        "Id": id_,
        "Names": id_,
        "LoadState": "loaded",
        "FragmentPath": fragment,
        "DropInPaths": paths,
        **properties,
    }


def link(path: str, *, masked: bool = False) -> Link:
    directory, _slash, other = path.rpartition("/")
    name, _dot, suffix = directory.rpartition("/")[2].rpartition(".")
    type_ = {"wants": "Wants", "requires": "Requires", "upholds": "Upholds"}[suffix]
    return Link(unit=name, type=type_, other=other, path=path, masked=masked)


def graph(*units: Properties, files: Mapping[str, str] | None = None, links: Sequence[Link] = (), **more: Any) -> Graph:
    settings = {
        path: parse_unit_file(path, list(enumerate(text.split("\n"), 1))) for path, text in (files or {}).items()
    }
    return Graph(Look(units={shown["Id"]: dict(shown) for shown in units}, settings=settings, links=links, **more))


def declared(seen: Graph, name: str, type_: str, other: str) -> list[str]:
    return [str(declaration) for declaration in seen.declarations(Edge(name, type_, other))]


# files


def test_a_dependency_has_every_line_that_declares_it() -> None:
    fragment, drop_in = f"{LIB}/a.service", f"{ETC}/a.service.d/40-flannel.conf"
    seen = graph(
        unit("a.service", fragment, drop_in, Requires="b.service", After="b.service"),
        files={
            fragment: "[Unit]\nAfter=x.service b.service\n",
            drop_in: "[Unit]\nRequires=b.service\nAfter=c.service \\\n  b.service\n",
        },
    )
    assert declared(seen, "a.service", "Requires", "b.service") == [f"{drop_in}:2"]
    assert declared(seen, "a.service", "After", "b.service") == [f"{fragment}:2", f"{drop_in}:4"]
    assert declared(seen, "a.service", "Wants", "b.service") == []


@pytest.mark.parametrize(
    ("key", "type_", "inverse"),
    [
        *(("Requires", "Requires", "RequiredBy"), ("Requisite", "Requisite", "RequisiteOf")),
        *(("BindsTo", "BindsTo", "BoundBy"), ("BindTo", "BindsTo", "BoundBy"), ("Wants", "Wants", "WantedBy")),
        *(("Upholds", "Upholds", "UpheldBy"), ("PartOf", "PartOf", "ConsistsOf"), ("After", "After", "Before")),
        *(("Conflicts", "Conflicts", "ConflictedBy"), ("Before", "Before", "After")),
        *(("OnFailure", "OnFailure", "OnFailureOf"), ("OnSuccess", "OnSuccess", "OnSuccessOf")),
    ],
)
def test_a_line_is_found_from_either_end(key: str, type_: str, inverse: str) -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit("a.service", path, **{type_: "b.service"}),
        unit("b.service", **{inverse: "a.service"}),
        files={path: f"[Unit]\n{key}=b.service\n"},
    )
    assert declared(seen, "a.service", type_, "b.service") == [f"{path}:2"]
    assert declared(seen, "b.service", inverse, "a.service") == [f"{path}:2"]


def test_two_units_may_declare_the_same_order() -> None:
    seen = graph(
        unit("a.service", f"{ETC}/a.service", After="b.service"),
        unit("b.service", f"{ETC}/b.service", Before="a.service"),
        files={
            f"{ETC}/a.service": "[Unit]\nAfter=b.service",
            f"{ETC}/b.service": "[Unit]\n\nBefore=a.service",
        },
    )
    both = [f"{ETC}/a.service:2", f"{ETC}/b.service:3"]
    assert declared(seen, "a.service", "After", "b.service") == both
    assert declared(seen, "b.service", "Before", "a.service") == both


@pytest.mark.parametrize("text", ["[Service]\nAfter=b.service", "[X-Unit]\nAfter=b.service", "After=b.service"])
def test_a_line_of_another_section_declares_nothing(text: str) -> None:
    seen = graph(unit("a.service", f"{ETC}/a.service", After="b.service"), files={f"{ETC}/a.service": text})
    assert declared(seen, "a.service", "After", "b.service") == []


def test_a_line_for_a_unit_by_its_other_name_counts_for_its_main_one() -> None:
    seen = graph(
        unit("a.service", f"{ETC}/a.service", Wants="b.service"),
        unit("b.service", f"{ETC}/b.service", Names="b.service alias.service", WantedBy="a.service"),
        files={f"{ETC}/a.service": "[Unit]\nWants=alias.service", f"{ETC}/b.service": ""},
    )
    assert declared(seen, "a.service", "Wants", "b.service") == [f"{ETC}/a.service:2"]
    assert seen.id_of("alias.service") == "b.service"
    assert seen.names_of("b.service") == ["b.service", "alias.service"]


def test_a_template_is_read_for_each_of_its_instances() -> None:
    path = f"{LIB}/a@.service"
    seen = graph(
        unit("a@x.service", path, After="dep@x.service", Wants="b-x.target", PartOf=r"c-a\x2db.target"),
        unit("a@y.service", path, After="dep@y.service"),
        files={path: "[Unit]\nAfter=dep@.service\nWants=b-%i.target\nPartOf=c-a\\x2db.target"},
    )
    assert declared(seen, "a@x.service", "After", "dep@x.service") == [f"{path}:2"]
    assert declared(seen, "a@y.service", "After", "dep@y.service") == [f"{path}:2"]
    assert declared(seen, "a@x.service", "After", "dep@y.service") == []
    assert declared(seen, "a@x.service", "Wants", "b-x.target") == [f"{path}:3"]
    assert declared(seen, "a@x.service", "PartOf", r"c-a\x2db.target") == [f"{path}:4"]


def test_a_name_that_only_the_host_knows_is_taken_from_systemd() -> None:
    path = f"{LIB}/a.service"
    seen = graph(
        unit("a.service", path, Before="on-core-01.target b.target"),
        unit("on-core-01.target", After="a.service"),
        files={path: "[Unit]\nBefore=on-%H.target"},
    )
    assert declared(seen, "a.service", "Before", "on-core-01.target") == [f"{path}:2"]
    assert declared(seen, "on-core-01.target", "After", "a.service") == [f"{path}:2"]
    assert declared(seen, "a.service", "Before", "b.target") == []


def test_a_unit_that_is_a_link_elsewhere_is_read_there() -> None:
    seen = graph(
        unit("a.service", f"{ETC}/a.service", After="b.service"),
        files={f"{ETC}/a.service": "[Unit]\nAfter=b.service", "/opt/a.service": "[Unit]\nAfter=c.service"},
    )
    assert declared(seen, "a.service", "After", "b.service") == [f"{ETC}/a.service:2"]


# links


@pytest.mark.parametrize("suffix", ["wants", "requires", "upholds"])
def test_a_link_declares_and_has_no_line(suffix: str) -> None:
    type_, inverse = suffix.capitalize(), {"wants": "WantedBy", "requires": "RequiredBy", "upholds": "UpheldBy"}[suffix]
    path = f"{ETC}/multi-user.target.{suffix}/a.service"
    seen = graph(unit("multi-user.target", **{type_: "a.service"}), unit("a.service"), links=[link(path)])
    assert declared(seen, "multi-user.target", type_, "a.service") == [path]
    assert declared(seen, "a.service", inverse, "multi-user.target") == [path]


def test_of_the_links_of_one_name_the_first_counts() -> None:
    # told in another order than that of systemd's directories
    links = [link(f"{place}/a.target.wants/b.service") for place in (LIB, ETC, RUN)]
    seen = graph(unit("a.target", Wants="b.service"), unit("b.service"), links=links)
    assert declared(seen, "a.target", "Wants", "b.service") == [f"{ETC}/a.target.wants/b.service"]


def test_a_link_that_is_masked_takes_later_ones_away() -> None:
    paths = [f"{place}/a.target.wants/b.service" for place in (ETC, LIB)]
    requires = f"{LIB}/a.target.requires/b.service"
    links = [link(paths[0], masked=True), link(paths[1]), link(requires)]
    seen = graph(unit("a.target", Requires="b.service"), unit("b.service"), links=links)
    assert declared(seen, "a.target", "Wants", "b.service") == []
    assert declared(seen, "a.target", "Requires", "b.service") == [requires]


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("a@x.service", "a@x.service"),
        ("a@.service", "a@x.service"),
        ("foo-bar-baz.service", "foo-bar-baz.service"),
        ("foo-bar-.service", "foo-bar-baz.service"),
        ("foo-.service", "foo-bar-baz.service"),
        ("foo-@.service", "foo-bar@x.service"),
        ("service", "a.service"),
    ],
)
def test_a_unit_has_directories_of_several_names(directory: str, name: str) -> None:
    path = f"{ETC}/{directory}.wants/b.service"
    seen = graph(unit(name, Wants="b.service"), unit("b.service"), links=[link(path)])
    assert declared(seen, name, "Wants", "b.service") == [path]


@pytest.mark.parametrize(
    "directory", ["foo-bar.service", "bar-.service", "foo.service", "-.service", "target", "foo@.service"]
)
def test_a_directory_of_others_is_no_matter(directory: str) -> None:
    path = f"{ETC}/{directory}.wants/b.service"
    seen = graph(unit("foo-bar-baz.service", Wants="b.service"), unit("b.service"), links=[link(path)])
    assert declared(seen, "foo-bar-baz.service", "Wants", "b.service") == []


def test_a_link_of_an_alias_counts_for_the_unit() -> None:
    path = f"{ETC}/alias.service.wants/b.service"
    names = "a.service alias.service"
    seen = graph(unit("a.service", Names=names, Wants="b.service"), unit("b.service"), links=[link(path)])
    assert declared(seen, "a.service", "Wants", "b.service") == [path]


def test_a_link_to_a_template_is_for_an_instance() -> None:
    path = f"{ETC}/a@x.service.wants/b@.service"
    seen = graph(unit("a@x.service", Wants="b@x.service"), links=[link(path)])
    assert declared(seen, "a@x.service", "Wants", "b@x.service") == [path]


# rules of systemd


@pytest.mark.parametrize("has_defaults", [True, False])
def test_the_defaults_can_be_switched_off(has_defaults: bool) -> None:
    seen = graph(
        unit(
            "a.service",
            Requires="sysinit.target",
            Conflicts="shutdown.target",
            DefaultDependencies="yes" if has_defaults else "no",
        )
    )
    rule = ["default: services"] if has_defaults else []
    assert declared(seen, "a.service", "Requires", "sysinit.target") == rule
    assert declared(seen, "sysinit.target", "RequiredBy", "a.service") == rule
    assert declared(seen, "a.service", "Conflicts", "shutdown.target") == rule


@pytest.mark.parametrize("type_", ["Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf"])
def test_a_target_follows_what_it_pulls_in_by_any_type(type_: str) -> None:
    seen = graph(unit("a.target", After="b.service", **{type_: "b.service"}), unit("b.service"))
    assert declared(seen, "a.target", "After", "b.service") == ["default: targets follow what they pull in"]


def test_a_target_follows_what_it_pulls_in() -> None:
    seen = graph(
        unit("a.target", Wants="b.service c.service d.service", After="b.service c.service d.service"),
        unit("b.service"),
        unit("c.service", DefaultDependencies="no"),
        unit("d.service", LoadState="not-found"),
    )
    rule = "default: targets follow what they pull in"
    assert declared(seen, "a.target", "After", "b.service") == [rule]
    assert declared(seen, "b.service", "Before", "a.target") == [rule]
    assert declared(seen, "a.target", "After", "c.service") == []
    assert declared(seen, "a.target", "After", "d.service") == []


@pytest.mark.parametrize("kind", ["socket", "timer", "path"])
def test_what_starts_a_unit_of_its_name_does_so_by_itself(kind: str) -> None:
    seen = graph(
        unit(f"a.{kind}", Triggers="a.service", Before="a.service"), unit("a.service", TriggeredBy=f"a.{kind}")
    )
    ((rule,), (same,)) = (declared(seen, "a.service", type_, f"a.{kind}") for type_ in ("TriggeredBy", "After"))
    assert rule == same
    assert rule.startswith(f"implicit: a {kind} and its ")


@pytest.mark.parametrize(("kind", "section"), [("timer", "Timer"), ("path", "Path")])
def test_what_starts_another_unit_has_a_line_that_says_so(kind: str, section: str) -> None:
    path = f"{ETC}/a.{kind}"
    seen = graph(
        unit(f"a.{kind}", path, Triggers="b.service", Before="b.service"),
        files={path: f"[{section}]\nUnit=b.service"},
    )
    assert declared(seen, f"a.{kind}", "Triggers", "b.service") == [f"{path}:2"]
    assert declared(seen, "b.service", "After", f"a.{kind}") == [f"{path}:2"]


def test_a_rule_that_a_line_sets_off_has_that_line() -> None:
    path = f"{LIB}/a.service"
    text = "[Service]\nType=dbus\nBusName=org.x\nSlice=a-b.slice\nPrivateTmp=yes\n[Unit]\nRequiresMountsFor=/srv/x\n"
    seen = graph(
        unit(
            "a.service",
            path,
            Requires="dbus.socket a-b.slice srv.mount",
            After="systemd-tmpfiles-setup.service",
            RequiresMountsFor="/srv/x /tmp",
        ),
        unit("a-b.slice", Requires="a.slice"),
        files={path: text},
    )
    assert declared(seen, "a.service", "Requires", "dbus.socket") == [f"file: Type=dbus ({path}:2)"]
    assert declared(seen, "a.service", "Requires", "a-b.slice") == [f"file: Slice= ({path}:4)"]
    assert declared(seen, "a-b.slice", "Requires", "a.slice") == ["implicit: a slice in its parent"]
    assert declared(seen, "a.service", "After", "systemd-tmpfiles-setup.service") == [f"file: PrivateTmp= ({path}:5)"]
    assert declared(seen, "a.service", "Requires", "srv.mount") == [f"path: RequiresMountsFor= ({path}:7)"]
    assert declared(seen, "a.service", "Requires", "other.mount") == []


@pytest.mark.parametrize(
    ("line", "cited"),
    [
        *(("PathExists=/mnt/a b/x", True), ("Where=/mnt/a b", True), ("ListenStream=/mnt/a b/s", True)),
        *(("WorkingDirectory=-/mnt/a b", True), ("What=/mnt/a b/disk", True), ("RootImage=/mnt/a b/i", True)),
        *(('RequiresMountsFor="/mnt/a b"', True), ("RequiresMountsFor=/x '/mnt/a b/c' /y", True)),
        *((r"RequiresMountsFor=/mnt/a\x20b", True), (r"WantsMountsFor=/mnt/a\ b", True)),
        # two paths, of which none is below it
        *(("RequiresMountsFor=/mnt/a b", False), ("PathExists=/mnt/a", False), ("RequiresMountsFor=/mnt/ab", False)),
    ],
)
def test_a_path_with_a_blank_in_it_can_need_a_mount(line: str, cited: bool) -> None:
    path = f"{ETC}/a.service"
    mount = r"mnt-a\x20b.mount"
    quoted = f'"{mount}"'.replace("\\", r"\\")
    seen = graph(
        unit("a.service", path, After=quoted, RequiresMountsFor='"/mnt/a b"'),
        unit(mount),
        files={path: f"[X]\n{line}"},
    )
    rule = "path: RequiresMountsFor="
    assert declared(seen, "a.service", "After", mount) == [f"{rule} ({path}:2)" if cited else rule]


@pytest.mark.parametrize("below", ["StateDirectory=a b", "StateDirectory=x 'b/c'"])
def test_a_directory_of_a_list_can_need_a_mount(below: str) -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit("a.service", path, After="var-lib-b.mount", RequiresMountsFor="/var/lib/a /var/lib/b"),
        unit("var-lib-b.mount"),
        files={path: f"[Service]\n{below}"},
    )
    assert declared(seen, "a.service", "After", "var-lib-b.mount") == [f"path: RequiresMountsFor= ({path}:2)"]


@pytest.mark.parametrize(
    ("origins", "found"),
    [
        ({}, ["path: RequiresMountsFor="]),
        ({("a.service", "After", "-.mount"): frozenset({"path"})}, ["path: RequiresMountsFor="]),
        ({("-.mount", "Before", "a.service"): frozenset({"path"})}, ["file: RequiresMountsFor="]),
        (
            {("a.service", "After", "-.mount"): frozenset({"mountinfo-default", "path"})},
            ["mountinfo-default: RequiresMountsFor=", "path: RequiresMountsFor="],
        ),
        # systemd tells of others only
        ({("b.service", "After", "-.mount"): frozenset({"path"})}, ["file: RequiresMountsFor="]),
    ],
)
def test_for_a_mount_systemds_own_words_are_taken(
    origins: dict[tuple[str, str, str], frozenset[str]], found: list[str]
) -> None:
    seen = graph(unit("a.service", After="-.mount", RequiresMountsFor="/var/x"), unit("-.mount"), origins=origins)
    assert declared(seen, "a.service", "After", "-.mount") == found


def test_every_rule_can_be_told_from_the_others() -> None:
    assert len({(rule.origin, rule.text, rule.kinds, rule.types, rule.other) for rule in RULES}) == len(RULES)
    assert all(rule.text and rule.kinds and rule.types for rule in RULES)


def test_a_dependency_that_nothing_known_declares_has_nothing() -> None:
    seen = graph(
        unit("a.service", f"{ETC}/a.service", Wants="b.service"), unit("b.service"), files={f"{ETC}/a.service": ""}
    )
    assert declared(seen, "a.service", "Wants", "b.service") == []
    assert declared(seen, "b.service", "WantedBy", "a.service") == []


# an early systemd


def test_systemd_before_230_has_dependencies_that_can_be_overridden() -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit(
            "a.service",
            path,
            # without quotes, and with an escape as it is
            RequiresOverridable=r"dev-disk-by\x2dlabel-ROOT.device b.service",
            RequisiteOverridable="c.service",
        ),
        unit("b.service", RequiredByOverridable="a.service"),
        files={
            path: "[Unit]\nRequiresOverridable=dev-disk-by\\x2dlabel-ROOT.device b.service\n"
            "RequisiteOverridable=c.service"
        },
    )
    edges = list(seen.edges("a.service", ["RequiresOverridable", "RequisiteOverridable"]))
    assert [edge.other for edge in edges] == [r"dev-disk-by\x2dlabel-ROOT.device", "b.service", "c.service"]
    assert [declared(seen, *edge) for edge in edges] == [[f"{path}:2"], [f"{path}:2"], [f"{path}:3"]]
    assert declared(seen, "b.service", "RequiredByOverridable", "a.service") == [f"{path}:2"]


def test_systemd_from_230_makes_plain_ones_of_them() -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit("a.service", path, Requires="b.service", Requisite="c.service"),
        files={path: "[Unit]\nRequiresOverridable=b.service\nRequisiteOverridable=c.service"},
    )
    assert declared(seen, "a.service", "Requires", "b.service") == [f"{path}:2"]
    assert declared(seen, "a.service", "Requisite", "c.service") == [f"{path}:3"]
    assert list(seen.not_loaded("a.service")) == []


# what is on disk alone


def not_loaded(seen: Graph, name: str) -> list[tuple[str, str, str]]:
    return [(edge.type, edge.other, str(declaration)) for edge, declaration in seen.not_loaded(name)]


@pytest.mark.parametrize(
    "directory", [f"{ETC}/foo-bar.service.d", f"{RUN}/foo-.service.d", f"{LIB}/service.d", f"{ETC}/alias.service.d"]
)
def test_a_drop_in_that_systemd_has_not_read_is_told(directory: str) -> None:
    path = f"{LIB}/foo-bar.service"
    seen = graph(
        unit("foo-bar.service", path, Names="foo-bar.service alias.service", After="b.service"),
        files={path: "[Unit]\nAfter=b.service", f"{directory}/90-new.conf": "[Unit]\nAfter=b.service\nWants=c.service"},
    )
    assert not_loaded(seen, "foo-bar.service") == [("Wants", "c.service", f"{directory}/90-new.conf:3")]
    # and it is no provenance of what systemd has
    assert declared(seen, "foo-bar.service", "After", "b.service") == [f"{path}:2"]


def test_a_drop_in_that_another_one_of_its_name_hides_is_not() -> None:
    hiding, hidden = f"{ETC}/a.service.d/10.conf", f"{LIB}/a.service.d/10.conf"
    seen = graph(
        unit("a.service", f"{LIB}/a.service", hiding, After="b.service"),
        files={f"{LIB}/a.service": "", hiding: "[Unit]\nAfter=b.service", hidden: "[Unit]\nAfter=c.service"},
    )
    assert not_loaded(seen, "a.service") == []


def test_a_file_that_has_changed_since_systemd_read_it_is_told() -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit("a.service", path, NeedDaemonReload="yes", After="b.service"),
        files={path: "[Unit]\nAfter=b.service new.service a.service"},
    )
    # a unit never depends on itself
    assert not_loaded(seen, "a.service") == [("After", "new.service", f"{path}:2")]


@pytest.mark.parametrize("state", ["masked", "not-found", "bad-setting", "error"])
def test_what_a_unit_that_is_not_loaded_declares_is_no_matter(state: str) -> None:
    path = f"{ETC}/a.service.d/10.conf"
    seen = graph(unit("a.service", "", path, LoadState=state), files={path: "[Unit]\nAfter=b.service"})
    assert not_loaded(seen, "a.service") == []


@pytest.mark.parametrize(
    ("own", "other", "found"),
    [
        (f"{ETC}/a.service", f"{LIB}/a.service", f"{LIB}/a.service"),
        (f"{ETC}/a.service", "/lib/systemd/system/a.service", "/lib/systemd/system/a.service"),
        (f"{ETC}/a.service", f"{TORCX}/a.service", f"{TORCX}/a.service"),
        (f"{RUN}/a.service", f"{LIB}/a.service", f"{LIB}/a.service"),
        # what torcx itself has copied there
        (f"{RUN}/a.service", f"{TORCX}/a.service", ""),
        (f"{TORCX}/a.service", f"{LIB}/a.service", ""),
        (f"{LIB}/a.service", f"{LIB}/b.service", ""),
        (f"{ETC}/a.service", f"{LIB}/b.service", ""),
        ("", f"{LIB}/a.service", ""),
    ],
)
def test_a_unit_file_may_hide_that_of_the_vendor(own: str, other: str, found: str) -> None:
    assert graph(unit("a.service", own), ages={other: (1, 1)}).shadows("a.service") == found


def test_a_unit_file_hides_torcx_s_rather_than_that_of_the_image() -> None:
    ages = {f"{LIB}/a.service": (1, 1), f"{TORCX}/a.service": (1, 1)}
    assert graph(unit("a.service", f"{ETC}/a.service"), ages=ages).shadows("a.service") == f"{TORCX}/a.service"
    # it has hidden that of the image already, and is the vendor's as well
    assert graph(unit("a.service", f"{RUN}/a.service"), ages=ages).shadows("a.service") == ""


def test_a_declaration_can_be_told_in_its_own_words() -> None:
    path = f"{ETC}/a.service"
    seen = graph(
        unit("a.service", path, After="b.service d.service", Wants="e.service"),
        files={path: "[Unit]\nWants=c.service\nAfter=b.service \\\n# no\n  d.service\nType=x"},
        links=[link(f"{ETC}/a.service.wants/e.service")],
    )
    (line,) = seen.declarations(Edge("a.service", "After", "d.service"))
    assert (line.line, seen.source(line)) == (5, "After=b.service d.service")
    (entry,) = seen.declarations(Edge("a.service", "Wants", "e.service"))
    assert seen.source(entry) == f"{ETC}/a.service.wants/e.service"


def test_two_unit_files_differ_in_what_one_of_them_has() -> None:
    own, vendors = f"{ETC}/a.service", f"{LIB}/a.service"
    seen = graph(
        files={
            own: "[Unit]\nAfter=b.service\nWants=c.service",
            vendors: "[Unit]\nWants=c.service\n[X]\nAfter=b.service",
        }
    )
    assert seen.differences(own, vendors) == [(f"{own}:2", "After=b.service"), (f"{vendors}:4", "After=b.service")]
    assert seen.differences(own, own) == []


# without an answer of systemd


def test_without_systemd_a_unit_is_what_its_files_say() -> None:
    fragment, drop_in = f"{ETC}/a@x.service", f"{ETC}/a@x.service.d/1 0.conf"
    texts = {
        fragment: "[Unit]\nAfter=b.service dep@.service\nWants=on-%H.target\nRequiresOverridable=r.service",
        drop_in: "[Unit]\nAfter=b.service c-%i.service",
    }
    settings = {path: parse_unit_file(path, list(enumerate(text.split("\n"), 1))) for path, text in texts.items()}
    seen = Graph(Look(settings=settings, partial=["systemctl is silent."]), ["a@x.service"])
    assert seen.look.units["a@x.service"]["LoadState"] == "unknown"
    found = {
        (edge.type, edge.other): [str(declaration) for declaration in seen.declarations(edge)]
        for edge in seen.edges("a@x.service")
    }
    assert found.pop(("Requires", "r.service")) == found.pop(("RequiresOverridable", "r.service")) == [f"{fragment}:4"]
    assert found == {
        ("After", "b.service"): [f"{fragment}:2", f"{drop_in}:2"],
        ("After", "dep@x.service"): [f"{fragment}:2"],
        ("After", "c-x.service"): [f"{drop_in}:2"],
    }


def test_what_systemd_did_tell_counts_more_than_the_files() -> None:
    shown = unit("a.service", f"{ETC}/a.service", After="b.service")
    seen = Graph(Look(units={"a.service": shown}, partial=["systemctl list-jobs is silent."]), ["a.service"])
    assert seen.look.units["a.service"] == shown
