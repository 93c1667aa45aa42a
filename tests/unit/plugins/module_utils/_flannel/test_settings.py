# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.settings import (
    environment_files,
    parse_settings,
)

PLAIN = "{ path=/opt/bin/flanneld ; argv[]=/opt/bin/flanneld --ip-masq=true ; ignore_errors=no ; start_time=[n/a] }"
IN_DOCKER = (
    "{ path=/usr/libexec/sdnotify-proxy ; argv[]=/usr/libexec/sdnotify-proxy /run/flannel/sd.sock /usr/bin/docker run "
    "--net=host --rm --env=NOTIFY_SOCKET=/run/flannel/sd.sock --env-file=${FLANNEL_ENV_FILE} "
    "coreos/flannel:${FLANNEL_VER} /opt/bin/flanneld --ip-masq=true ; ignore_errors=no ; start_time=[n/a] }"
)


def test_a_stock_flanneld_uses_its_defaults() -> None:
    settings = parse_settings({"ExecStart": PLAIN}, {})
    assert settings.endpoints == ["http://127.0.0.1:4001", "http://127.0.0.1:2379"]
    assert settings.key == "/coreos.com/network/config"
    assert settings.api == "v2"
    assert settings.options["etcd-prefix"].source == "flanneld's default"
    assert not settings.uses_kubernetes


def test_an_environment_file_wins_over_the_unit_and_says_so() -> None:
    unit = {
        "ExecStart": PLAIN,
        "Environment": "FLANNELD_ETCD_PREFIX=/unit FLANNELD_IFACE=eth1 FLANNEL_VER=0.5.5",
        "EnvironmentFiles": "/run/flannel/options.env (ignore_errors=yes)",
    }
    text = "# made by hand\nFLANNELD_ETCD_PREFIX='/file/'\nFLANNELD_ETCD_ENDPOINTS=http://a:2379/,http://b:2379\n"
    files = {"/run/flannel/options.env": text}
    settings = parse_settings(unit, files)
    assert settings.endpoints == ["http://a:2379", "http://b:2379"]
    assert settings.key == "/file/config"
    assert settings.options["etcd-prefix"].source == "/run/flannel/options.env"
    assert settings.options["iface"].source == "the environment of flanneld.service"
    assert settings.version == (0, 5, 5)


def test_the_command_line_wins_over_the_environment() -> None:
    start = (
        "{ path=/f ; argv[]=/f -etcd-prefix /line --etcd-endpoints=https://e:2379 $MORE --kube-subnet-mgr ; flags= ; }"
    )
    settings = parse_settings(
        {
            "ExecStart": start,
            "Environment": '"MORE=--iface eth2" FLANNELD_ETCD_PREFIX=/environment',
        },
        {},
    )
    assert (settings.key, settings.endpoints, settings["iface"]) == (
        "/line/config",
        ["https://e:2379"],
        "eth2",
    )
    assert settings.uses_kubernetes


def test_the_environment_of_the_unit_stays_outside_a_container() -> None:
    unit = {
        "ExecStart": IN_DOCKER,
        "Environment": "FLANNEL_VER=0.5.5 FLANNEL_ENV_FILE=/etc/mine.env FLANNELD_ETCD_PREFIX=/outside",
    }
    settings = parse_settings(unit, {"/etc/mine.env": 'FLANNELD_IFACE="eth1"\n'})
    assert settings.prefix == "/coreos.com/network"
    assert settings["iface"] == '"eth1"'
    assert settings.version == (0, 5, 5)


@pytest.mark.parametrize(("tag", "api"), [("v0.7.1", "v2"), ("0.17.0", "v2"), ("v0.18.0", "v3"), ("v0.26.7", "v3")])
def test_the_store_is_the_one_that_this_flannel_reads(tag: str, api: str) -> None:
    assert parse_settings({"ExecStart": PLAIN, "Environment": f"FLANNEL_IMAGE_TAG={tag}"}, {}).api == api


@pytest.mark.parametrize("name", ["EnvironmentFile", "EnvironmentFiles"])
def test_old_and_new_systemctl_name_the_files_differently(name: str) -> None:
    lines = "/run/a b.env (ignore_errors=yes)\n/run/c.env (ignore_errors=no)"
    assert environment_files({name: lines}) == ["/run/a b.env", "/run/c.env"]


def test_a_stray_quote_in_the_environment_is_no_error() -> None:
    assert parse_settings({"ExecStart": PLAIN, "Environment": "NAME=it's FLANNELD_IFACE=eth3"}, {})["iface"] == "eth3"


def test_a_wrapper_passes_the_environment_on_and_adds_a_file() -> None:
    start = "{ path=/w ; argv[]=/w --env-file=${FILE} /opt/bin/flanneld ; ignore_errors=no ; }"
    unit = {"ExecStart": start, "Environment": "FILE=/etc/mine.env FLANNELD_IFACE=eth1 FLANNELD_ETCD_PREFIX=/outside"}
    settings = parse_settings(unit, {"/etc/mine.env": "FLANNELD_ETCD_PREFIX=/inside\n"})
    assert (settings.prefix, settings["iface"]) == ("/inside", "eth1")
    assert settings.options["etcd-prefix"].source == "/etc/mine.env"
