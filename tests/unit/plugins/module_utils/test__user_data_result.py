# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config import (
    SECTIONS,
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import Command, Finding, Run
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_compare import (
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_left import no_longer
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_result import (
    of_proof,
    of_run,
    of_source,
    to_be_written,
    was_written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_seen import (
    Content,
    File,
    Memory,
    Place,
    Source,
    Written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import (
    Skeleton,
    Text,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_state import State
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_units import UnitState

TEXT = Text(key=1, first=2, last=3, indent=0, block=True, lines=2)
NOTHING = Written(files=[], units=[], drop_ins=[], enabled=[], masked=[])
PLACE = Place("vagrant", "/var/lib/coreos-vagrant/vagrantfile-user-data", "user-cloudinit@x.service")

ASKED = Asked(
    files=[AskedFile("/etc/test.txt", text=TEXT)],
    units=[
        AskedUnit("web.service", "start", enable=True, text=TEXT, runtime=True),
        AskedUnit("docker.service", drop_ins=[AskedDropIn("40-flannel.conf", TEXT, 9), AskedDropIn("empty", None, 10)]),
        AskedUnit("old.service", mask=True),
    ],
    sections=dict.fromkeys(SECTIONS, 1),
    manage_etc_hosts="localhost",
)
# what coreos-cloudinit logs when it runs that
RUN = Run(
    files=[
        "/etc/test.txt",
        "/etc/oem-release",
        "/etc/coreos/update.conf",
        "/etc/hosts",
        "/run/flannel/options.env",
        "/etc/environment",
    ],
    units=[("web.service", "/run/systemd/system/web.service")],
    drop_ins=[
        ("40-flannel.conf", "/etc/systemd/system/docker.service.d/40-flannel.conf"),
        *(
            ("20-cloudinit.conf", f"/run/systemd/system/{name}.service.d/20-cloudinit.conf")
            for name in ("etcd", "etcd2", "fleet", "locksmithd")
        ),
    ],
    enabled=["web.service"],
    masked=["old.service"],
)


def test_what_is_asked_for_again_is_not_left_behind() -> None:
    """Whatever of it coreos-cloudinit makes from a section, too: the log and the user-data tell the same."""
    brought = was_written(Source(PLACE, run=RUN, started=(100.0, 0.0)))
    assert no_longer(brought, to_be_written(ASKED)) == NOTHING
    assert no_longer(to_be_written(ASKED), brought) == NOTHING


def test_what_is_remembered_tells_unless_somebody_has_run_another_since() -> None:
    memory = Memory("0" * 64, applied=200.0, boot="b", written=Written(files=["/etc/remembered"]))
    assert was_written(Source(PLACE, run=RUN, started=(100.0, 0.0), memory=memory)).files == ["/etc/remembered"]
    assert was_written(Source(PLACE, memory=memory)).files == ["/etc/remembered"]
    assert "/etc/test.txt" in was_written(Source(PLACE, run=RUN, started=(300.0, 0.0), memory=memory)).files
    assert was_written(Source(PLACE)) == Written()


def test_what_only_runs_for_a_moment_is_not_what_it_brings() -> None:
    assert to_be_written(Asked(units=[AskedUnit("etcd2.service", "start")])) == NOTHING


def test_drop_ins_are_told_by_unit_whatever_the_version_logs() -> None:
    run = Run(
        drop_ins=[
            ("1.conf", "/etc/systemd/system/a.service.d/1.conf"),
            ("2.conf", "/run/systemd/network/b.network.d/2.conf"),
            # where no path is told, nobody knows of which unit it is
            ("3.conf", ""),
        ]
    )
    assert was_written(Source(PLACE, run=run)).drop_ins == ["a.service/1.conf", "b.network/2.conf"]


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
        units=[UnitState("a.service", {"ExecStart": "SECRET"}, "started", as_asked=False, why="it is failed")],
        partial=["x"],
    )
    assert of_proof(proof) == {
        "items": [{"kind": "file", "name": "/a", "path": "/a", "state": "differs", "why": "content"}],
        # what else systemd tells of it may hold what the user-data does
        "units": [{"name": "a.service", "asked": "started", "as_asked": False, "why": "it is failed"}],
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
    brought = was_written(Source(PLACE, run=run))
    # what is remembered can be told again
    assert no_longer(brought, brought) == NOTHING
