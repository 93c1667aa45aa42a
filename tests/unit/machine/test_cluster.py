# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.tests.machine.testmachine.cluster import (
    member_environment,
    member_names,
)


def test_one_machine_keeps_its_name_and_more_are_numbered() -> None:
    assert member_names("core", 1) == ["core"]
    assert member_names("core", 3) == ["core-01", "core-02", "core-03"]


def test_members_know_each_other_and_speak_for_themselves() -> None:
    members = {"core-01": "198.51.100.2", "core-02": "198.51.100.3"}
    settings = dict(line.split("=", 1) for line in member_environment("core-02", members).splitlines())
    assert settings["ETCD_NAME"] == "core-02"
    assert settings["ETCD_INITIAL_CLUSTER"] == "core-01=http://198.51.100.2:2380,core-02=http://198.51.100.3:2380"
    assert settings["ETCD_ADVERTISE_CLIENT_URLS"] == "http://198.51.100.3:2379"
    others = dict(line.split("=", 1) for line in member_environment("core-01", members).splitlines())
    assert settings["ETCD_INITIAL_CLUSTER_TOKEN"] == others["ETCD_INITIAL_CLUSTER_TOKEN"]
