# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What requires the unit of a user-data: systemd stops it for each run, and starts it again only after a good one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    UNIT,
    config,
    place,
    rerun,
)
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

MACHINE = USER_DATA.parent / "machine"
OEM = "/usr/share/oem/cloud-config.yml"
OEM_UNIT = r"system-cloudinit@usr-share-oem-cloud\x2dconfig.yml.service"
TARGETS = ("system-config.target", "user-config.target")
BAD = ("coreos:", "  units:", "    - name: none-such.service", "      command: start")
STARTED = [f"systemctl start {name}" for name in TARGETS]

# A service that needs Vagrant's user-data, one that needs that, and one that has nothing to do with it.
# systemd forgets what is down and what nothing wants.
SERVICES = f"""
cd /run/systemd/system
mkdir -p multi-user.target.wants
for NAME in app above aside; do
  case $NAME in
    app) NEEDS='{UNIT} aside.service' ;;
    above) NEEDS=app.service ;;
    aside) NEEDS= ;;
  esac
  printf '%s\\n' [Unit] "Requires=$NEEDS" "After=$NEEDS" [Service] 'ExecStart=/usr/bin/sleep infinity' >$NAME.service
  ln -s ../$NAME.service multi-user.target.wants
done
systemctl daemon-reload
systemctl start above.service
"""


def states(host: Machine, *names: str) -> list[str]:
    return host.sh(f"systemctl is-active {' '.join(names)}", check=False).split()


def spoil(host: Machine) -> None:
    called = r"    - name: none-such.service\n      command: start"
    host.sh(rf"cp {OEM} /etc/oem.good; sed -i 's/^  units:/&\n{called}/' {OEM}")


def mend(host: Machine) -> None:
    host.sh(f"cp /etc/oem.good {OEM}")


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_what_a_failed_run_takes_down_a_good_one_brings_back(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release, fresh=True)
    assert states(host, *TARGETS) == ["active"] * 2
    spoil(host)
    for _again in range(2):
        failed = host.play([rerun(path=OEM)], options=AS_ROOT).last.result
        assert "Unit none-such.service not found" in failed["msg"], failed
        assert f"system-config.target and user-config.target need {OEM_UNIT}, and are down" in failed["msg"], failed
        assert states(host, *TARGETS) == ["inactive"] * 2
    mend(host)
    done = host.play([rerun(path=OEM)], options=AS_ROOT).last.result
    assert done["actions"][-2:] == STARTED, done
    assert states(host, *TARGETS) == ["active"] * 2
    assert host.play([rerun()], options=AS_ROOT).last.result["changed"] is False


def test_what_never_came_up_for_it_is_brought_up(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", fresh=True)
    spoil(host)
    subprocess.run([MACHINE, "reboot", host.name], check=True, capture_output=True, timeout=120)
    assert states(host, *TARGETS) == ["inactive"] * 2
    mend(host)
    done = host.play([rerun(path=OEM)], options=AS_ROOT).last.result
    assert done["actions"][-2:] == STARTED, done
    assert states(host, *TARGETS) == ["active"] * 2


def test_what_an_operator_has_stopped_stays_so(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", fresh=True)
    host.sh("systemctl stop user-config.target")
    spoil(host)
    failed = host.play([rerun(path=OEM)], options=AS_ROOT).last.result
    assert f"system-config.target needs {OEM_UNIT}, and is down" in failed["msg"], failed
    mend(host)
    done = host.play([rerun(path=OEM)], options=AS_ROOT).last.result
    assert done["actions"][-1:] == STARTED[:1], done
    assert states(host, *TARGETS) == ["active", "inactive"]
    # nor is it told, where all else goes well
    assert not any("user-config.target" in warning for warning in done.get("warnings", []))


def test_services_come_back_as_far_as_they_can(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", fresh=True)
    services = ("app.service", "above.service", "aside.service")
    host.sh(SERVICES)
    host.sh(place(config(1)))
    # systemd does it by itself where the run goes well
    done = host.play([rerun()], options=AS_ROOT).last.result
    assert not any("systemctl start" in action for action in done["actions"]), done
    assert states(host, *services) == ["active"] * 3
    host.sh(place(config(2, *BAD)))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert f"app.service and above.service need {UNIT}, and are down" in failed["msg"], failed
    assert states(host, *services) == ["inactive", "inactive", "active"]
    # what is stopped meanwhile is not brought along
    host.sh("systemctl stop aside.service")
    host.sh(place(config(3)))
    done = host.play([rerun()], options=AS_ROOT).last.result
    assert states(host, *services) == ["inactive"] * 3
    assert any("app.service" in warning and "aside.service" in warning for warning in done["warnings"]), done
    host.sh("systemctl start aside.service")
    host.sh(place(config(4)))
    done = host.play([rerun()], options=AS_ROOT).last.result
    assert done["actions"][-2:] == ["systemctl start app.service", "systemctl start above.service"], done
    assert states(host, *services) == ["active"] * 3
