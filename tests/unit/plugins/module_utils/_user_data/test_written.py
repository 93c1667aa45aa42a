# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What user-data brings, by what it asks for and by what a run of it logs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    SECTIONS,
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import no_longer
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Run
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Memory,
    Place,
    Source,
    Written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.written import (
    to_be_written,
    was_written,
)

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
    update={"reboot_strategy": "off"},
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
    masked=["old.service", "locksmithd.service"],
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
    # what a run since then has brought, and what it has not removed
    files = was_written(Source(PLACE, run=RUN, started=(300.0, 0.0), memory=memory)).files
    assert {"/etc/test.txt", "/etc/remembered"} <= set(files)
    assert was_written(Source(PLACE)) == NOTHING


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


TEXTS = st.lists(st.text())
PAIRS = st.lists(st.tuples(st.text(), st.text()))


@given(st.builds(Run, files=TEXTS, units=PAIRS, drop_ins=PAIRS, enabled=TEXTS, masked=TEXTS))
def test_what_is_remembered_can_be_told_again(run: Run) -> None:
    brought = was_written(Source(PLACE, run=run))
    assert no_longer(brought, brought) == NOTHING
