# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pure logic, on answers recorded from etcd 2.3.8 (v2) and 3.4.23 (v3)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd.api import (
    Decision,
    Identity,
    Node,
    Reply,
    Wish,
    decide,
    differs,
    equal,
    error_v3,
    identity,
    parse_reply,
    read_request_v2,
    read_request_v3,
    read_v2,
    read_v3,
    seconds_left,
    write_request_v2,
    write_request_v3,
    wrote_v2,
    wrote_v3,
)

RECORDED = Path(__file__).parents[1] / "fixtures" / "etcd"


def recorded(name: str) -> Reply:
    reply = parse_reply((RECORDED / f"{name}.http").read_bytes().decode())
    assert reply is not None
    return reply


def answer(status: int, body: object, **headers: str) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, headers, text)


# Answers


def test_an_answer_is_parted() -> None:
    reply = recorded("v2-absent")
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-etcd-cluster-id"]
    assert reply.body.startswith('{"errorCode":100')


def test_an_interim_answer_is_passed_over() -> None:
    reply = parse_reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b: c\r\n\r\nbody\n\nmore")
    assert reply == Reply(200, {"a": "b: c"}, "body\n\nmore")


@pytest.mark.parametrize(
    "text", ["", "\n", "hello", "HTTP/1.1", "HTTP/1.1 abc", "HTTP/1.1 \uff12\uff10\uff10 OK", "HTTPS 200"]
)
def test_what_is_no_http_is_none(text: str) -> None:
    assert parse_reply(text) is None


def test_the_trailers_of_a_chunked_answer_are_no_part_of_its_json() -> None:
    reply = recorded("v3-auth-is-off")
    assert "Grpc-Trailer" in reply.body
    assert (reply.json() or {})["code"] == 9


@pytest.mark.parametrize("body", ["", "404 page not found", "[1]", "null", "{", "[" * 100_000])
def test_a_body_without_an_object_is_none(body: str) -> None:
    assert answer(200, body).json() is None


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("v2-absent", Node("absent", missing="/coreos.com")),
        ("v2-value", Node("value", value='\n\x00\x1b"x', index=4)),
        ("v2-empty", Node("value", value="", index=6)),
        ("v2-ttl", Node("value", value="x", index=5, expires=True, ttl=38)),
        ("v2-directory", Node("directory")),
    ],
)
def test_v2_tells_what_is_at_a_key(name: str, node: Node) -> None:
    assert read_v2(recorded(name)) == node


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("v3-v2-off", "v2-off", "v2 API is switched off"),
        ("v2-parent-is-value", "parent-is-value", "'/a/b/c' holds a value"),
        ("v2-compare-failed", "refused", "code 101"),
        ("v2-version", "not-etcd", "does not answer as etcd does"),
        ("v2-no-quorum", "no-quorum", "It has no quorum"),
        ("v2-unauthorized", "auth", "does not let this user in"),
    ],
)
def test_v2_tells_what_is_wrong(name: str, error: str, words: str) -> None:
    node = read_v2(recorded(name))
    assert (node.kind, node.error) == ("error", error)
    assert words in node.sentence
    assert node.sentence.endswith(".")


@pytest.mark.parametrize(
    "node",
    [
        None,
        [],
        {},
        {"value": 1, "modifiedIndex": 1},
        {"value": "x", "modifiedIndex": 0},
        {"value": "x", "modifiedIndex": True},
        {"value": "x", "modifiedIndex": "7"},
    ],
)
def test_a_node_that_makes_no_sense_is_an_error(node: object) -> None:
    assert read_v2(answer(200, {"action": "get", "node": node})).error == "not-etcd"


def test_hostile_words_of_an_answer_stay_on_one_line() -> None:
    reply = answer(400, {"errorCode": 209, "message": "a\x1b[31m\nb", "cause": "\u202ec"})
    assert not set(read_v2(reply).sentence) & set("\x1b\n\u202e")


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("v3-absent", Node("absent")),
        ("v3-value", Node("value", value="/a/b", index=16)),
        ("v3-lease", Node("value", value="/a/b", index=15, expires=True)),
    ],
)
def test_v3_tells_what_is_at_a_key(name: str, node: Node) -> None:
    assert read_v3(recorded(name)) == node


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("v3-v2-off", "v3-off"),
        ("v3-no-quorum", "no-quorum"),
        ("v3-no-user", "auth"),
        ("v3-wrong-password", "auth"),
        ("v3-auth-is-off", "refused"),
        ("v2-version", "not-etcd"),
    ],
)
def test_v3_tells_what_is_wrong(name: str, error: str) -> None:
    node = read_v3(recorded(name))
    assert (node.kind, node.error) == ("error", error)
    assert error_v3(recorded(name)).kind == "error"


@pytest.mark.parametrize(
    "kv", [5, {}, {"mod_revision": "x"}, {"mod_revision": "0"}, {"mod_revision": "3", "value": "%"}]
)
def test_a_kv_that_makes_no_sense_is_an_error(kv: object) -> None:
    assert read_v3(answer(200, {"header": {}, "kvs": [kv]})).error == "not-etcd"


def test_v3_keeps_bytes_that_are_no_text() -> None:
    kv = {"mod_revision": "3", "value": base64.b64encode(b"\xff\x00").decode()}
    assert read_v3(answer(200, {"header": {}, "kvs": [kv]})).value == "\udcff\x00"


def test_seconds_left_of_a_lease() -> None:
    assert 0 < (seconds_left(recorded("v3-timetolive")) or 0) <= 60
    assert seconds_left(answer(200, {"TTL": "-1"})) is None
    assert seconds_left(answer(200, "nonsense")) is None


def test_who_answered() -> None:
    assert identity(recorded("v2-value")).cluster_id == "48276a8f75b6a87"
    assert identity(recorded("v2-stats-self")) == Identity("", "2e1259d415f2a040", "default")
    # v3 says the same in decimal
    assert identity(recorded("v3-members")) == Identity("602f2b0bd975753b", "80961833613b81b4", "default")
    assert identity(answer(200, {"header": {"cluster_id": "9" * 99}, "members": 5})) == Identity()
    assert identity(answer(200, "nonsense")) == Identity()


# Decisions

ABSENT = Node("absent", missing="/a")
DIRECTORY = Node("directory")
OLD = Node("value", value="old", index=7)
NEW = Node("value", value="new", index=8)
NEW_EXPIRING = Node("value", value="new", index=8, expires=True, ttl=5)


@pytest.mark.parametrize(
    ("wish", "node", "action"),
    [
        (Wish("/a", "new"), ABSENT, "create"),
        (Wish("/a", "new"), NEW, "none"),
        (Wish("/a", "new"), OLD, "none"),
        (Wish("/a", "new"), NEW_EXPIRING, "none"),
        (Wish("/a", "new"), DIRECTORY, "refuse"),
        (Wish("/a", "new", ttl=9), NEW, "none"),
        (Wish("/a", "new", replace=True), ABSENT, "create"),
        (Wish("/a", "new", replace=True), NEW, "none"),
        (Wish("/a", "new", replace=True), OLD, "replace"),
        (Wish("/a", "new", replace=True), NEW_EXPIRING, "replace"),
        (Wish("/a", "new", replace=True, ttl=9), NEW_EXPIRING, "none"),
        (Wish("/a", "new", replace=True, ttl=9), NEW, "replace"),
        (Wish("/a", "new", replace=True), DIRECTORY, "refuse"),
        (Wish("/a", "new", replace=True, expected_value="old"), OLD, "replace"),
        (Wish("/a", "new", replace=True, expected_value="older"), OLD, "refuse"),
        (Wish("/a", "new", replace=True, expected_value="older"), NEW, "none"),
        (Wish("/a", "new", replace=True, expected_value=""), OLD, "refuse"),
        (Wish("/a", "new", replace=True, expected_value="old"), ABSENT, "refuse"),
        (Wish("/a", "new", replace=True, expected_index=7), OLD, "replace"),
        (Wish("/a", "new", replace=True, expected_index=6), OLD, "refuse"),
        (Wish("/a", "new", replace=True, expected_index=7, expected_value="x"), OLD, "refuse"),
        (Wish("/a", None), ABSENT, "none"),
        (Wish("/a", None), OLD, "delete"),
        (Wish("/a", None), DIRECTORY, "refuse"),
        (Wish("/a", None, expected_value="new"), OLD, "refuse"),
        (Wish("/a", None, expected_index=7), OLD, "delete"),
        (Wish("/a", None, expected_index=7), ABSENT, "none"),
    ],
)
def test_what_follows_from_a_wish_and_what_is_there(wish: Wish, node: Node, action: str) -> None:
    decision = decide(wish, node)
    assert decision.action == action
    assert (decision == Decision(action)) == (action != "refuse")


def test_what_differs() -> None:
    assert differs(Wish("/a", "new"), OLD)
    assert differs(Wish("/a", "new"), ABSENT)
    assert differs(Wish("/a", None), OLD)
    assert not differs(Wish("/a", None), ABSENT)
    assert not differs(Wish("/a", "new"), NEW_EXPIRING)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "a ", False),
        ('{"a":1,"b":[1,2]}', '{ "b": [1, 2],\n "a": 1 }', True),
        ('{"a":"ü"}', '{"a":"\\u00fc"}', True),
        ("[1,2]", "[2,1]", False),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":1}', '{"a":1.0}', False),
        ('{"a":0}', '{"a":null}', False),
        ("{}", "[]", False),
        ("1", "1 ", False),
        ('"a"', ' "a"', False),
        ("null", "null ", False),
        ('{"a":NaN}', '{"a": NaN}', False),
        ("[" * 100_000, "[" * 99_999, False),
    ],
)
def test_when_two_values_say_the_same(one: str, other: str, same: bool) -> None:
    assert [equal(*pair) for pair in ((one, other), (other, one))] == [same, same]


# Requests


def test_v2_writes_only_what_is_as_it_was_read() -> None:
    created = write_request_v2(Wish("/a b/ü?", "x&y=%\n", ttl=5), ABSENT)
    assert (created.method, created.path) == ("PUT", "/v2/keys/a%20b/%C3%BC%3F?prevExist=false")
    assert created.body == "value=x%26y%3D%25%0A&ttl=5"
    replaced = write_request_v2(Wish("/a", ""), OLD)
    assert (replaced.method, replaced.path, replaced.body) == ("PUT", "/v2/keys/a?prevIndex=7", "value=")
    deleted = write_request_v2(Wish("/a", None), OLD)
    assert (deleted.method, deleted.path, deleted.body) == ("DELETE", "/v2/keys/a?prevIndex=7", "")
    assert read_request_v2("/a").path == "/v2/keys/a?quorum=true"


def test_index_0_would_be_no_guard_and_is_never_sent() -> None:
    for write in (write_request_v2, write_request_v3):
        with pytest.raises(AssertionError):
            write(Wish("/a", "x"), Node("value", value="y", index=0))


def test_v3_writes_only_what_is_as_it_was_read() -> None:
    key, value = base64.b64encode(b"/a").decode(), base64.b64encode("ü".encode()).decode()
    created = json.loads(write_request_v3(Wish("/a", "ü"), ABSENT, lease=5).body)
    assert created == {
        "compare": [{"key": key, "result": "EQUAL", "target": "CREATE", "create_revision": "0"}],
        "success": [{"request_put": {"key": key, "value": value, "lease": "5"}}],
    }
    replaced = json.loads(write_request_v3(Wish("/a", "ü"), OLD).body)
    assert replaced == {
        "compare": [{"key": key, "result": "EQUAL", "target": "MOD", "mod_revision": "7"}],
        "success": [{"request_put": {"key": key, "value": value}}],
    }
    deleted = json.loads(write_request_v3(Wish("/a", None), OLD).body)
    assert deleted["success"] == [{"request_delete_range": {"key": key}}]
    assert json.loads(read_request_v3("/a").body) == {"key": key}


# Answers to a write


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("v2-created", "done"),
        ("v2-exists", "lost"),
        ("v2-compare-failed", "lost"),
        ("v2-absent", "lost"),
        ("v2-parent-is-value", "refused"),
        ("v2-unauthorized", "refused"),
        ("v3-v2-off", "refused"),
        ("v2-no-quorum", "unknown"),
    ],
)
def test_what_became_of_a_write_v2(name: str, outcome: str) -> None:
    written = wrote_v2(recorded(name))
    assert written.outcome == outcome
    assert bool(written.sentence) == (outcome != "done")


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("v3-created", "done"),
        ("v3-lost", "lost"),
        ("v3-no-user", "refused"),
        ("v3-v2-off", "refused"),
        ("v3-no-quorum", "unknown"),
    ],
)
def test_what_became_of_a_write_v3(name: str, outcome: str) -> None:
    written = wrote_v3(recorded(name))
    assert written.outcome == outcome
    assert bool(written.sentence) == (outcome != "done")


@pytest.mark.parametrize("reply", [answer(502, "<html>"), answer(200, "cut off {"), answer(200, {}), answer(201, "")])
def test_a_write_with_an_answer_that_makes_no_sense_is_unknown(reply: Reply) -> None:
    assert wrote_v2(reply).outcome == "unknown"
    assert wrote_v3(reply).outcome == "unknown"
    assert wrote_v2(reply).sentence
    assert wrote_v3(reply).sentence
