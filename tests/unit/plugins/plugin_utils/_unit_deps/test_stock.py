# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.stock import (
    _data,
    release_of,
    releases,
    stock,
    units,
)


def edges(release: str, unit: str) -> dict[str, list[str]]:
    found: dict[str, dict[str, list[str]]] = stock(release)["nodes"][unit]["edges"]
    return {kind: list(others) for kind, others in found.items()}


def install(release: str, unit: str) -> Any:
    return stock(release)["nodes"][unit]["install"]


def test_thirty_two_releases_of_coreos_and_three_of_flatcar_are_known() -> None:
    ids = [stock(release)["os"]["id"] for release in releases()]
    assert ids == ["coreos"] * 32 + ["flatcar"] * 3
    assert [releases()[0], releases()[31]] == ["410", "2512"]
    assert releases()[32:] == ["3033", "3815", "4230"]


def test_a_stock_names_its_os_and_its_systemd() -> None:
    assert (stock("1010")["os"], stock("1010")["systemd"]) == ({"id": "coreos", "version": "1010"}, "225")
    assert (stock("3815")["os"], stock("3815")["systemd"]) == ({"id": "flatcar", "version": "3815"}, "252")


def test_what_the_seed_asks_about() -> None:
    """docker.service depends on the same units in both; flanneld.service can be enabled in the newer one."""
    expected = {
        "Requires": ["docker.socket", "early-docker.target"],
        "After": ["docker.socket", "early-docker.target", "network.target"],
    }
    assert edges("899", "docker.service") == edges("1010", "docker.service") == expected
    assert install("899", "flanneld.service") == {}
    assert install("1010", "flanneld.service") == {"WantedBy": ["multi-user.target"]}


def test_no_release_lets_docker_require_or_want_flanneld() -> None:
    for release in releases():
        found = stock(release)["nodes"]["docker.service"]["edges"]
        assert "flanneld.service" not in {**found.get("Requires", {}), **found.get("Wants", {})}, release


def test_nobody_but_the_socket_of_docker_is_started_at_boot() -> None:
    for release in releases():
        nodes = stock(release)["nodes"]
        services = {"docker.service", "flanneld.service", "etcd2.service", "etcd-member.service"} & nodes.keys()
        assert {nodes[name]["enabled"] for name in services} <= {"disabled", "static"}, release
        assert nodes["docker.socket"]["enabled"] == "enabled", release


@pytest.mark.parametrize(
    ("release", "unit", "kind", "others"),
    [
        ("494", "docker.service", "After", ["docker.socket"]),
        ("1068", "flanneld.service", "Before", ["early-docker.target"]),
        ("1122", "flanneld.service", "Before", ["docker.service"]),
        ("1235", "flannel-docker-opts.service", "PartOf", ["flannel.service"]),
        ("1298", "flannel-docker-opts.service", "PartOf", ["flanneld.service"]),
        ("1409", "docker.service", "Wants", ["network-online.target"]),
        ("1465", "docker.socket", "Requires", ["torcx.target"]),
        ("2512", "etcd-member.service", "Conflicts", ["etcd.service", "etcd2.service"]),
        ("3033", "user-cloudinit@.service", "Requires", ["flatcar-setup-environment.service"]),
        ("1298", "system-config.target", "WantedBy", ["default.target"]),
        ("1353", "system-config.target", "WantedBy", ["multi-user.target"]),
        ("3815", "docker.socket", "UpheldBy", ["sockets.target"]),
    ],
)
def test_an_edge(release: str, unit: str, kind: str, others: list[str]) -> None:
    assert edges(release, unit)[kind] == others


@pytest.mark.parametrize(
    ("unit", "first", "last"),
    [
        ("etcd.service", "410", "1353"),
        ("etcd2.service", "681", "1632"),
        ("early-docker.target", "522", "1235"),
        ("user-configdrive.path", "410", "991"),
        ("coreos-setup-environment.service", "410", "2512"),
        ("flanneld.service", "522", "4230"),
        ("containerd.service", "1235", "4230"),
    ],
)
def test_a_unit_is_in_the_releases_that_ship_it(unit: str, first: str, last: str) -> None:
    having = [release for release in releases() if unit in stock(release)["nodes"]]
    assert having == releases()[releases().index(first) : releases().index(last) + 1]


def test_an_edge_is_declared_by_the_vendors_file() -> None:
    nodes = stock("1520")["nodes"]
    assert nodes["flanneld.service"]["edges"]["Requires"] == {
        "flannel-docker-opts.service": ["/usr/lib/systemd/system/flanneld.service"]
    }
    image = "/run/torcx/unpack/docker/lib/systemd/system"
    assert nodes["docker.socket"]["edges"]["Requires"] == {"torcx.target": [f"{image}/docker.socket"]}
    assert nodes["docker.socket"]["edges"]["WantedBy"] == {
        "sockets.target": [f"{image}/sockets.target.wants/docker.socket"]
    }
    upheld = stock("4230")["nodes"]["containerd.service"]["edges"]["UpheldBy"]
    assert upheld == {"multi-user.target": ["/usr/lib/systemd/system/multi-user.target.d/10-containerd-service.conf"]}


def test_the_records_of_a_unit_do_not_overlap_and_name_known_releases() -> None:
    known = {int(name) for name in releases()}
    for unit, records in _data()["units"].items():
        spans = sorted(
            tuple(int(number) for number in (part.split("-") * 2)[:2])
            for ranges in records
            for part in str(ranges).split(", ")
        )
        assert {number for span in spans for number in span} <= known, unit
        assert all(first <= last for first, last in spans), unit
        assert all(last < first for (_first, last), (first, _last) in pairwise(spans)), unit


def test_every_unit_of_a_stock_is_among_the_units() -> None:
    assert set().union(*(stock(release)["nodes"] for release in releases())) == units()


@pytest.mark.parametrize(
    ("os_id", "version", "release"),
    [
        ("coreos", "1010.5.0", "1010"),
        ("coreos", "899.17.0", "899"),
        ("coreos", "1000.0.0", "991"),
        ("coreos", "2605.1.0", "2512"),
        ("flatcar", "3033.2.0", "3033"),
        ("flatcar", "3510.2.8", "3033"),
        ("flatcar", "4459.0.0+nightly-20250101", "4230"),
        ("coreos", "1010", "1010"),
    ],
)
def test_a_host_has_the_newest_known_stock_that_is_not_newer(os_id: str, version: str, release: str) -> None:
    assert release_of(os_id, version) == release


@pytest.mark.parametrize(
    ("os_id", "version", "sentence"),
    [
        ("debian", "12", "What a host with 'debian 12' ships is not known."),
        ("flatcar", "2345.3.0", "What a host with 'flatcar 2345.3.0' ships is not known."),
        ("coreos", "367.1.0", "What a host with 'coreos 367.1.0' ships is not known."),
        ("coreos", "beta", "What a host with 'coreos beta' ships is not known."),
        ("coreos", "9" * 5000, "What a host with 'coreos 999"),
        ("coreos", "", "What a host with 'coreos' ships is not known."),
        ("", "", "The facts do not say which OS the host runs."),
        ("\x1b[2Jx", "1", "What a host with '\ufffd[2Jx 1' ships is not known."),
    ],
)
def test_a_host_without_known_stock_is_told_the_known_releases(os_id: str, version: str, sentence: str) -> None:
    with pytest.raises(RemediationError) as caught:
        release_of(os_id, version)
    assert caught.value.message.startswith(sentence)
    assert "coreos 410, 444" in caught.value.message
    assert caught.value.message.endswith("flatcar 3033, 3815, 4230.")


@pytest.mark.parametrize("name", ["1011", "", "latest", "1010.5.0", "-1"])
def test_an_unknown_release_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(RemediationError, match=f"no stock of a release '{name}'.*899, 991, 1010.*flatcar 3033"):
        stock(name)
