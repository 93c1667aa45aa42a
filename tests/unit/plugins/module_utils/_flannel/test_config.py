# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.config import (
    DEFAULT,
    network,
    overlaps,
    problems,
    same,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._network import Lease, Route


@pytest.mark.parametrize(
    "value",
    [
        '{ "Network": "10.1.0.0/16" }',
        {"Network": "10.1.0.0/16"},
        {"network": "10.1.2.3/16"},
        {"Network": "10.0.0.0/28"},
        {
            "Network": "10.0.0.0/8",
            "SubnetLen": 20,
            "SubnetMin": "10.10.0.0",
            "SubnetMax": "10.99.0.0",
        },
        {"Network": "10.0.0.0/8", "Backend": {"Type": "VXLAN", "VNI": 1}},
        {"EnableIPv4": False, "EnableIPv6": True, "IPv6Network": "fc00::/48"},
    ],
)
def test_what_flannel_accepts_has_no_problem(value: Any) -> None:
    assert problems(value) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "not JSON"),
        ("{ Network: 10.1.0.0/16 }", "not JSON"),
        ("{'Network': '10.1.0.0/16'}", "not JSON"),
        ('{"Network": NaN}', "not JSON"),
        ("[]", "not a JSON object"),
        ("10.1.0.0/16", "not JSON"),
        ("{}", "no Network"),
        ({"Network": ""}, "no Network"),
        ({"Nework": "10.1.0.0/16"}, "no Network"),
        ({"Network": "10.1.0.0"}, "CIDR"),
        ({"Network": 10}, "CIDR"),
        ({"Network": "10.1.0.0/33"}, "not an IPv4 network"),
        ({"Network": "fc00::/48"}, "not an IPv4 network"),
        ({"Network": "10.1.0.0/29"}, "too small"),
        ({"Network": "10.1.0.0/16", "SubnetLen": 31}, "less than 31"),
        ({"Network": "10.1.0.0/16", "SubnetLen": 17}, "four subnets"),
        ({"Network": "10.1.0.0/16", "SubnetLen": "24"}, "whole number"),
        ({"Network": "10.1.0.0/16", "SubnetLen": True}, "whole number"),
        ({"Network": "10.1.0.0/16", "SubnetMin": "10.2.0.0"}, "not in the range"),
        ({"Network": "10.1.0.0/16", "SubnetMax": "10.1.9.7"}, "boundary"),
        ({"Network": "10.1.0.0/16", "SubnetMin": 7}, "not an IPv4 address"),
        ({"Network": "10.1.0.0/16", "Backend": "vxlan"}, "not an object"),
        ({"Network": "10.1.0.0/16", "Backend": {}}, "no flannel knows"),
        ({"Network": "10.1.0.0/16", "Backend": {"Type": "vxlam"}}, "no flannel knows"),
    ],
)
def test_what_flannel_refuses_is_told(value: Any, words: str) -> None:
    (problem,) = problems(value)
    assert words in problem
    assert network(value) is None


def test_configs_are_compared_as_json() -> None:
    assert same('{ "Network": "10.1.0.0/16" }', {"Network": "10.1.0.0/16"})
    assert not same('{ "Network": "10.1.0.0/16" }', {"Network": "10.2.0.0/16"})
    assert not same("not json", "not json")


def route(text: str, interface: str, *, gateway: bool = False) -> Route:
    return Route(IPv4Network(text), interface, gateway)


def test_a_network_that_holds_an_address_or_a_route_of_the_host_overlaps() -> None:
    host = [
        route("0.0.0.0/0", "eth0", gateway=True),
        route("10.1.7.0/24", "eth0"),
        route("10.1.7.9/32", ""),
        route("192.168.0.0/16", "vpn0", gateway=True),
    ]
    assert overlaps({"Network": "10.1.0.0/16"}, host) == [
        "10.1.7.0/24 (eth0)",
        "10.1.7.9/32 (an address of the host)",
    ]
    assert overlaps({"Network": "192.168.9.0/24"}, host) == ["192.168.0.0/16 (vpn0)"]
    assert overlaps({"Network": "172.16.0.0/12"}, host) == []


def test_what_flannel_and_docker_left_behind_does_not_overlap() -> None:
    config = {"Network": "10.1.0.0/16"}
    left = [
        route("10.1.24.0/24", "docker0"),
        route("10.1.0.0/16", "flannel.1"),
        route("10.1.9.0/24", "eth0", gateway=True),
        route("10.1.24.7/32", ""),
    ]
    lease = Lease(IPv4Network("10.1.0.0/16"), IPv4Interface("10.1.24.1/24"))
    assert overlaps(config, left, lease=lease) == []
    assert overlaps(config, left) == ["10.1.24.7/32 (an address of the host)", "10.1.9.0/24 (eth0)"]


def test_the_address_of_a_tunnel_that_is_about_to_come_up_does_not_overlap() -> None:
    # seen where flanneld had its device and address, but no route and no subnet file yet
    assert overlaps({"Network": "10.1.0.0/16"}, [route("10.1.12.0/32", "")]) == []
    assert overlaps({"Network": "10.1.0.0/16", "SubnetLen": 20}, [route("10.1.12.0/32", "")]) != []
    assert overlaps({"Network": "10.1.0.0/16"}, [route("10.1.12.0/32", "eth1")]) != []


def test_a_config_with_problems_collides_with_nothing() -> None:
    assert overlaps("{", [route("10.1.7.0/24", "eth0")]) == []


def test_the_role_writes_by_default_what_the_diagnosis_expects() -> None:
    role = Path(__file__).parents[5] / "roles/flannel_config/defaults/main.yml"
    assert yaml.safe_load(role.read_text())["flannel_config_value"] == DEFAULT
    assert problems(DEFAULT) == []
