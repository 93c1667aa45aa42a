# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of unit_deps_facts, made by hand: what the tests of the filters that read them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SYSTEM = "/usr/lib/systemd/system"
DROP_IN = "/etc/systemd/system/docker.service.d/40-flannel.conf"
HOSTILE = [
    'a"b.service',
    "a\\b.service",
    "a\\",
    "a\\N\\l\\n.service",
    "a\nb.service",
    "<b>bold</b>.service",
    "<TABLE><TR>",
    "a&amp;b & c.service",
    "a]b[c;}.service",
    "--> {rank=same}",
    "a:b:n.service",
    "\x1b[31mred\x07.service",
    "\u202eecivres.\ud800",
    "é ü 漢.service",
    "",
    " ",
    "x" * 5000,
]
"""Names that no unit should have."""


def node(active: str = "active", sub: str = "running", *, edges: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "aliases": [],
        "load_state": "loaded",
        "active_state": active,
        "sub_state": sub,
        "result": "success",
        "job": None,
        "condition": None,
        "need_reload": False,
        "files_newer": False,
        "edges": edges or {},
        **more,
    }


def facts(nodes: Mapping[str, Any], *units: str, **more: Any) -> dict[str, Any]:
    return {"units": list(units), "missing": [], "nodes": dict(nodes), "blocked_by": {}, "partial": [], **more}


def graph(edges: Mapping[str, Sequence[str]], *units: str, kind: str = "Requires", **more: Any) -> dict[str, Any]:
    """Facts of units that are all up, each with the names of those that it depends on."""
    names = dict.fromkeys([*edges, *(to for targets in edges.values() for to in targets)])
    nodes = {
        name: node(edges={kind: {to: [f"{SYSTEM}/{name}:{line}"] for line, to in enumerate(edges.get(name, ()), 1)}})
        for name in names
    }
    return facts(nodes, *units, **more)


def step(unit: str, state: str, *declared_by: str, kind: str = "", types: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "unit": unit,
        "state": state,
        "job": None,
        "kind": kind,
        "types": list(types),
        "declared_by": list(declared_by),
    }


def blocked() -> dict[str, Any]:
    """docker.service behind a flanneld.service that a drop-in makes it require, with what systemd itself adds."""
    by_default = {"sysinit.target": ["default: services"], "system.slice": ["file: Slice="]}
    return facts(
        {
            "docker.service": node(
                "inactive",
                "dead",
                aliases=["engine.service"],
                job={"type": "start", "state": "waiting"},
                edges={
                    "Requires": {**by_default, "flanneld.service": [f"{DROP_IN}:2"]},
                    "After": {
                        **by_default,
                        "docker.socket": [f"{SYSTEM}/docker.service:5", "implicit: a socket and its service"],
                        "flanneld.service": [f"{DROP_IN}:3"],
                        "tmp.mount": [f"file: PrivateTmp= ({SYSTEM}/docker.service:9)"],
                    },
                    "Before": {"multi-user.target": ["default: targets follow what they pull in"]},
                },
            ),
            "docker.socket": node(edges={"PartOf": {"docker.service": [f"{SYSTEM}/docker.socket:3"]}}),
            "flanneld.service": node(
                "activating",
                "start",
                job={"type": "start", "state": "running"},
                edges={"Wants": {"etcd2.service": [f"{SYSTEM}/flanneld.service.wants/etcd2.service"]}},
            ),
            "etcd2.service": node(need_reload=True, files_newer=True),
            "sysinit.target": node(edges={"Wants": {"local-fs.target": [f"{SYSTEM}/sysinit.target:13"]}}),
            "local-fs.target": node(),
            "system.slice": node(),
            "tmp.mount": node(),
        },
        "docker.service",
        blocked_by={
            "docker.service": [
                step("docker.service", "inactive (dead)"),
                step(
                    "flanneld.service",
                    "activating (start)",
                    f"{DROP_IN}:2",
                    f"{DROP_IN}:3",
                    kind="requirement",
                    types=["Requires", "After"],
                ),
            ]
        },
    )
