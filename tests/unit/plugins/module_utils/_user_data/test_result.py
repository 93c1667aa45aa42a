# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command, Finding, Run
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.result import (
    of_proof,
    of_run,
    of_source,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Content,
    File,
    Place,
    Source,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import NAMES, State
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState
from ansible_collections.container_linux.remediation.plugins.modules import cloudinit_rerun

PLACE = Place("vagrant", "/var/lib/coreos-vagrant/vagrantfile-user-data", "user-cloudinit@x.service")


def test_how_a_source_stands() -> None:
    finding = Finding(3, "error", "x")
    skeleton = Skeleton({"a": "_text"}, {"a": 2})
    content = Content(9, "0" * 64, form="cloud-config", findings=[finding], skeleton=skeleton, keys=[(1, "1" * 64)])
    source = Source(PLACE, file=File("regular file", 9, "600", 0, 1, 1.0), content=content, watched=True)
    assert of_source(source, State("failed", "that run failed:\x1b[31m x", by_digest=True)) == {
        "kind": "vagrant",
        "unit": "user-cloudinit@x.service",
        "state": "failed",
        "why": "that run failed:\ufffd[31m x",
        "sha256": "0" * 64,
        "findings": [{"line": 3, "level": "error", "text": "x"}],
    }
    assert of_source(Source(PLACE, error="x"), State("unusable", "x"))["findings"] == []


def test_the_documentation_names_each_state() -> None:
    """But for that of a file that is not there: it is no source."""
    state = yaml.safe_load(cloudinit_rerun.RETURN)["sources"]["contains"]["state"]
    assert set(re.findall(r"V\((\w+)\)", " ".join(state["description"]))) == {*NAMES} - {"absent"}


def test_what_a_run_has_done() -> None:
    commands = [Command("start", "a.service", "done"), Command("start", "b.service")]
    told = of_run(Run(commands=commands, errors=["x"], doing="y", units=[("a.service", "/a")], scripts=["s.service"]))
    assert told["commands"] == [
        {"verb": "start", "unit": "a.service", "result": "done"},
        {"verb": "start", "unit": "b.service", "result": ""},
    ]
    assert (told["errors"], told["doing"], told["scripts"]) == (["x"], "y", ["s.service"])
    assert told["units"] == [{"name": "a.service", "path": "/a"}]


def test_what_is_there() -> None:
    proof = Comparison(
        items=[Item("file", "/a", "/a", "differs", "content")],
        units=[
            UnitState("a.service", {"ExecStart": "SECRET"}, "started", as_asked=False, why="it is failed"),
            UnitState("locksmithd.service", {}, "masked", section="update"),
        ],
        partial=["x"],
    )
    assert of_proof(proof) == {
        "items": [{"kind": "file", "name": "/a", "path": "/a", "state": "differs", "why": "content"}],
        # what else systemd tells of it may hold what the user-data does
        "units": [
            {"name": "a.service", "asked": "started", "as_asked": False, "why": "it is failed"},
            {"name": "locksmithd.service", "asked": "masked for coreos.update", "as_asked": True, "why": ""},
        ],
        "partial": ["x"],
    }


TEXTS = st.lists(st.text())
PAIRS = st.lists(st.tuples(st.text(), st.text()))


@given(
    st.builds(
        Run,
        files=TEXTS,
        units=PAIRS,
        drop_ins=PAIRS,
        enabled=TEXTS,
        masked=TEXTS,
        commands=st.lists(st.builds(Command, st.text(), st.text(), st.text())),
        said=TEXTS,
        errors=TEXTS,
    )
)
def test_a_result_is_plain_data_whatever_a_host_logs(run: Run) -> None:
    told = of_run(run)
    assert json.loads(json.dumps(told)) == told
