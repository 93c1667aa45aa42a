# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of etcd_key: what is refused, and what is made of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd_key import (
    SPEC,
    connected,
    ensure,
    value_text,
    wished,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError


class NoHost:
    def run(self, script: str) -> Completed:
        raise AssertionError("nothing may run")


def validated(**options: Any) -> dict[str, Any]:
    result = ArgumentSpecValidator(**SPEC).validate({"key": "/a", "value": "x", **options})
    if result.error_messages:
        raise RemediationError("; ".join(result.error_messages))
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"key": "a/b"}, "must begin with '/'"),
        ({"key": ""}, "cannot be used"),
        ({"key": "/"}, "cannot be used"),
        ({"key": "//a"}, "cannot be used"),
        ({"key": "/a//b"}, "cannot be used"),
        ({"key": "/a/"}, "not end with '/'"),
        ({"key": "/a/../b"}, "cannot be used"),
        ({"key": "/a/./b"}, "cannot be used"),
        ({"key": "/a\nb"}, "control character"),
        ({"value": None}, "value"),
        ({"value": True}, "type bool"),
        ({"value": 1.5}, "type float"),
        ({"value": {"a": float("nan")}}, "cannot be written as JSON"),
        ({"value": "\ud800"}, "no text in UTF-8"),
        ({"state": "gone"}, "state"),
        ({"state": "absent"}, "value has no meaning"),
        ({"state": "absent", "value": None, "ttl": 5}, "ttl has no meaning"),
        ({"policy": "force"}, "policy"),
        ({"expected_value": "a"}, "Set policy to replace"),
        ({"expected_index": 3}, "Set policy to replace"),
        ({"expected_index": 0, "policy": "replace"}, "at least 1"),
        ({"expected_index": "x", "policy": "replace"}, "expected_index"),
        ({"ttl": 0}, "at least 1"),
        ({"ttl": -1}, "at least 1"),
        ({"ttl": 2**63}, "must be"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -3}, "timeout"),
        ({"endpoints": []}, "endpoints is empty"),
        ({"endpoints": ["127.0.0.1:2379"]}, "cannot be used"),
        ({"endpoints": ["ftp://127.0.0.1:2379"]}, "cannot be used"),
        ({"endpoints": ["http://127.0.0.1:0"]}, "cannot be used"),
        ({"endpoints": ["http://127.0.0.1:99999"]}, "cannot be used"),
        ({"endpoints": ["http://127.0.0.1:2379/v2"]}, "leave out any path"),
        ({"endpoints": ["http://127.0.0.1:2379?x=1"]}, "cannot be used"),
        ({"endpoints": ["http://root:hush@127.0.0.1:2379"]}, "Give a user as username"),
        ({"endpoints": ['http://127.0.0.1:2379"\noutput = "/tmp/x']}, "cannot be used"),
        ({"client_cert": "/a.pem"}, "client_key"),
        ({"ca_cert": "ca.pem"}, "absolute path"),
        ({"ca_cert": '/a\noutput = "/tmp/x'}, "absolute path"),
        ({"username": "root"}, "password"),
        ({"username": "a:b", "password": "c"}, "colon"),
        ({"api": "v1"}, "api"),
        ({"vaule": "x"}, "vaule"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RemediationError, match=re.escape(words)) as error:
        ensure(validated(**options), NoHost(), check_mode=False)
    assert "hush" not in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("10", "10"),
        (10, "10"),
        ({"b": [1, "ü"], "a": None}, '{"a":null,"b":[1,"ü"]}'),
        ([], "[]"),
        ('{ "a": 1 }', '{ "a": 1 }'),
    ],
)
def test_what_a_value_is_stored_as(value: object, text: str) -> None:
    assert value_text(value, "value") == text


def test_a_wish_is_what_the_options_say() -> None:
    wish = wished(validated(value={"a": 1}, policy="replace", ttl=5, expected_value=[1], expected_index=7))
    assert (wish.value, wish.replace, wish.ttl) == ('{"a":1}', True, 5)
    assert (wish.expected_value, wish.expected_index) == ("[1]", 7)
    assert wished(validated(state="absent", value=None)).value is None


def test_endpoints_are_tidy() -> None:
    endpoints = ["http://127.0.0.1:2379/", "https://[::1]:2379", "http://core-01.example", "http://127.0.0.1:2379"]
    connection = connected(validated(endpoints=endpoints))
    assert connection.endpoints == ("http://127.0.0.1:2379", "https://[::1]:2379", "http://core-01.example")


def test_what_curl_is_told() -> None:
    plain = connected(validated()).config().split("\n")
    assert 'noproxy = "*"' in plain
    assert 'proto = "=http,https"' in plain
    assert "max-time = 10" in plain
    assert not [line for line in plain if line.startswith(("insecure", "location", "cert", "user"))]
    options = {"ca_cert": '/a "b"', "client_cert": "/c:d\\e", "client_key": "/k", "validate_certs": False}
    lines = connected(validated(**options, timeout=3)).config().split("\n")
    assert lines[-4:] == [r'cacert = "/a \"b\""', r'cert = "/c\\:d\\\\e"', 'key = "/k"', "insecure"]
    assert "connect-timeout = 3" in lines


def test_the_user_is_told_to_each_api_in_its_own_way() -> None:
    connection = connected(validated(username="root", password='p"\\ü'))
    assert connection.basic() == 'header = "Authorization: Basic cm9vdDpwIlzDvA=="'
    assert json.loads(connection.login()) == {"name": "root", "password": 'p"\\ü'}
    nobody = connected(validated())
    assert (nobody.basic(), nobody.login()) == ("", "")
