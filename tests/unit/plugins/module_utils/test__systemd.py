# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    Job,
    parse_jobs,
    parse_show,
)


def test_units_come_in_order_with_repeated_properties_as_lines() -> None:
    text = (
        "Id=docker.socket\nListen=/run/docker.sock (Stream)\nListen=[::]:2375 (Stream)\n\n"
        "Id=gone.service\nLoadState=not-found\nExecStart=\n"
    )
    assert parse_show(text) == [
        {"Id": "docker.socket", "Listen": "/run/docker.sock (Stream)\n[::]:2375 (Stream)"},
        {"Id": "gone.service", "LoadState": "not-found", "ExecStart": ""},
    ]


def test_a_value_with_line_breaks_and_an_empty_line_stays_in_its_unit() -> None:
    text = (
        "Id=a.service\nExecStart={ path=/bin/sh ; argv[]=/bin/sh -c echo\n\n done ; }\nSubState=dead\n\nId=b.service\n"
    )
    assert parse_show(text) == [
        {
            "Id": "a.service",
            "ExecStart": "{ path=/bin/sh ; argv[]=/bin/sh -c echo\n done ; }",
            "SubState": "dead",
        },
        {"Id": "b.service"},
    ]


def test_the_job_table_is_read_without_its_words() -> None:
    text = "  77 docker.service   start waiting\n1234 flanneld.service start running\n\nNo jobs running.\n"
    assert parse_jobs(text) == [
        Job(77, "docker.service", "start", "waiting"),
        Job(1234, "flanneld.service", "start", "running"),
    ]
