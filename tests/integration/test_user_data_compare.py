# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What user-data asks for, held against machines to which the real coreos-cloudinit has applied it, or has not yet."""

from __future__ import annotations

import base64
import gzip
import subprocess
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, asked
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    UNWRITTEN,
    Comparison,
    compare,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.diff import predict
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.forecast import Forecast
from ansible_collections.container_linux.remediation.tests.integration.user_data import Heard

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory

PATH = "/var/lib/coreos-vagrant/vagrantfile-user-data"
SERVICE = r"'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'"


class Box(Heard):
    """What a machine's user-data asks for."""

    def asked(self) -> Asked:
        content = self.machine.sh(f"cat {PATH}")
        done = subprocess.run(
            ["sed", "-e", SKELETON_SED], input=content, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
        )
        return asked(parse_skeleton(done.stdout))

    def compare(self) -> Comparison:
        found = compare(self, self.asked(), path=PATH)
        assert not found.partial
        assert not self.machine.sh("ls /run | grep container-linux-remediation", check=False)
        return found

    def states(self) -> dict[str, tuple[str, str]]:
        return {item.name: (item.state, item.why) for item in self.compare().items}

    def diff(self) -> tuple[list[str], list[str]]:
        told = predict(PATH, self.asked(), self.compare(), Forecast())
        return told["before"].splitlines(), told["after"].splitlines()

    def apply(self) -> None:
        self.machine.sh(f"systemctl restart {SERVICE}")


MADE = "it is made from the section coreos."
SEED = {
    "1010": {
        "docker-tcp.socket": ("same", ""),
        "etcd.service/20-cloudinit.conf": ("not_compared", f"{MADE}etcd"),
        "fleet.service/20-cloudinit.conf": ("not_compared", f"{MADE}fleet"),
    },
    "2512": {"docker-tcp.socket": ("same", "")},
}


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_fresh_user_data_is_all_there(machine: MachineFactory, release: str) -> None:
    box = Box(machine("user-data-fresh", release=release))
    assert box.states() == SEED[release]
    units = {(unit.name, unit.asked): unit for unit in box.compare().units}
    assert all(unit.as_asked for unit in units.values())
    assert units["docker-tcp.socket", "enabled"].properties["UnitFileState"] == "enabled"
    assert units["docker-tcp.socket", "started"].properties["ActiveState"] == "active"
    before, after = box.diff()
    assert [line for line in after if "content: unchanged" in line] == [
        "/etc/systemd/system/docker-tcp.socket: mode 0644, owner root, content: unchanged"
    ]
    assert "docker-tcp.socket: enabled" in before


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_user_data_that_came_one_boot_late(machine: MachineFactory, release: str) -> None:
    box = Box(machine("user-data-one-boot-late", release=release, fresh=True))
    assert box.states() == {**SEED[release], "/etc/test.txt": ("missing", "")}
    before, after = box.diff()
    assert "/etc/test.txt: absent" in before
    assert "/etc/test.txt: mode 0644, owner root, content: 1 line, not shown" in after
    assert "hello" not in box.said + str(before + after)
    box.apply()
    assert box.states() == {**SEED[release], "/etc/test.txt": ("same", "")}
    before, after = box.diff()
    # what coreos-cloudinit makes of sections is not known, and so that line stays
    assert [line for line in after if line not in before and MADE not in line] in (
        [],
        ["call: systemctl daemon-reload"],
    )

    box.machine.sh("chmod 600 /etc/test.txt; chown core /etc/test.txt; echo secret >>/etc/test.txt")
    why = "content, mode (0600 instead of 0644), owner (core:root instead of root:root)"
    assert box.states()["/etc/test.txt"] == ("differs", why)
    assert "secret" not in box.said


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_process_that_is_older_than_its_files(machine: MachineFactory, release: str) -> None:
    box = Box(machine("user-data-process-old", release=release, fresh=True))
    assert box.states() == {"app.service": ("same", ""), "app.service/10-version.conf": ("same", "")}
    (unit,) = box.compare().units
    assert (unit.asked, unit.as_asked, unit.why) == ("started", True, "")
    box.machine.sh("systemctl stop app.service")
    (unit,) = box.compare().units
    assert (unit.asked, unit.as_asked, unit.why) == ("started", False, "it is inactive (dead)")
    assert "call: systemctl start app.service" in box.diff()[1]
    box.apply()
    (unit,) = box.compare().units
    assert unit.as_asked


TAB = "\t"
ZIPPED = base64.b64encode(gzip.compress(b"packed\n")).decode()
CLOUD_CONFIG = rf"""#cloud-config

write_files:
  - path: /etc/made/literal
    content: |
      one $public_ipv4 \$public_ipv4 $private_ipv4$private_ipv4 [$public_ipv6]

        two
  - path: /etc/made/strip
    permissions: 0600
    owner: core
    content: |-
      one
      two

  - path: /etc/made/keep
    permissions: "04755"
    owner: core:docker
    content: |+
      one

  - path: /etc/made/indented
    permissions: 755
    content: |2
          one
        two
  - path: /etc/made/folded
    owner: core:core
    content: >
      one
      two

      three
        four

        five
      six
  - path: /etc/made/folded-strip
    content: >-
      one
      two
  - path: /etc/made/plain
    content: one two  # three
  - path: /etc/made/single
    content: 'it''s'
  - path: /etc/made/double
    content: "one\n\ttwo \"three\" \\ $public_ipv4\n"
  - path: /etc/made/number
    content: 0755
  - path: /etc/made/nothing
  - path: /etc/made/null
    content: ~
  - path: /etc/made/empty
    content: ""
  - path: /etc/made/blank
    content: |+

  - path: /etc/made/base64
    encoding: base64
    content: aGVsbG8sIHdvcmxkCg==
  - path: /etc/made/b64
    encoding: b64
    content: |
      aGVsbG8s
      IHdvcmxkCg==
  - path: /etc/made/zipped
    encoding: gz+b64
    content: {ZIPPED}
  - path: /etc/made/zipped-binary
    encoding: gzip
    content: !!binary |
      {ZIPPED}
  - path: /etc/made/binary
    content: !!binary AAEC/w==
  - path:{TAB}/etc/made/tabs{TAB}# three
    permissions{TAB}:{TAB}'0600'{TAB}
    content:{TAB}one{TAB}two{TAB}# three
  - path:
      /etc/made/on lines of their own
    permissions: # one
      "0640"
    content:
      |
      one
  - path: /etc/made/twice
    content: first
  - path: /etc//made/../made/twice
    content: second
  - path: /etc/made/later.service
    content: file
  - path: /etc/systemd/system/later.service
    content: file
coreos:
  units:
    - name: later.service
      content: |
        [Service]
        Type=oneshot
        ExecStart=/usr/bin/true
      command: start
    - name: simple.service
      command: start
      runtime: true
      content: |
        [Service]
        ExecStart=/usr/bin/true
    - name: skipped.service
      command: restart
      content: |
        [Unit]
        ConditionPathExists=/nowhere
        [Service]
        ExecStart=/usr/bin/true
      drop-ins:
        - name: 10-a.conf
          content: |
            [Unit]
            Description=A
        - name: 20-empty.conf
          content: ""
    - name: masked.service
      mask: true
      content: |
        [Service]
        ExecStart=/usr/bin/true
    - name: user-data-compare@one.service
      enable: true
      command: stop
      content: |
        [Service]
        ExecStart=/usr/bin/true
        [Install]
        WantedBy=multi-user.target
    - name: static.service
      enable: true
      content: |
        [Service]
        ExecStart=/usr/bin/true
    - name: 99-none.link
      command: start
      content: |
        [Match]
        {TAB}MACAddress=02:00:00:00:00:99
...
"""


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_all_that_coreos_cloudinit_makes_is_known(machine: MachineFactory, release: str) -> None:
    box = Box(machine("user-data-fresh", release=release, fresh=True))
    box.machine.sh("groupadd -f docker")
    box.machine.sh(f"cat >{PATH}.new <<'END'\n{CLOUD_CONFIG}END\nmv {PATH}.new {PATH}")
    empty = ("not_compared", UNWRITTEN)
    found = box.states()
    assert found.pop("skipped.service/20-empty.conf") == empty
    assert {state for state, _why in found.values()} == {"missing"}
    box.apply()
    found = box.states()
    assert found.pop("skipped.service/20-empty.conf") == empty
    assert found.pop("/etc/made/binary") == ("not_compared", "it has a tag")
    assert found.pop("/etc/made/on lines of their own") == ("not_compared", "it goes on in the next line")
    assert {name: told for name, told in found.items() if told != ("same", "")} == {}
    assert len(found) == 28
    units = {(unit.name, unit.asked): (unit.as_asked, unit.why) for unit in box.compare().units}
    assert units == {
        ("later.service", "started"): (True, ""),
        ("simple.service", "started"): (True, "it has ended by itself, and well"),
        ("skipped.service", "restarted"): (True, "a condition of its unit file is not met, and systemd skipped it"),
        ("masked.service", "masked"): (True, ""),
        ("user-data-compare@one.service", "enabled"): (True, ""),
        ("user-data-compare@one.service", "stopped"): (True, ""),
        ("static.service", "enabled"): (
            True,
            "its unit file has no [Install] section of its own, so that enabling it does nothing",
        ),
        ("99-none.link", ""): (True, "only its file is written; systemd-networkd reads it"),
    }
    for word in ("hello", "packed", "second", "Description"):
        assert word not in box.said
