# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_diff import (
    DOCUMENTATION,
    RETURN,
    FilterModule,
    unit_deps_diff,
)
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.stock import releases
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches
from ansible_collections.container_linux.remediation.tests.unit.plugins.plugin_utils.unit_deps import (
    DROP_IN,
    HOSTILE,
    SYSTEM,
    facts,
    node,
)

COREOS = {"os": {"id": "coreos", "version": "1010.5.0"}, "systemd": "225"}


def docker(**edges: Any) -> dict[str, Any]:
    """A stock docker.service of 1010, with further edges."""
    fragment = f"{SYSTEM}/docker.service"
    stock = {
        "Requires": {"docker.socket": [f"{fragment}:5"], "early-docker.target": [f"{fragment}:5"]},
        "After": {name: [f"{fragment}:4"] for name in ("docker.socket", "early-docker.target", "network.target")},
    }
    return node(
        fragment=fragment,
        install={"WantedBy": ["multi-user.target"]},
        edges={kind: {**stock.get(kind, {}), **edges.get(kind, {})} for kind in {**stock, **edges}},
    )


def seed() -> dict[str, Any]:
    service = docker(Requires={"flanneld.service": [f"{DROP_IN}:2"]}, After={"flanneld.service": [f"{DROP_IN}:3"]})
    service["drop_ins"] = [DROP_IN]
    target = node(fragment=f"{SYSTEM}/early-docker.target")
    return facts({"docker.service": service, "early-docker.target": target}, "docker.service", **COREOS)


def text(*arguments: Any, **options: Any) -> list[str]:
    told = unit_deps_diff(*arguments, text=True, **options)
    assert isinstance(told, str)
    return told.splitlines()


def test_the_text_says_whose_line_it_is() -> None:
    assert text(seed(), baseline="auto") == [
        "before: stock of coreos 1010, systemd 225",
        "after:  facts of docker.service on coreos 1010.5.0, systemd 225",
        "",
        "docker.service",
        f"  + drop-in {DROP_IN} (yours)",
        f"  + Requires, After flanneld.service: {DROP_IN}:2,3 (yours)",
        "",
        "No difference in: early-docker.target.",
    ]


def test_the_text_of_two_releases_names_what_did_not_change() -> None:
    lines = text("1010", "899")
    assert lines[:6] == [
        "before: stock of coreos 899, systemd 225",
        "after:  stock of coreos 1010, systemd 225",
        "",
        "flanneld.service",
        "  + [Install] WantedBy=multi-user.target",
        "",
    ]
    assert "  - Requires, After user-configdrive.path: user-config.target (vendor)" in lines
    assert "  - the unit itself: user-configdrive.path (vendor)" in lines
    assert re.match(r"No difference in: .*\bdocker\.service, docker\.socket\b", lines[-1])


def test_the_text_of_what_moved_and_of_states() -> None:
    before = facts({"docker.service": docker()}, "docker.service", **COREOS)
    before["nodes"]["old.service"] = node(fragment=f"{SYSTEM}/old.service")
    after = facts({"docker.service": docker()}, "docker.service", partial=["too slow"], os={}, systemd="")
    after["nodes"]["new.service"] = node()
    runtime = "/run/systemd/system/docker.service"
    service = after["nodes"]["docker.service"]
    for kind in ("Requires", "After"):
        service["edges"][kind]["docker.socket"] = [f"{runtime}:5"]
    service["edges"]["Wants"] = {"a.service": [], "b.service": ["udev: a device's units"]}
    service.update(active_state="failed", job={"state": "waiting", "type": "start"}, need_reload=True)
    service["install"] = {"WantedBy": ["mine.target"]}
    assert text(after, before) == [
        "before: facts of docker.service on coreos 1010.5.0, systemd 225",
        "after:  facts of docker.service on an unknown OS",
        "note:   The facts of the side 'after' are partial, so that what is missing in them may well exist.",
        "",
        "docker.service",
        "  - [Install] WantedBy=multi-user.target",
        "  + [Install] WantedBy=mine.target",
        "  ~ active_state: active -> failed",
        "  ~ job: none -> start waiting",
        "  ~ need_reload: no -> yes",
        "  + Wants a.service: not explained",
        "  + Wants b.service: udev: a device's units",
        f"  ~ Requires, After docker.socket: docker.service:5,4 (vendor) -> {runtime}:5 (yours)",
        "",
        "new.service",
        "  + newly reached: no unit file",
        "",
        "old.service",
        "  - no longer reached: old.service (vendor)",
        "",
        "No unit is without a difference.",
    ]


def test_the_text_without_a_difference_says_so() -> None:
    assert text("1010", baseline="1010")[-2:] == ["", "No difference."]
    assert text(facts({}, **COREOS), baseline="auto")[-1] == "No difference."


def test_the_text_names_only_some_of_many_units() -> None:
    same = {f"{number:02}.service": node() for number in range(40)}
    lines = text(facts({**same, "new.service": node()}, "39.service"), facts(same, "39.service"))
    assert lines[-1].startswith("No difference in: 39.service, 00.service, 01.service")
    assert lines[-1].endswith(" and 10 more.")


@pytest.mark.parametrize("name", HOSTILE)
def test_the_text_is_harmless_whatever_a_host_says(name: str) -> None:
    path = f"/etc/systemd/system/{name}"
    service = docker(Wants={name: [f"{path}:1", name]})
    service.update(drop_ins=[path], install={name: [name]}, fragment=path, job={"type": name})
    after = facts({"docker.service": service, name: node(fragment=path)}, name, os={"id": name, "version": "1"})
    for other in ("1010", facts({"docker.service": docker()}, "docker.service")):
        for line in text(after, other):
            assert line.isprintable()


def test_the_result_is_as_documented() -> None:
    earlier = facts({"docker.service": docker(Wants={"gone.service": ["/etc/a:1"]}), "gone.service": node()})
    service = docker(Requires={"docker.socket": ["/etc/systemd/system/docker.service:5"]}, After={"new": ["/etc/a:1"]})
    later = facts({"docker.service": {**service, "active_state": "failed"}, "new": node()}, "docker.service")
    documented = yaml.safe_load(RETURN)["_value"]
    result = unit_deps_diff(later, earlier)
    assert isinstance(result, dict)
    assert not [
        name for part in ("nodes", "edges") for name, found in result[part].items() if not found and name != "unchanged"
    ]
    assert mismatches(yaml.safe_dump(documented["contains"]), result) == []


def test_the_documentation_names_every_release_and_option() -> None:
    documentation = yaml.safe_load(DOCUMENTATION)
    assert re.findall(r"\b[0-9]{3,4}\b(?!\.[0-9])", documentation["options"]["_input"]["description"][1]) == releases()
    assert documentation["options"].keys() == {"_input", "before", "baseline", "text"}
    assert FilterModule().filters() == {documentation["name"]: unit_deps_diff}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"baseline": "1011"},
            r"no stock of a release '1011'. The known ones are coreos 410.*flatcar 3033, 3815, 4230\.",
        ),
        ({"baseline": "auto", "text": "maybe"}, "The option 'text' of unit_deps_diff is the text 'maybe'"),
        ({"base": "auto"}, "The filter unit_deps_diff has no option 'base'. Give one of before, baseline, text"),
        ({}, "One thing to compare with is needed"),
    ],
)
def test_what_cannot_be_done_is_told_by_ansible(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match=sentence):
        unit_deps_diff(seed(), **options)
