# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine on which etcd.service ran in the place of etcd2.service."""

from __future__ import annotations

from testinfra.host import Host

testinfra_hosts = ["ansible://molecule-site-old"]


def test_etcd_cannot_come_back(host: Host) -> None:
    assert host.run("systemctl is-enabled etcd.service").stdout.strip() == "masked"
    assert host.check_output("systemctl is-enabled etcd2.service") == "enabled"


def test_both_data_directories_are_there(host: Host) -> None:
    for directory in ("/var/lib/etcd", "/var/lib/etcd2"):
        host.check_output("test -d %s/member/wal", directory)


def test_key_is_the_one_that_etcd2_held(host: Host) -> None:
    # written by a person, with spaces; we would have written it without
    assert host.check_output("etcdctl get /coreos.com/network/config") == '{ "Network": "10.1.0.0/16" }'
