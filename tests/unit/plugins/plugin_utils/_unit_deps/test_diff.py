# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import INVERSE
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff import diff, origin
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.stock import releases, stock
from ansible_collections.container_linux.remediation.tests.unit.plugins.plugin_utils.unit_deps import HOSTILE

SYSTEM = "/usr/lib/systemd/system"
DROP_IN = "/etc/systemd/system/docker.service.d/40-flannel.conf"

RUNTIME = "/run/systemd/system"


def node(fragment: str = "", **more: Any) -> dict[str, Any]:
    return {
        "aliases": [],
        "load_state": "loaded",
        "active_state": "active",
        "sub_state": "running",
        "result": "success",
        "job": None,
        "enabled": "static",
        "install": {},
        "fragment": fragment,
        "drop_ins": [],
        "condition": None,
        "need_reload": False,
        "masked": False,
        "started_at": "2026-11-22T06:10:00Z",
        "files_newer": False,
        "edges": {},
        **more,
    }


def facts(nodes: dict[str, Any], *units: str, **more: Any) -> dict[str, Any]:
    return {
        "units": list(units),
        "os": {"id": "coreos", "version": "1010.5.0"},
        "systemd": "225",
        "nodes": nodes,
        "partial": [],
        **more,
    }


def seed_host() -> dict[str, Any]:
    """docker.service of a stock 1010, with what systemd adds, as far as it matters here."""
    docker = node(
        f"{SYSTEM}/docker.service",
        enabled="disabled",
        install={"WantedBy": ["multi-user.target"]},
        edges={
            "Requires": {
                "docker.socket": [f"{SYSTEM}/docker.service:5"],
                "early-docker.target": [f"{SYSTEM}/docker.service:5"],
                "sysinit.target": ["default: services"],
                "system.slice": ["file: Slice="],
            },
            "After": {
                "docker.socket": [f"{SYSTEM}/docker.service:4", "implicit: a socket and its service"],
                "early-docker.target": [f"{SYSTEM}/docker.service:4"],
                "network.target": [f"{SYSTEM}/docker.service:4"],
                "sysinit.target": ["default: services"],
            },
            "Before": {"shutdown.target": ["default: services"]},
            "Conflicts": {"shutdown.target": ["default: services"]},
            "TriggeredBy": {"docker.socket": ["implicit: a socket and its service"]},
        },
    )
    socket = node(
        f"{SYSTEM}/docker.socket",
        install={"WantedBy": ["sockets.target"]},
        edges={
            "PartOf": {"docker.service": [f"{SYSTEM}/docker.socket:3"]},
            "Triggers": {"docker.service": ["implicit: a socket and its service"]},
            "Before": {
                "docker.service": [f"{SYSTEM}/docker.service:4", "implicit: a socket and its service"],
                "sockets.target": ["default: sockets"],
            },
        },
    )
    early = node(
        f"{SYSTEM}/early-docker.target",
        edges={
            "Before": {"docker.service": [f"{SYSTEM}/docker.service:4"]},
            "After": {"flanneld.service": [f"{SYSTEM}/flanneld.service:6"]},
        },
    )
    flanneld = node(
        f"{SYSTEM}/flanneld.service",
        enabled="disabled",
        install={"WantedBy": ["multi-user.target"]},
        edges={
            "Requires": {"early-docker.service": [f"{SYSTEM}/flanneld.service:3"]},
            "After": {
                "early-docker.service": [f"{SYSTEM}/flanneld.service:4"],
                "etcd.service": [f"{SYSTEM}/flanneld.service:5"],
                "etcd2.service": [f"{SYSTEM}/flanneld.service:5"],
            },
            "Before": {"early-docker.target": [f"{SYSTEM}/flanneld.service:6"]},
        },
    )
    names = {"docker.service": docker, "docker.socket": socket, "early-docker.target": early}
    others = {"sysinit.target": node(f"{SYSTEM}/sysinit.target"), "network.target": node(f"{SYSTEM}/network.target")}
    return facts({**names, "flanneld.service": flanneld, **others}, "docker.service")


def with_drop_in(host: dict[str, Any]) -> dict[str, Any]:
    host = copy.deepcopy(host)
    docker = host["nodes"]["docker.service"]
    docker["drop_ins"] = [DROP_IN]
    docker["edges"]["Requires"]["flanneld.service"] = [f"{DROP_IN}:2"]
    docker["edges"]["After"]["flanneld.service"] = [f"{DROP_IN}:3"]
    host["nodes"]["flanneld.service"]["edges"]["Before"]["docker.service"] = [f"{DROP_IN}:3"]
    return host


def told(result: dict[str, Any], kind: str) -> list[str]:
    return [f"{edge['from']} {edge['type']} {edge['to']} ({edge['origin']})" for edge in result["edges"][kind]]


def fields(result: dict[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {(item["unit"], item["field"]): (item["before"], item["after"]) for item in result["nodes"]["changed"]}


# -- the seed's question -----------------------------------------------------------------------------------------------


def test_between_899_and_1010_docker_is_the_same_and_flanneld_can_be_enabled() -> None:
    result = diff("1010", "899")
    assert "docker.service" in result["nodes"]["unchanged"]
    assert not [edge for edge in told(result, "added") + told(result, "removed") if edge.startswith("docker.")]
    assert fields(result) == {("flanneld.service", "install"): ({}, {"WantedBy": ["multi-user.target"]})}
    assert [item["unit"] for item in result["nodes"]["added"]] == ["user-config-ovfenv.service"]
    assert [item["unit"] for item in result["nodes"]["removed"]] == ["user-configdrive.path"]


@pytest.mark.parametrize("baseline", ["auto", " auto ", "1010", " 1010", 1010, 1010.5, "1010.5.0"])
def test_the_edge_to_flanneld_is_yours(baseline: Any) -> None:
    result = diff(with_drop_in(seed_host()), baseline=baseline)
    assert result["edges"] == {
        "added": [
            {
                "from": "docker.service",
                "type": kind,
                "to": "flanneld.service",
                "declared_by": [f"{DROP_IN}:{line}"],
                "origin": "yours",
            }
            for kind, line in (("After", 3), ("Requires", 2))
        ],
        "removed": [],
        "moved": [],
    }
    assert fields(result) == {("docker.service", "drop_ins"): ([], [DROP_IN])}
    assert result["nodes"]["added"] == result["nodes"]["removed"] == result["notes"] == []
    assert result["nodes"]["unchanged"] == ["docker.socket", "early-docker.target", "flanneld.service"]


def test_a_host_as_its_release_ships_it_has_no_difference() -> None:
    result = diff(seed_host(), baseline="auto")
    assert result["same"]
    assert result["before"]["stock"] == "1010"
    assert result["after"] == {
        "stock": "",
        "os": {"id": "coreos", "version": "1010.5.0"},
        "systemd": "225",
        "units": ["docker.service"],
    }


def test_the_drop_in_is_also_the_difference_of_two_moments() -> None:
    result = diff(with_drop_in(seed_host()), seed_host())
    assert told(result, "added") == [
        "docker.service After flanneld.service (yours)",
        "docker.service Requires flanneld.service (yours)",
    ]
    assert fields(result) == {("docker.service", "drop_ins"): ([], [DROP_IN])}


# -- a host and a release ----------------------------------------------------------------------------------------------


def host_of(release: str) -> dict[str, Any]:
    """Facts of a host that has what a release ships: with line numbers, other ends, and what systemd adds."""
    found = stock(release)
    nodes = {name: node(**{**data, "edges": {}}) for name, data in found["nodes"].items()}
    ends = {**INVERSE, **{forward: inverse for inverse, forward in INVERSE.items()}}

    def add(name: str, kind: str, other: str, declaration: str) -> None:
        if name in nodes:
            nodes[name]["edges"].setdefault(kind, {}).setdefault(other, []).append(declaration)

    for name, data in found["nodes"].items():
        add(name, "Before", "shutdown.target", "default: services")
        for kind, others in data["edges"].items():
            for other, (file,) in others.items():
                declaration = f"{file}:7" if file == data["fragment"] else file
                add(name, kind, other, declaration)
                add(other, ends[kind], name, declaration)
    return facts(nodes, "docker.service", os=found["os"], systemd=found["systemd"])


@pytest.mark.parametrize("release", releases())
def test_what_a_release_ships_is_no_difference_to_it(release: str) -> None:
    result = diff(host_of(release), baseline="auto")
    assert result["same"], result
    assert result["nodes"]["unchanged"] == sorted(stock(release)["nodes"])


@pytest.mark.parametrize(("old", "new"), [("494", "522"), ("899", "1010"), ("1068", "1122"), ("2512", "3033")])
def test_hosts_differ_from_a_release_as_the_releases_do(old: str, new: str) -> None:
    expected = diff(new, old)
    for result in (diff(host_of(new), old), diff(host_of(new), host_of(old))):
        for kind in ("added", "removed"):
            # a stock says nothing about default.target and sockets.target themselves
            known = [text for text in told(expected, kind) if text.split()[0] in stock(old)["nodes"]]
            assert [text for text in told(result, kind) if text.split()[0] in stock(old)["nodes"]] == known


def test_a_unit_file_in_etc_moves_what_it_declares_and_removes_the_rest() -> None:
    host = seed_host()
    docker = host["nodes"]["docker.service"]
    docker["fragment"] = "/etc/systemd/system/docker.service"
    docker["edges"]["Requires"] = {"docker.socket": ["/etc/systemd/system/docker.service:4"]}
    docker["edges"]["After"] = {"docker.socket": ["/etc/systemd/system/docker.service:3"]}
    for name in ("docker.socket", "early-docker.target"):
        del host["nodes"][name]["edges"]["Before"]
    result = diff(host, baseline="auto")
    assert told(result, "moved") == [
        "docker.service After docker.socket (yours)",
        "docker.service Requires docker.socket (yours)",
    ]
    assert result["edges"]["moved"][1]["before"] == [f"{SYSTEM}/docker.service"]
    assert result["edges"]["moved"][1]["after"] == ["/etc/systemd/system/docker.service:4"]
    assert told(result, "removed") == [
        "docker.service After early-docker.target (vendor)",
        "docker.service After network.target (vendor)",
        "docker.service Requires early-docker.target (vendor)",
    ]
    assert fields(result) == {
        ("docker.service", "fragment"): (f"{SYSTEM}/docker.service", "/etc/systemd/system/docker.service")
    }


def test_a_unit_of_yours_that_makes_docker_wait_is_told() -> None:
    host = seed_host()
    mine = "/etc/systemd/system/mine.service"
    host["nodes"]["docker.service"]["edges"]["After"]["mine.service"] = [f"{mine}:3"]
    host["nodes"]["mine.service"] = node(mine, edges={"Before": {"docker.service": [f"{mine}:3"]}})
    result = diff(host, baseline="auto")
    assert result["nodes"]["added"] == [{"unit": "mine.service", "fragment": mine, "origin": "yours"}]
    assert told(result, "added") == ["docker.service After mine.service (yours)"]


def test_the_vendors_units_that_no_stock_lists_are_no_difference() -> None:
    host = seed_host()
    host["nodes"]["docker.service"]["edges"]["After"]["other.service"] = [f"{SYSTEM}/other.service:3"]
    host["nodes"]["other.service"] = node(f"{SYSTEM}/other.service")
    host["nodes"]["sysinit.target"]["edges"] = {"Wants": {"a.service": [f"{SYSTEM}/sysinit.target.wants/a.service"]}}
    host["nodes"]["data.mount"] = node("/run/systemd/generator/data.mount")
    host["nodes"]["fstrim.timer"] = node("/dev/null", load_state="masked", masked=True)
    assert diff(host, baseline="auto")["same"]


def test_a_link_in_a_wants_directory_of_the_unit_is_told() -> None:
    host = seed_host()
    link = "/etc/systemd/system/docker.service.wants/mine.service"
    host["nodes"]["docker.service"]["edges"]["Wants"] = {"mine.service": [link]}
    assert diff(host, baseline="auto")["edges"]["added"] == [
        {"from": "docker.service", "type": "Wants", "to": "mine.service", "declared_by": [link], "origin": "yours"}
    ]


def test_a_drop_in_of_the_vendor_that_the_stock_lacks_is_the_vendors() -> None:
    host = seed_host()
    drop_in = f"{SYSTEM}/docker.service.d/10-oem.conf"
    host["nodes"]["docker.service"]["drop_ins"] = [drop_in]
    host["nodes"]["docker.service"]["edges"]["Wants"] = {"oem.service": [f"{drop_in}:2"]}
    result = diff(host, baseline="auto")
    assert told(result, "added") == ["docker.service Wants oem.service (vendor)"]


def test_a_drop_in_for_every_service_is_told_for_those_that_the_stock_has() -> None:
    host = seed_host()
    drop_in = "/etc/systemd/system/service.d/10-mine.conf:2"
    for name in ("docker.service", "other.service"):
        host["nodes"].setdefault(name, node(f"{SYSTEM}/{name}"))
        host["nodes"][name]["edges"]["Wants"] = {"mine.service": [drop_in]}
    assert told(diff(host, baseline="auto"), "added") == ["docker.service Wants mine.service (yours)"]


def test_a_unit_that_is_not_loaded_misses_no_lines() -> None:
    host = seed_host()
    del host["nodes"]["flanneld.service"]
    del host["nodes"]["early-docker.target"]["edges"]["After"]
    assert diff(host, baseline="auto")["same"]


def test_the_line_of_a_unit_that_is_no_node_is_no_difference() -> None:
    """Facts to a depth tell edges that end in units they tell nothing of."""
    host = seed_host()
    del host["nodes"]["flanneld.service"]
    assert diff(host, baseline="auto")["same"]


def test_a_unit_that_the_release_has_and_the_host_has_not_is_removed() -> None:
    host = seed_host()
    host["nodes"]["flanneld.service"] = node(load_state="not-found")
    del host["nodes"]["early-docker.target"]["edges"]["After"]
    result = diff(host, baseline="auto")
    assert [item["unit"] for item in result["nodes"]["removed"]] == ["flanneld.service"]
    assert not any(result["edges"].values())


def test_a_mask_is_told_alone() -> None:
    host = seed_host()
    masked = node("/etc/systemd/system/flanneld.service", load_state="masked", enabled="masked", masked=True)
    host["nodes"]["flanneld.service"] = masked
    del host["nodes"]["early-docker.target"]["edges"]["After"]
    expected = {("flanneld.service", "masked"): (False, True)}
    against_stock = diff(host, baseline="auto")
    assert fields(against_stock) == expected
    assert not any(against_stock["edges"].values())
    earlier = diff(host, seed_host())
    assert fields(earlier) == expected
    assert not any(earlier["edges"].values())
    assert fields(diff(seed_host(), host)) == {("flanneld.service", "masked"): (True, False)}


@pytest.mark.parametrize(
    ("unit", "word", "expected"),
    [
        ("flanneld.service", "enabled", ("disabled", "enabled")),
        ("flanneld.service", "enabled-runtime", ("disabled", "enabled-runtime")),
        ("flanneld.service", "linked", None),
        # old systemd looks for links in /etc and /run alone
        ("docker.socket", "disabled", None),
        ("docker.socket", "static", None),
        ("docker.socket", "enabled", None),
        ("docker.socket", "", None),
    ],
)
def test_enabled_is_told_where_the_vendor_has_not_enabled_it(unit: str, word: str, expected: Any) -> None:
    host = seed_host()
    host["nodes"][unit]["enabled"] = word
    assert fields(diff(host, baseline="auto")).get((unit, "enabled")) == expected


def test_the_units_of_a_torcx_image_are_the_vendors() -> None:
    host = host_of("1911")
    docker = host["nodes"]["docker.service"]
    assert docker["fragment"].startswith("/run/torcx/")
    assert origin([docker["fragment"]]) == "vendor"
    assert diff(host, baseline="1911")["same"]
    before = diff(host, host_of("1353"))
    assert ("docker.service", "fragment") not in fields(before)
    assert before["edges"]["moved"] == []


def on_torcx() -> dict[str, Any]:
    """A host whose torcx has copied its units among the runtime ones, as it does since 2017."""
    host: dict[str, Any] = json.loads(json.dumps(host_of("1911")).replace("/run/torcx/unpack/docker/lib/", "/run/"))
    docker = host["nodes"]["docker.service"]
    docker["edges"]["Requires"]["system.slice"] = [f"file: Slice= ({RUNTIME}/docker.service:9)"]
    return host


def test_the_units_that_torcx_has_copied_are_the_vendors() -> None:
    host = on_torcx()
    docker = host["nodes"]["docker.service"]
    assert docker["fragment"] == f"{RUNTIME}/docker.service"
    assert docker["edges"]["After"]["torcx.target"] == [f"{RUNTIME}/docker.service:7"]
    assert host["nodes"]["docker.socket"]["edges"]["WantedBy"]["sockets.target"] == [
        f"{RUNTIME}/sockets.target.wants/docker.socket"
    ]
    given = copy.deepcopy(host)
    assert diff(host, baseline="auto")["same"]
    assert host == given
    unpacked = diff(host, host_of("1911"))
    assert unpacked["edges"]["moved"] == []
    assert ("docker.service", "fragment") not in fields(unpacked)
    assert told(unpacked, "added") == ["docker.service Requires system.slice (systemd)"]


def test_what_you_add_to_units_of_torcx_is_yours() -> None:
    host = on_torcx()
    edges = host["nodes"]["docker.service"]["edges"]
    edges["Requires"]["flanneld.service"] = [f"{RUNTIME}/docker.service.d/10.conf:2"]
    assert told(diff(host, baseline="auto"), "added") == ["docker.service Requires flanneld.service (yours)"]


def test_a_runtime_unit_that_torcx_has_not_made_is_yours() -> None:
    host = seed_host()
    host["nodes"]["docker.service"]["fragment"] = f"{RUNTIME}/docker.service"
    host["nodes"]["docker.service"]["edges"]["After"]["torcx.target"] = [
        "/etc/systemd/system/docker.service.d/x.conf:2"
    ]
    result = diff(host, baseline="auto")
    assert fields(result)[("docker.service", "fragment")][1] == f"{RUNTIME}/docker.service"


@pytest.mark.parametrize("folder", ["/usr/lib64/systemd/system", "/lib/systemd/system", "/lib64/systemd/system"])
def test_the_vendors_directory_has_many_names(folder: str) -> None:
    host = seed_host()
    text = repr(host).replace(SYSTEM, folder)
    moved: dict[str, Any] = eval(text, {"__builtins__": {}})
    assert moved != host
    assert diff(moved, baseline="auto")["same"]
    assert diff(moved, host)["same"]


def test_an_instance_is_compared_with_its_template() -> None:
    host = seed_host()
    name = "user-cloudinit@var-lib-coreos\\x2dvagrant-vagrantfile\\x2duser\\x2ddata.service"
    template = f"{SYSTEM}/user-cloudinit@.service"
    instance = node(
        template,
        edges={
            "Requires": {"coreos-setup-environment.service": [f"{template}:3"]},
            "After": {
                "coreos-setup-environment.service": [f"{template}:4"],
                "system-config.target": [f"{template}:4"],
            },
            "Before": {"user-config.target": [f"{template}:5"]},
        },
    )
    host["nodes"][name] = instance
    assert diff(host, baseline="auto")["same"]
    instance["edges"]["Wants"] = {"mine.service": ["/etc/systemd/system/user-cloudinit@.service.d/1.conf:2"]}
    del instance["edges"]["After"]["system-config.target"]
    result = diff(host, baseline="auto")
    assert told(result, "added") == [f"{name} Wants mine.service (yours)"]
    assert told(result, "removed") == [f"{name} After system-config.target (vendor)"]


def test_a_unit_under_its_other_name_is_the_same() -> None:
    host = seed_host()
    nodes = host["nodes"]
    for end in nodes["flanneld.service"]["edges"].values():
        for other in list(end):
            if other == "etcd2.service":
                end["my-etcd.service"] = end.pop(other)
    nodes["my-etcd.service"] = node("/usr/lib/systemd/system/my-etcd.service", aliases=["etcd2.service"])
    result = diff(host, baseline="auto")
    assert (result["edges"]["added"], result["edges"]["removed"]) == ([], [])


def test_another_release_than_the_hosts_own_is_named() -> None:
    host = seed_host()
    host["os"]["version"] = "1032.1.0"
    result = diff(host, baseline="auto")
    assert result["before"]["stock"] == "1010"
    assert result["notes"] == [
        "What 1032.1.0 ships is not known; compared with 1010, the newest release that is known and not newer."
    ]
    assert diff(host, baseline="1010")["notes"] == []


def test_a_part_of_the_facts_is_said_to_be_one() -> None:
    host = seed_host()
    host["partial"] = ["systemctl took too long"]
    host["nodes"]["docker.socket"].update(load_state="unknown", edges={}, fragment="")
    result = diff(host, baseline="auto")
    assert result["notes"] == [
        "The facts of the side 'after' are partial, so that what is missing in them may well exist."
    ]
    assert result["same"]
    assert "docker.socket" not in result["nodes"]["unchanged"]


# -- two facts ---------------------------------------------------------------------------------------------------------


def test_the_state_is_compared_between_facts_alone() -> None:
    host = seed_host()
    host["nodes"]["docker.service"].update(
        active_state="inactive", sub_state="dead", job={"type": "start", "state": "waiting"}, started_at=""
    )
    assert fields(diff(host, seed_host())) == {
        ("docker.service", "active_state"): ("active", "inactive"),
        ("docker.service", "sub_state"): ("running", "dead"),
        ("docker.service", "job"): (None, {"type": "start", "state": "waiting"}),
    }
    assert diff(host, baseline="auto")["same"]


def test_a_dependency_is_one_from_both_of_its_ends() -> None:
    here = facts({"a.service": node(edges={"After": {"b.service": ["/etc/a:1"]}})}, "a.service")
    there = facts({"a.service": node(), "b.service": node(edges={"Before": {"a.service": ["/etc/a:1"]}})}, "a.service")
    both = facts({"a.service": here["nodes"]["a.service"], "b.service": there["nodes"]["b.service"]}, "a.service")
    for one, other in ((here, there), (there, both), (both, here)):
        assert not any(diff(one, other)["edges"].values())
    without = facts({"a.service": node(), "b.service": node()}, "a.service")
    for one in (here, there, both):
        assert told(diff(one, without), "added") == ["a.service After b.service (yours)"]


@pytest.mark.parametrize("inverse", sorted(INVERSE))
def test_every_inverse_is_told_in_its_plain_direction(inverse: str) -> None:
    one = facts({"a.service": node(edges={inverse: {"b.service": ["/etc/b:1"]}}), "b.service": node()})
    two = facts({"a.service": node(), "b.service": node(edges={INVERSE[inverse]: {"a.service": ["/etc/b:1"]}})})
    assert not any(diff(one, two)["edges"].values())
    without = facts({"a.service": node(), "b.service": node()})
    assert told(diff(one, without), "added") == [f"b.service {INVERSE[inverse]} a.service (yours)"]


def test_a_line_that_only_moved_within_its_file_is_no_difference() -> None:
    host = seed_host()
    requires = host["nodes"]["docker.service"]["edges"]["Requires"]
    requires["docker.socket"] = [f"{SYSTEM}/docker.service:50"]
    requires["tmp.mount"] = ["path: RequiresMountsFor= (/etc/systemd/system/docker.service.d/1.conf:3)"]
    later = copy.deepcopy(host)
    # which origin systemd gives depends on the order in which it reads its units
    later["nodes"]["docker.service"]["edges"]["Requires"]["tmp.mount"] = [
        "file: RequiresMountsFor= (/etc/systemd/system/docker.service.d/1.conf:9)"
    ]
    assert diff(later, host)["same"]


def test_a_unit_that_is_reached_anew_brings_none_of_systemds_own_edges() -> None:
    host = seed_host()
    host["nodes"]["docker.service"]["edges"]["Wants"] = {
        "new.service": ["/etc/systemd/system/docker.service.d/1.conf:2"]
    }
    host["nodes"]["new.service"] = node(
        f"{SYSTEM}/new.service",
        edges={
            "After": {"sysinit.target": ["default: services"], "network.target": [f"{SYSTEM}/new.service:3"]},
            "Before": {"shutdown.target": ["default: services"]},
            "Requires": {"sysinit.target": ["default: services"], "far.service": [f"{SYSTEM}/new.service:4"]},
        },
    )
    result = diff(host, seed_host())
    assert result["nodes"]["added"] == [
        {"unit": "new.service", "fragment": f"{SYSTEM}/new.service", "origin": "vendor"}
    ]
    assert told(result, "added") == [
        "docker.service Wants new.service (yours)",
        # the older facts have network.target and would have told of it; what new.service requires they do not know
        "new.service After network.target (vendor)",
    ]


def test_facts_of_other_units_are_said_to_be_so() -> None:
    one, other = facts({}, "a.service", "b.service"), facts({}, "c.service")
    assert diff(one, other)["notes"] == [
        "Not the same units were asked for: c.service before, a.service, b.service after. "
        "What only one of them leads to is told as added or removed."
    ]
    many = facts({}, *(f"{number}.service" for number in range(7)))
    (note,) = diff(facts({}), many)["notes"]
    assert "0.service, 1.service, 2.service, 3.service, 4.service and 2 more before, none after." in note


@pytest.mark.parametrize("make", [seed_host, lambda: facts({}), lambda: facts({"a.service": node()}, "a.service")])
def test_the_same_facts_have_no_difference(make: Any) -> None:
    result = diff(make(), make())
    assert result["same"]
    assert (*result["edges"].values(), result["nodes"]["added"], result["nodes"]["removed"]) == ([], [], [], [], [])


def test_facts_without_nodes_have_nothing_to_compare_with_a_stock() -> None:
    result = diff(facts({}), baseline="auto")
    assert result["same"]
    assert result["nodes"]["unchanged"] == []


def test_the_order_of_things_does_not_matter() -> None:
    host = with_drop_in(seed_host())
    expected = (diff(host, "899"), diff(host, seed_host()))
    shuffle = random.Random(4)
    for _round in range(20):
        mixed, other = shuffled(host, shuffle), shuffled(seed_host(), shuffle)
        assert (diff(mixed, "899"), diff(mixed, other)) == expected


def shuffled(value: Any, shuffle: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, shuffle)) for key, item in value.items()]
        shuffle.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, shuffle) for item in value]
        shuffle.shuffle(items)
        return items
    return value


def test_swapping_the_sides_swaps_the_answer() -> None:
    host = with_drop_in(seed_host())
    for other in ("899", "1298", seed_host()):
        there, back = diff(host, other), diff(other, host)
        assert there["edges"]["added"] == back["edges"]["removed"]
        assert there["edges"]["removed"] == back["edges"]["added"]
        assert there["nodes"]["added"] == back["nodes"]["removed"]
        assert {key: value[::-1] for key, value in fields(there).items()} == fields(back)


def test_what_is_compared_is_left_as_it_is() -> None:
    host, earlier = with_drop_in(seed_host()), seed_host()
    diff(host, earlier)
    diff(host, baseline="auto")
    assert (host, earlier) == (with_drop_in(seed_host()), seed_host())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_may_hold_anything(name: str) -> None:
    host = seed_host()
    host["nodes"][name] = node(f"/etc/systemd/system/{name}", edges={"After": {name: [name, f"/{name}:1"]}})
    host["nodes"]["docker.service"]["edges"]["Wants"] = {name: [f"/etc/systemd/system/docker.service.wants/{name}"]}
    assert told(diff(host, baseline="auto"), "added") == [f"docker.service Wants {name} (yours)"]
    result = diff(host, seed_host())
    assert [item["unit"] for item in result["nodes"]["added"]] == [name]


@pytest.mark.parametrize(
    ("declarations", "whose"),
    [
        (["/etc/systemd/system/a.service:3", f"{SYSTEM}/a.service:3"], "yours"),
        (["/run/systemd/system/a.service:3"], "yours"),
        (["/usr/local/lib/systemd/system/a.service:3"], "yours"),
        (["/opt/bin/a.service:3"], "yours"),
        (["/run/systemd/generator.late/a.target.wants/b.mount", f"{SYSTEM}/a.service:3"], "generated"),
        ([f"{SYSTEM}/a.service:3", "default: services"], "vendor"),
        (["/run/torcx/unpack/docker/lib/systemd/system/docker.service:3"], "vendor"),
        (["default: services"], "systemd"),
        (["path: RequiresMountsFor= (/etc/systemd/system/a.service:3)"], "systemd"),
        ([], "unknown"),
        ([""], "unknown"),
        (["/dev/null"], "unknown"),
    ],
)
def test_whose_a_dependency_is(declarations: list[str], whose: str) -> None:
    assert origin(declarations) == whose


# -- what cannot be compared -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"before": None}, "One thing to compare with is needed.*'auto' or a release \\(410, "),
        ({"before": "899", "baseline": "899"}, "One thing to compare with is needed"),
        ({"baseline": "auto", "after": "1010"}, "'1010' is a release itself.*410, 444"),
        ({"baseline": {"nodes": {}}}, "baseline= takes a release's name or 'auto'"),
        ({"baseline": "1011"}, "There is no stock of a release '1011'.*1010, 1068.*flatcar 3033, 3815, 4230"),
        ({"before": "latest"}, "There is no stock of a release 'latest'"),
        ({"before": "\x1b[2J.1"}, "There is no stock of a release '\ufffd\\[2J.1'"),
        (
            {"before": ["a"]},
            "These are no facts to compare: a list. Give ansible_facts.container_linux_unit_deps or a release",
        ),
        ({"before": True}, "no facts to compare: 'True'"),
        ({"before": {}}, "a dictionary without 'nodes'"),
        ({"before": {"nodes": []}}, "a dictionary without 'nodes'"),
        ({"before": {"ansible_facts": {}}}, "a dictionary that holds the facts"),
        ({"before": {"container_linux_unit_deps": {}}}, "a dictionary that holds the facts"),
        ({"before": {"nodes": {}, "units": "a"}}, "their 'units' are not a list"),
        ({"before": {"nodes": {"a\x07": 1}}}, "their node 'a\ufffd' is not a dictionary"),
        ({"before": {"nodes": {1: {}}}}, "their node '1' is not a dictionary"),
        ({"before": {"nodes": {"a": {"drop_ins": None}}}}, "the aliases or drop-ins of their 'a'"),
        ({"before": {"nodes": {"a": {"fragment": 1}}}}, "the load_state or fragment of their 'a'"),
        ({"before": {"nodes": {"a": {"install": {"WantedBy": "b"}}}}}, "'install' of their 'a'"),
        ({"before": {"nodes": {"a": {"edges": {"After": ["b"]}}}}}, "'edges' of their 'a'"),
        ({"before": {"nodes": {"a": {"edges": {"After": {"b": "c"}}}}}}, "'edges' of their 'a'"),
        ({"before": {"nodes": {"a": {"edges": {"After": {"b": [1]}}}}}}, "'edges' of their 'a'"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RemediationError, match=sentence) as caught:
        diff(**{"after": seed_host(), **arguments})
    assert caught.value.message.isprintable()


def test_auto_needs_facts_that_tell_their_os() -> None:
    for os in ({"id": "", "version": ""}, {}, None, "coreos", {"id": "debian", "version": "12"}):
        with pytest.raises(RemediationError, match=r"Name the release to compare with: coreos 410, .*; flatcar 3033"):
            diff(facts({}, os=os), baseline="auto")
