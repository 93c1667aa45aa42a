# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from ansible_collections.container_linux.remediation.plugins.module_utils._network import (
    Route,
    host_routes,
    parse_addresses,
    parse_listeners,
    parse_routes,
    parse_sockets,
)

# recorded on a machine with one interface, docker0 and flannel's host-gw backend
ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t0017010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0018010A\t030200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.0.2.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     |-- 192.0.2.2
        /32 host LOCAL
"""
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 232 0 4711 1 0000 100 0 0 10 0
   1: 0100007F:094B 0100007F:D431 01 00000000:00000000 00:00000000 00000000 232 0 4712 1 0000 20 4 30 10 -1
   0: 0000000000000000:0FA1 0000000000000000:0000 0A 00000000:00000000 0 0 232 0 4713 1 0000 100 0 0 10 0
"""
FDS = """/proc/77/fd/:
total 0
lrwx------ 1 etcd etcd 64 Jan  1 00:00 3 -> socket:[4711]
lrwx------ 1 etcd etcd 64 Jan  1 00:00 4 -> socket:[4713]

/proc/9/fd/:
lrwx------ 1 root root 64 Jan  1 00:00 1 -> /dev/null
"""


def test_routes_of_the_kernel_are_read() -> None:
    assert parse_routes(ROUTES) == [
        Route(IPv4Network("0.0.0.0/0"), "eth0", gateway=True),
        Route(IPv4Network("10.1.23.0/24"), "docker0"),
        Route(IPv4Network("10.1.24.0/24"), "eth0", gateway=True),
        Route(IPv4Network("192.0.2.0/24"), "eth0"),
    ]


def test_broken_lines_of_the_route_table_are_passed_over() -> None:
    assert parse_routes("Iface\neth0 zz\n\n") == []


def test_addresses_of_the_host_are_read() -> None:
    assert parse_addresses(FIB_TRIE) == [IPv4Address("192.0.2.2")]


def test_an_address_belongs_to_the_interface_of_its_network() -> None:
    addresses = [IPv4Address("10.1.23.1"), IPv4Address("192.0.2.2"), IPv4Address("203.0.113.5")]
    assert [(str(item.network), item.interface) for item in host_routes(addresses, parse_routes(ROUTES))] == [
        ("10.1.23.1/32", "docker0"),
        ("192.0.2.2/32", "eth0"),
        ("203.0.113.5/32", ""),
    ]


def test_a_listener_is_found_in_the_process_that_holds_it() -> None:
    listeners, sockets = parse_listeners(TCP), parse_sockets(FDS)
    assert listeners == {2379: {"4711"}, 4001: {"4713"}}
    assert sockets[77] >= listeners[4001] and not sockets[9]
