# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd would refuse to do for a user-data. What it does refuse was seen with 1.11 and 1.14."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedDropIn,
    AskedFile,
    AskedUnit,
    asked,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    UNWRITTEN,
    Comparison,
    Item,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.refusal import (
    of_call,
    of_enabling,
    refusals,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import targets
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import skeleton

TEXT = Text(1, 2, 4, 0, True, 3)
ABSENT = {"LoadState": "not-found", "ActiveState": "inactive"}
MASKED = {"LoadState": "masked", "ActiveState": "inactive", "UnitFileState": "masked"}
MASKED_IN_RUN = {**MASKED, "UnitFileState": "masked-runtime"}
LOADED = {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "static"}
COMMANDS = ("start", "restart", "reload", "try-restart", "reload-or-restart", "reload-or-try-restart")


def compared(wanted: Asked, known: dict[str, str], *masks: str, name: str = "a.service", why: str = "") -> Comparison:
    """How a host stands on which nothing is yet of what is wanted, and one unit has these properties."""
    items = [Item(target.kind, target.name, target.path, "missing", why) for target in targets(wanted)]
    return Comparison(items=items, units=[UnitState(name, known)], masks=masks)


def call(wanted: Asked, known: dict[str, str], *masks: str, name: str = "a.service", why: str = "") -> str:
    """Why the first call of a unit would be refused; empty where it would not."""
    unit = next(unit for unit in wanted.units if unit.command)
    refusal = of_call(unit, wanted, compared(wanted, known, *masks, name=name, why=why))
    return refusal.why if refusal else ""


def enabling(wanted: Asked, known: dict[str, str], *masks: str) -> str:
    unit = next(unit for unit in wanted.units if unit.enable)
    refusal = of_enabling(unit, wanted, compared(wanted, known, *masks))
    return refusal.why if refusal else ""


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_there_or_masked_is_called_in_vain(command: str) -> None:
    wanted = Asked(units=[AskedUnit("a.service", command)])
    assert call(wanted, ABSENT) == "it is not-found"
    assert call(wanted, MASKED) == "it is masked"
    assert call(wanted, LOADED) == ""
    # where systemd told nothing, nothing is known
    assert call(wanted, {}) == ""


def test_what_is_masked_can_be_stopped_and_what_is_not_there_cannot() -> None:
    wanted = Asked(units=[AskedUnit("a.service", "stop")])
    assert call(wanted, MASKED) == ""
    assert call(wanted, ABSENT) == "it is not-found"
    # its file is gone, and it still runs
    assert call(wanted, {**ABSENT, "ActiveState": "active"}) == ""
    # the mask makes a unit of it
    assert call(Asked(units=[AskedUnit("a.service", "stop", mask=True)]), ABSENT) == ""


def test_what_the_user_data_itself_brings_can_be_called() -> None:
    start, text = AskedUnit("a.service", "start"), AskedUnit("a.service", text=TEXT)
    # all files are written before anything is called
    for units in ([start, text], [text, start], [AskedUnit("a.service", "start", text=TEXT)]):
        assert call(Asked(units=units), ABSENT) == ""
    assert call(Asked([AskedFile("/etc/systemd/system/a.service")], [start]), ABSENT) == ""
    assert call(Asked([AskedFile("/opt/a.service")], [start]), ABSENT) == "it is not-found"
    # an empty text is not written
    assert call(Asked(units=[start, text]), ABSENT, why=UNWRITTEN) == "it is not-found"
    # nor do drop-ins make a unit
    drop_in = AskedUnit("a.service", "start", drop_ins=[AskedDropIn("1.conf", TEXT, 1)])
    assert call(Asked(units=[drop_in]), ABSENT) == "it is not-found"
    assert call(Asked(units=[start, AskedUnit("aa.service", text=TEXT)]), ABSENT) == "it is not-found"


def test_an_instance_of_what_the_user_data_brings_can_be_called() -> None:
    for name, brought in (("a@1.service", True), (r"a@x\x2dy.service", True), ("b@1.service", False)):
        wanted = Asked(units=[AskedUnit(name, "start"), AskedUnit("a@.service", text=TEXT)])
        assert call(wanted, ABSENT, name=name) == ("" if brought else "it is not-found")


def test_which_masks_a_run_lifts() -> None:
    def starting(*, runtime: bool = False, text: Text | None = None) -> Asked:
        return Asked(units=[AskedUnit("a.service", "start", runtime=runtime, text=text), AskedUnit("b", text=TEXT)])

    assert call(starting(text=TEXT), MASKED) == call(starting(text=TEXT), MASKED_IN_RUN) == ""
    assert call(starting(runtime=True), MASKED_IN_RUN, "a.service") == ""
    assert call(starting(runtime=True, text=TEXT), MASKED_IN_RUN) == ""
    assert call(starting(), MASKED_IN_RUN) == "it is masked"
    # what is in /etc comes before what is in /run
    assert call(starting(runtime=True), MASKED) == "it is masked"
    assert call(starting(runtime=True), MASKED, "a.service") == "it is masked"
    assert call(starting(runtime=True, text=TEXT), MASKED) == "it is masked"


def test_a_lifted_mask_is_noticed_when_systemd_reads_its_files_anew() -> None:
    wanted = Asked(units=[AskedUnit("a.service", "start", runtime=True)])
    found = of_call(wanted.units[0], wanted, compared(wanted, MASKED_IN_RUN, "a.service"))
    assert found
    assert found.why == "it is masked until systemd reads its files anew"
    assert found.outcome == "so that the run may stop there"


def test_what_the_user_data_itself_masks_is_called_in_vain() -> None:
    start = AskedUnit("locksmithd.service", "start")
    off = {"reboot_strategy": "off"}
    reloading = Asked(units=[start, AskedUnit("b.service", text=TEXT)], update=off)
    assert call(reloading, LOADED, name=start.name) == "this user-data masks it"
    # without that, systemd notices no mask of a unit that it has in memory
    assert call(Asked(units=[start], update=off), LOADED, name=start.name) == ""
    assert call(Asked(units=[start], update=off), MASKED_IN_RUN, start.name, name=start.name) == "it is masked"


def test_what_is_enabled_must_be_there_by_then() -> None:
    enable, text = AskedUnit("a.service", enable=True), AskedUnit("a.service", text=TEXT)
    assert enabling(Asked(units=[enable]), ABSENT) == "it is not-found"
    assert enabling(Asked(units=[enable]), LOADED) == enabling(Asked(units=[enable]), {}) == ""
    assert enabling(Asked(units=[text, enable]), ABSENT) == ""
    assert enabling(Asked(units=[AskedUnit("a.service", enable=True, text=TEXT)]), ABSENT) == ""
    assert enabling(Asked([AskedFile("/etc/systemd/system/a.service")], [enable]), ABSENT) == ""
    # its file is written when it is too late
    assert enabling(Asked(units=[enable, text]), ABSENT) == "it is not-found"


def test_what_is_masked_is_enabled_in_vain() -> None:
    enable = AskedUnit("a.service", enable=True)
    for_now = AskedUnit("a.service", enable=True, runtime=True)
    assert enabling(Asked(units=[enable]), MASKED) == enabling(Asked(units=[enable]), MASKED_IN_RUN) == "it is masked"
    assert enabling(Asked(units=[AskedUnit("a.service", enable=True, text=TEXT)]), MASKED) == ""
    # that is done by the files: systemd need not read them anew
    assert enabling(Asked(units=[for_now]), MASKED_IN_RUN, "a.service") == ""
    assert enabling(Asked(units=[for_now]), MASKED, "a.service") == "it is masked"
    later = AskedUnit("a.service", runtime=True)
    assert enabling(Asked(units=[enable, later]), MASKED_IN_RUN, "a.service") == "it is masked"


def test_of_networkd_nothing_is_asked() -> None:
    unit = AskedUnit("00-eth0.network", "restart", enable=True)
    wanted = Asked(units=[unit])
    known = compared(wanted, ABSENT, name=unit.name)
    assert of_call(unit, wanted, known) is of_enabling(unit, wanted, known) is None


def test_each_is_warned_of_with_its_line_and_what_to_do() -> None:
    wanted = asked(
        skeleton(
            "coreos:\n"
            "  units:\n"
            "    - name: fine.service\n"
            "      command: start\n"
            "    - name: gone.service\n"
            "      enable: true\n"
            "      command: start\n"
            "  update:\n"
            "    group: beta\n"
        )
    )
    states = {"fine.service": LOADED, "gone.service": ABSENT, "update-engine.service": MASKED}
    known = Comparison(units=[UnitState(name, properties) for name, properties in states.items()])
    refused = "so that systemd refuses that, and the run stops there; leave that out, or"
    assert [(remark.line, remark.text, remark.level) for remark in refusals(wanted, known)] == [
        (
            6,
            f"'gone.service' is to be enabled, and it is not-found, {refused} bring the unit with 'content'.",
            "warning",
        ),
        (6, f"'gone.service' is to start, and it is not-found, {refused} bring the unit with 'content'.", "warning"),
        (
            9,
            f"'update-engine.service' is to restart for coreos.update, and it is masked, {refused} lift the mask with "
            f"'systemctl unmask'.",
            "warning",
        ),
    ]
