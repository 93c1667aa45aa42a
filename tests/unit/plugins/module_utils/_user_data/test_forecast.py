# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units would be older than their files, foretold: it must be what is found once the files are there."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedDropIn,
    AskedUnit,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    UNWRITTEN,
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.forecast import outdated
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import Snapshot

TEXT = Text(1, 1, 1)
RUNNING = {"LoadState": "loaded", "ActiveState": "active", "MainPID": "7", "InvocationID": "a"}
UNIT = "/etc/systemd/system/a.service"
DROP_IN = "/etc/systemd/system/a.service.d/1.conf"


def told(
    *items: Item,
    asked: Asked | None = None,
    digests: dict[str, str] | None = None,
    masks: tuple[str, ...] = (),
    properties: dict[str, str] | None = None,
) -> tuple[list[str], list[str]]:
    """The hindrances of a.service if it is outdated for sure, and if it perhaps is."""
    unit = {"Id": "a.service", **RUNNING, **(properties or {})}
    before = Snapshot({"a.service": unit}, {UNIT: "1", DROP_IN: "2"} if digests is None else digests)
    if asked is None:
        asked = Asked(units=[AskedUnit("a.service", "start", text=TEXT, drop_ins=[AskedDropIn("1.conf", TEXT, 1)])])
    sure, perhaps = outdated(asked, Comparison(items=items, masks=masks, snapshot=before), before)
    return [unit.hindrance for unit in sure], [unit.hindrance for unit in perhaps]


YES: tuple[list[str], list[str]] = ([""], [])
PERHAPS: tuple[list[str], list[str]] = ([], [""])
NO: tuple[list[str], list[str]] = ([], [])


@pytest.mark.parametrize(
    ("path", "state", "why", "expected"),
    [
        (DROP_IN, "same", "", NO),
        (DROP_IN, "differs", "content", YES),
        (DROP_IN, "differs", "content, mode (0600 instead of 0644)", YES),
        (DROP_IN, "differs", "mode (0600 instead of 0644)", NO),
        (DROP_IN, "differs", "owner (core:core instead of root:root)", NO),
        (DROP_IN, "differs", "a symbolic link is in its place", YES),
        (DROP_IN, "not_compared", "its path has line breaks", PERHAPS),
        (DROP_IN, "not_compared", UNWRITTEN, NO),
        (UNIT, "differs", "content", YES),
        ("/etc/systemd/system/a.service.d/2.conf", "missing", "", YES),
        # the file of the same name in /etc is taken
        ("/run/systemd/system/a.service.d/1.conf", "missing", "", NO),
        ("/run/systemd/system/a.service", "missing", "", NO),
        ("/etc/systemd/system/b.service.d/1.conf", "missing", "", NO),
    ],
)
def test_what_changes_a_file_that_counts(
    path: str, state: str, why: str, expected: tuple[list[str], list[str]]
) -> None:
    kind = "drop_in" if ".d/" in path else "unit"
    assert told(Item(kind, "x", path, state, why)) == expected  # type: ignore[arg-type]


CHANGED = Item("drop_in", "a.service/1.conf", DROP_IN, "differs", "content")


@pytest.mark.parametrize(
    ("command", "properties", "expected"),
    [
        ("", {}, YES),
        ("start", {}, YES),
        ("reload", {}, YES),
        ("restart", {}, NO),
        ("stop", {}, NO),
        ("try-restart", {}, NO),
        ("reload-or-restart", {"CanReload": "yes"}, YES),
        ("reload-or-restart", {"CanReload": "no"}, NO),
        ("reload-or-try-restart", {}, NO),
        ("start", {"ActiveState": "inactive"}, NO),
        ("start", {"ActiveState": "activating"}, YES),
    ],
)
def test_what_is_restarted_by_the_run_itself_is_new(
    command: str, properties: dict[str, str], expected: tuple[list[str], list[str]]
) -> None:
    unit = AskedUnit("a.service", command, drop_ins=[AskedDropIn("1.conf", TEXT, 1)])
    assert told(CHANGED, asked=Asked(units=[unit]), properties=properties) == expected
    # also by another name of it
    alias = AskedUnit("alias.service", command)
    properties = {**properties, "Names": "a.service alias.service"}
    found = told(CHANGED, asked=Asked(units=[alias]), properties=properties)
    assert found == expected


def test_what_a_section_restarts_is_new() -> None:
    path = "/run/systemd/system/locksmithd.service.d/20-cloudinit.conf"
    item = Item("drop_in", "x", path, "missing")
    for strategy, expected in (("reboot", 0), ("off", 0), ("", 1)):
        asked = Asked(update={"reboot_strategy": strategy}, sections={"locksmith": 3})
        before = Snapshot({"locksmithd.service": {"Id": "locksmithd.service", **RUNNING}}, {})
        sure, perhaps = outdated(asked, Comparison(items=[item], snapshot=before), before)
        assert (len(sure), len(perhaps)) == (expected, 0)


@pytest.mark.parametrize("reloads", [False, True])
def test_what_is_masked_while_it_runs_would_not_be_restarted(reloads: bool) -> None:
    asked = Asked(units=[AskedUnit("a.service", mask=True)])
    written = [Item("unit", "b.service", "/etc/systemd/system/b.service", "same")] * reloads
    hindrance = "it is masked now, though it still runs; stop it, or lift the mask"
    assert told(*written, asked=asked) == ([hindrance], [])
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert told(*written, asked=asked, digests={UNIT: empty}) == NO


def test_a_mask_that_is_lifted_is_a_file_less() -> None:
    masked = {"/run/systemd/system/a.service": "0", "/usr/lib/systemd/system/a.service": "1"}
    asked = Asked(units=[AskedUnit("a.service", runtime=True)])
    assert told(asked=asked, digests=masked, masks=("a.service",)) == YES
    assert told(asked=asked, digests=masked) == NO
