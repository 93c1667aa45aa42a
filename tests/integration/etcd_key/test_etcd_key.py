# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd_key against a healthy etcd, v2 and v3, through every way in."""

from __future__ import annotations

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.plugins.modules import etcd_key
from ansible_collections.container_linux.remediation.tests.integration.etcd_key.front_ends import (
    MODULE,
    FrontEnd,
    Shell,
    action,
    background,
    logic,
    module,
    playbook,
)
from ansible_collections.container_linux.remediation.tests.integration.etcd_key.servers import Etcd
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches

FLANNEL = {"Network": "10.2.0.0/16", "Backend": {"Type": "vxlan"}}
FLANNEL_TEXT = '{"Backend":{"Type":"vxlan"},"Network":"10.2.0.0/16"}'
HOSTILE = (
    "'\"; $(touch /tmp/owned) `id` \\ %41+& = \n\r\t\x00\x1b[2J\x7f ü \U0001f600 \u202e {{ x }} {% y %} @/etc/passwd"
)

everywhere = pytest.mark.parametrize("front_end", [logic, action, module])


@everywhere
def test_an_absent_key_is_created_once(etcd: Etcd, key: str, front_end: FrontEnd) -> None:
    options: dict[str, Any] = {"key": key, "value": FLANNEL, "endpoints": [etcd.url]}

    predicted = front_end(**options, check=True)
    assert (predicted["changed"], predicted["action"], predicted["value"]) == (True, "created", FLANNEL_TEXT)
    assert predicted["index"] is None
    assert logic(key=key, state="absent", endpoints=[etcd.url])["changed"] is False

    created = front_end(**options)
    assert (created["changed"], created["action"], created["value"]) == (True, "created", FLANNEL_TEXT)
    assert created["previous"] is None
    assert created["endpoint"] == etcd.url
    assert created["member"]["name"] == etcd.name
    assert created["index"] > 0

    again = front_end(**options)
    assert (again["changed"], again["action"], again["differs"]) == (False, "none", False)
    assert again["index"] == created["index"]
    assert again["previous"]["value"] == FLANNEL_TEXT
    assert created.keys() - again.keys() == set()


@everywhere
def test_the_diff_is_what_changes(two: Etcd, key: str, front_end: FrontEnd) -> None:
    options: dict[str, Any] = {"key": key, "endpoints": [two.url], "policy": "replace"}
    front_end(**options, value="one")
    for check in (True, False):
        result = front_end(**options, value="two", check=check)
        shown = str(result.get("diff", result.get("printed")))
        assert "one" in shown
        assert "two" in shown
    kept = front_end(key=key, endpoints=[two.url], value="three")
    if "diff" in kept:
        assert kept["diff"]["before"] == kept["diff"]["after"]
    else:
        assert "+++" not in kept["printed"]


@everywhere
def test_bad_input_fails_in_every_way_in(front_end: FrontEnd) -> None:
    result = front_end(key="no-slash", value="x")
    assert result["failed"]
    assert "must begin with '/'" in result["msg"]


def test_in_the_background_the_real_module_runs(two: Etcd, key: str) -> None:
    result = background(key=key, value=FLANNEL, endpoints=[two.url])
    assert (result["changed"], result["action"], result["value"]) == (True, "created", FLANNEL_TEXT)
    assert result["ansible_job_id"]


def test_one_round_trip_where_all_is_well_and_two_to_write(etcd: Etcd, key: str) -> None:
    assert logic(key=key, value="x", endpoints=[etcd.url])["round_trips"] == 2
    assert logic(key=key, value="x", endpoints=[etcd.url])["round_trips"] == 1
    assert logic(key=key, value="y", endpoints=[etcd.url])["round_trips"] == 1
    assert logic(key=key, value="y", policy="replace", endpoints=[etcd.url], check=True)["round_trips"] == 1
    assert logic(key=key, value="y", policy="replace", endpoints=[etcd.url])["round_trips"] == 2


@pytest.mark.parametrize("front_end", [action, module])
def test_hostile_text_is_stored_as_it_is(etcd: Etcd, key: str, front_end: FrontEnd) -> None:
    hostile = HOSTILE.replace("{{ x }} {% y %} ", "") if front_end is action else HOSTILE
    key = f"{key}/a b'\"$(id)%ü\U0001f600?#&"
    assert front_end(key=key, value=hostile, endpoints=[etcd.url])["action"] == "created"
    assert front_end(key=key, value=hostile, endpoints=[etcd.url])["action"] == "none"
    # one character less is another value
    assert front_end(key=key, value=hostile[:-1], endpoints=[etcd.url])["differs"] is True
    replaced = logic(key=key, value="plain", expected_value=hostile, policy="replace", endpoints=[etcd.url])
    assert replaced["action"] == "replaced"
    assert "\x1b" not in replaced["previous"]["value"]


@everywhere
def test_json_that_cannot_be_shown_is_no_trouble(two: Etcd, key: str, front_end: FrontEnd) -> None:
    hostile = '{"a": "\\ud800\\u001b[31m", "b": 1e999, "c": NaN}'
    assert front_end(key=key, value=hostile, endpoints=[two.url])["value"] == hostile
    hostile = '{"a": "\\ud800\\u001b[31m"}'
    result = front_end(key=key, value=hostile, endpoints=[two.url], policy="replace")
    assert (result["action"], result["value"]) == ("replaced", hostile)


def test_a_long_value_is_stored_whole(etcd: Etcd, key: str) -> None:
    long = "0123456789abcdef" * 60_000
    assert logic(key=key, value=long, endpoints=[etcd.url])["action"] == "created"
    assert logic(key=key, value=long, endpoints=[etcd.url])["value"] == long


def test_json_counts_and_not_its_spaces(etcd: Etcd, key: str) -> None:
    spaced = '{ "Network": "10.2.0.0/16",\n  "Backend": {"Type": "vxlan"} }'
    logic(key=key, value=spaced, endpoints=[etcd.url])
    same = logic(key=key, value=FLANNEL, endpoints=[etcd.url], policy="replace")
    assert (same["changed"], same["value"]) == (False, spaced)
    other = logic(key=key, value={**FLANNEL, "SubnetLen": 24}, endpoints=[etcd.url])
    assert other["differs"] is True


def test_what_jinja_makes_of_a_value_does_not_matter(etcd: Etcd, key: str, tmp_path: Path) -> None:
    templates = ["{{ config }}", "{{ config | to_json }}", "{{ config | to_nice_json }}", dict(FLANNEL), FLANNEL_TEXT]
    tasks = [{MODULE: {"key": key, "endpoints": [etcd.url], "value": value}} for value in templates]
    printed = playbook(
        tmp_path, vars={"config": {**FLANNEL, "Network": "{{ net }}"}, "net": "10.2.0.0/16"}, tasks=tasks
    )
    assert f"ok={len(tasks)} " in printed
    assert "changed=1 " in printed
    assert "WARNING" not in printed
    assert logic(key=key, value="", endpoints=[etcd.url])["value"] == FLANNEL_TEXT


def test_what_is_returned_is_what_is_documented(etcd: Etcd, key: str) -> None:
    logic(key=key, value="one", endpoints=[etcd.url])
    for options in ({"value": "one"}, {"value": "two", "policy": "replace", "ttl": 60}, {"state": "absent"}):
        for check in (True, False):
            result = logic(key=key, endpoints=[etcd.url], check=check, **options)
            del result["round_trips"]
            assert mismatches(etcd_key.RETURN, result) == []


def test_keep_reports_and_replace_replaces(etcd: Etcd, key: str) -> None:
    first = logic(key=key, value="old", endpoints=[etcd.url])
    kept = logic(key=key, value="new", endpoints=[etcd.url])
    assert (kept["changed"], kept["differs"], kept["value"]) == (False, True, "old")
    assert kept["diff"]["before"] == kept["diff"]["after"]
    assert any("policy is keep" in warning for warning in kept["warnings"])

    predicted = logic(key=key, value="new", policy="replace", endpoints=[etcd.url], check=True)
    replaced = logic(key=key, value="new", policy="replace", endpoints=[etcd.url])
    assert replaced["previous"] == {"value": "old", "index": first["index"], "ttl": None}
    assert (replaced["value"], replaced["differs"]) == ("new", False)
    assert replaced["index"] > first["index"]
    assert {**predicted, "index": 0, "round_trips": 0} == {**replaced, "index": 0, "round_trips": 0}


def test_absent_removes_the_value_and_only_once(etcd: Etcd, key: str) -> None:
    logic(key=key, value="x", endpoints=[etcd.url])
    wish: dict[str, Any] = {"key": key, "state": "absent", "endpoints": [etcd.url]}
    assert logic(**wish, check=True)["action"] == "deleted"
    removed = logic(**wish)
    assert (removed["action"], removed["previous"]["value"], removed["value"]) == ("deleted", "x", None)
    assert logic(**wish)["changed"] is False


@pytest.mark.parametrize("state", ["present", "absent"])
def test_guards_hold(etcd: Etcd, key: str, state: str) -> None:
    index = logic(key=key, value="a", endpoints=[etcd.url])["index"]
    wish: dict[str, Any] = {"key": key, "state": state, "policy": "replace", "endpoints": [etcd.url]}
    if state == "present":
        wish["value"] = "b"
    for check in (True, False):
        wrong = logic(**wish, expected_value="z", check=check)
        assert wrong["failed"]
        assert "does not hold the expected value" in wrong["msg"]
        assert wrong["value"] == "a"
        wrong = logic(**wish, expected_index=index + 1, check=check)
        assert f"last written at index {index}" in wrong["msg"]
    right = logic(**wish, expected_index=index, expected_value="a")
    assert right["changed"] is True
    # what is already as wished is fine, whatever was expected before
    assert logic(**wish, expected_index=index, expected_value="a")["changed"] is False


def test_a_guard_on_an_absent_key_fails(etcd: Etcd, key: str) -> None:
    result = logic(key=key, value="b", policy="replace", expected_value="a", endpoints=[etcd.url])
    assert "does not exist" in result["msg"]
    assert logic(key=key, state="absent", endpoints=[etcd.url])["changed"] is False


def test_an_empty_value_is_a_value(etcd: Etcd, key: str) -> None:
    logic(key=key, value="", endpoints=[etcd.url])
    kept = logic(key=key, value="x", endpoints=[etcd.url])
    assert (kept["changed"], kept["differs"], kept["value"]) == (False, True, "")
    assert any("an empty value" in warning for warning in kept["warnings"])
    replaced = logic(key=key, value="x", policy="replace", expected_value="", endpoints=[etcd.url])
    assert replaced["previous"]["value"] == ""


def test_a_time_to_live_is_reported_and_dropped_by_replace(etcd: Etcd, key: str) -> None:
    created = logic(key=key, value="x", ttl=60, endpoints=[etcd.url])
    assert 50 <= created["ttl"] <= 60
    assert logic(key=key, value="x", ttl=60, policy="replace", endpoints=[etcd.url])["changed"] is False
    kept = logic(key=key, value="x", endpoints=[etcd.url])
    assert (kept["changed"], kept["differs"]) == (False, False)
    assert any(f"'{key}' vanishes in" in warning for warning in kept["warnings"])
    lasting = logic(key=key, value="x", policy="replace", endpoints=[etcd.url])
    assert (lasting["action"], lasting["ttl"], lasting["warnings"]) == ("replaced", None, [])
    assert logic(key=key, value="x", policy="replace", endpoints=[etcd.url])["changed"] is False


def test_a_value_with_a_time_to_live_does_vanish(etcd: Etcd, key: str) -> None:
    logic(key=key, value="x", ttl=1, endpoints=[etcd.url])
    deadline = time.monotonic() + 60
    while logic(key=key, state="absent", endpoints=[etcd.url], check=True)["changed"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Gate:
    """A host whose first script ends only when all others' first scripts have ended."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self.shell = Shell()
        self.barrier = barrier

    def run(self, script: str) -> Completed:
        done = self.shell.run(script)
        if self.shell.round_trips == 1:
            self.barrier.wait(timeout=60)
        return done


def race(values: list[str], **options: Any) -> list[dict[str, Any]]:
    """All look at the key before any writes."""
    barrier = threading.Barrier(len(values))
    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(lambda value: logic(value=value, host=Gate(barrier), **options), values))


@pytest.mark.parametrize("values", [["same"] * 10, [f"value {number}" for number in range(10)]])
def test_of_ten_that_race_to_create_one_does(etcd: Etcd, key: str, values: list[str]) -> None:
    results = race(values, key=key, endpoints=[etcd.url])
    assert [result.get("msg") for result in results] == [None] * 10
    assert sorted(result["changed"] for result in results) == [False] * 9 + [True]
    assert len({result["value"] for result in results}) == 1
    assert sum(result["differs"] for result in results) == (0 if len(set(values)) == 1 else 9)


def test_a_replacement_that_comes_second_starts_from_what_is_there(etcd: Etcd, key: str) -> None:
    logic(key=key, value="start", endpoints=[etcd.url])
    results = race(["a", "b", "c"], key=key, policy="replace", endpoints=[etcd.url])
    assert all(result["changed"] for result in results)
    assert len({result["previous"]["index"] for result in results}) == 3, "each replaced what was there then"


def test_a_guarded_replacement_that_comes_second_writes_nothing(etcd: Etcd, key: str) -> None:
    logic(key=key, value="start", endpoints=[etcd.url])
    results = race(["a", "b", "c"], key=key, policy="replace", expected_value="start", endpoints=[etcd.url])
    assert sorted(result.get("failed", False) for result in results) == [False, True, True]


def test_what_is_stored_is_what_others_read(two: Etcd, three: Etcd, key: str) -> None:
    logic(key=key, value=FLANNEL, ttl=30, endpoints=[two.url])
    node = two.call("GET", f"/v2/keys{key}")["node"]
    assert (node["value"], node["ttl"] > 20) == (FLANNEL_TEXT, True)

    logic(key=key, value=FLANNEL, endpoints=[three.url])
    encoded = base64.b64encode(key.encode()).decode()
    stored = three.call("POST", "/v3/kv/range", {"key": encoded})["kvs"][0]
    assert base64.b64decode(stored["value"]).decode() == FLANNEL_TEXT
    assert "lease" not in stored


# v2 alone


def test_a_directory_is_left_alone(two: Etcd, key: str) -> None:
    two.call("PUT", f"/v2/keys{key}/below", "value=precious")
    for state in ({"state": "absent"}, {"value": "x"}, {"value": "x", "policy": "replace"}):
        for check in (True, False):
            result = logic(key=key, endpoints=[two.url], check=check, **state)
            assert result["failed"]
            assert f"'{key}' is a directory" in result["msg"]
    assert two.call("GET", f"/v2/keys{key}/below")["node"]["value"] == "precious"


def test_a_value_above_the_key_is_named(two: Etcd, key: str) -> None:
    logic(key=key, value="x", endpoints=[two.url])
    result = logic(key=f"{key}/below", value="x", endpoints=[two.url])
    assert f"'{key}' holds a value and is no directory" in result["msg"]


# Which API


def test_auto_is_v2_where_it_is_on_and_v3_elsewhere(two: Etcd, three: Etcd, both: Etcd, key: str) -> None:
    used = {server.url: logic(key=key, value="x", endpoints=[server.url])["api"] for server in (two, three, both)}
    assert used == {two.url: "v2", three.url: "v3", both.url: "v2"}
    assert logic(key=key, value="x", api="v3", endpoints=[both.url])["action"] == "created"


def test_an_api_that_is_off_is_named(two: Etcd, three: Etcd, key: str) -> None:
    result = logic(key=key, value="x", api="v2", endpoints=[three.url])
    assert "Its v2 API is switched off or gone" in result["msg"]
    assert "api: v3" in result["msg"]
    result = logic(key=key, value="x", api="v3", endpoints=[two.url])
    assert "It has no v3 JSON API" in result["msg"]
