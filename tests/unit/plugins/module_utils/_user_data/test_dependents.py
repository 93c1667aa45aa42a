# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs a user-data's unit, and goes down with it: the script's part on this machine's shell, with a systemctl and
a journalctl that know of some units; and what is said of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, AskedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Section, ask
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.dependents import (
    DEPENDENTS_SH,
    Dependents,
    dependents_variables,
    lost_with,
    parse_dependents,
    still_down,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    Machine,
    in_each_shell,
)

UNIT = r"user-cloudinit@a\x2db.service"
FELL, STOPPED, STARTED = "Dependency failed for A.", "Stopped A.", "Started A."


def quoted(name: str) -> str:
    """What systemd 240 and later makes of a name in a list."""
    return '"' + name.replace("\\", "\\\\") + '"' if "\\" in name else name


# Each unit has a folder: what requires it, what it requires, how it is, and what systemd logged of it last.
_SYSTEMCTL = r"""cd "$(dirname "$0")/../units" || exit
printf '%s\n' "$*" >>../asked
case $* in
  *'-p RequiredBy '*)
    while [ "$1" != -- ]; do shift; done
    shift
    for UNIT; do printf 'RequiredBy=%s\nBoundBy=\n\n' "$(cat "$UNIT/required-by" 2>/dev/null)"; done
    ;;
  *'-p Job '*)
    while [ "$1" != -- ]; do shift; done
    shift
    for UNIT; do printf 'Id=%s\n%s\n\n' "$UNIT" "$(cat "$UNIT/state")"; done
    ;;
  *'-p Requires '*) printf 'Requires=%s\nRequisite=\nBindsTo=\n' "$(cat "${*##* }/requires" 2>/dev/null)" ;;
  *'-p ConditionResult '*) cat "${*##* }/state" 2>/dev/null || printf 'ActiveState=inactive\n' ;;
  *' start '*)
    [ ! -e "${*##* }/broken" ] || { echo "Job for ${*##* } failed." >&2; exit 1; }
    echo ActiveState=active >"${*##* }/state"
    ;;
esac
"""
_JOURNALCTL = r"""cd "$(dirname "$0")/../units" || exit
for WORD; do
  case $WORD in
    UNIT=*) cat "${WORD#UNIT=}/log" 2>/dev/null ;;
  esac
done
"""


class Dependence(Machine):
    """A host with units that need one another."""

    def __init__(self, root: Path, shell: str) -> None:
        super().__init__(root, shell)
        self.program("systemctl", _SYSTEMCTL)
        self.program("journalctl", _JOURNALCTL)
        (root / "units").mkdir()
        self.has(UNIT)

    def has(self, name: str, state: str = "active", *, needs: Sequence[str] = (), log: str = STARTED) -> None:
        folder = self.root / "units" / name
        folder.mkdir(exist_ok=True)
        self.puts(name, state, log)
        (folder / "requires").write_text(" ".join(map(quoted, needs)))
        for need in needs:
            (folder.parent / need).mkdir(exist_ok=True)
            with (self.root / "units" / need / "required-by").open("a") as file:
                file.write(f" {quoted(name)}")

    def puts(self, name: str, state: str, log: str = "", **properties: str) -> None:
        folder = self.root / "units" / name
        lines = {"ActiveState": state, **properties}
        (folder / "state").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        if log:
            (folder / "log").write_text(f"{log}\n")

    def after(self, run: str = "", *, well: bool, called: str = "") -> Dependents:
        """Run what a script does before a run of the unit, that, and what it does after it."""
        (self.root / "run-it").write_text(run)
        script = f"{DEPENDENTS_SH}\nfind_dependents\n. {self.root}/run-it\ntell_dependents {'revive' * well}\n"
        variables = {"UNIT": UNIT, "LIMIT": "10", "TIMEOUT": "20", "BEGAN": str(int(time.time())), "CALLED": called}
        return parse_dependents(ask(self, script, variables=variables))

    def becomes(self, name: str, state: str, log: str) -> str:
        folder = shlex.quote(f"{self.root}/units/{name}")
        return f"cd {folder}; echo ActiveState={state} >state; echo '{log}' >log; cd /\n"

    @property
    def started(self) -> list[str]:
        lines = (self.root / "asked").read_text().splitlines()
        return [line.rpartition(" ")[2] for line in lines if " start " in line]


@pytest.fixture
def machine(shell: str, tmp_path: Path) -> Dependence:
    return Dependence(tmp_path, shell)


@in_each_shell
def test_a_unit_that_nothing_needs_costs_one_question(machine: Dependence) -> None:
    assert machine.after(well=True) == Dependents()
    assert len((machine.root / "asked").read_text().splitlines()) == 1


@in_each_shell
def test_what_went_down_is_told_after_a_failed_run_and_started_after_a_good_one(machine: Dependence) -> None:
    machine.has("system.target", needs=[UNIT])
    machine.has(r"u\x2dser.target", needs=["system.target"])
    both = ["system.target", r"u\x2dser.target"]
    run = "".join(machine.becomes(name, "inactive", FELL) for name in both)
    assert list(machine.after(run, well=False).down) == both
    assert machine.started == []
    # also one that did not take them down itself; what is needed comes first
    found = machine.after(well=True)
    assert (found.up, found.down) == (both, {})
    assert machine.started == both
    assert machine.after(well=True) == Dependents()


@in_each_shell
def test_what_systemd_brings_back_by_itself_is_left_to_it(machine: Dependence) -> None:
    machine.has("a.target", needs=[UNIT])
    machine.has("b.service", "inactive", needs=[UNIT], log=FELL)
    machine.puts("b.service", "inactive", Job="17")
    assert machine.after(well=True) == Dependents()
    assert machine.started == []


@in_each_shell
@pytest.mark.parametrize("log", [STOPPED, "", "Started Dependency failed for A."])
def test_what_was_stopped_is_not_started(machine: Dependence, log: str) -> None:
    machine.has("a.target", "inactive", needs=[UNIT], log=log)
    for well in (False, True):
        assert machine.after(well=well) == Dependents()
    assert machine.started == []


@in_each_shell
def test_what_the_user_data_calls_is_not_started(machine: Dependence) -> None:
    machine.has("a.target", "inactive", needs=[UNIT], log=FELL)
    assert machine.after(well=True, called="b.service\na.target") == Dependents()
    assert machine.started == []


@in_each_shell
def test_what_else_is_down_is_not_started_along(machine: Dependence) -> None:
    machine.has("other.path", "inactive", log=STOPPED)
    machine.has("a.target", "inactive", needs=[UNIT, "other.path", "gone.service"], log=FELL)
    machine.has("b.target", "inactive", needs=["a.target"], log=FELL)
    found = machine.after(well=True)
    assert found.down == {"a.target": ["other.path", "gone.service"], "b.target": ["a.target"]}
    assert machine.started == []
    # one that systemd skips, as its condition says, will do
    machine.has("gone.service")
    machine.puts("other.path", "inactive", ConditionResult="no", ConditionTimestampMonotonic="7")
    assert machine.after(well=True).up == ["a.target", "b.target"]


@in_each_shell
def test_what_cannot_be_started_is_told(machine: Dependence) -> None:
    machine.has("a.target", "inactive", needs=[UNIT], log=FELL)
    (machine.root / "units/a.target/broken").touch()
    found = machine.after(well=True)
    assert (found.up, found.down, found.said) == ([], {"a.target": []}, "Job for a.target failed.")


@in_each_shell
def test_what_failed_by_itself_is_not_started_again(machine: Dependence) -> None:
    machine.has("a.service", needs=[UNIT])
    machine.has("b.service", "failed", needs=[UNIT])
    for well in (True, False):
        machine.puts("a.service", "active")
        found = machine.after(machine.becomes("a.service", "failed", STARTED), well=well)
        assert found == Dependents(failed=["a.service"])
    assert machine.started == []


@in_each_shell
def test_a_ring_of_units_has_an_end(machine: Dependence) -> None:
    machine.has("a.service")
    machine.has("b.service", "inactive", needs=["a.service", UNIT], log=FELL)
    machine.has("a.service", "active", needs=["b.service"])
    assert machine.after(well=True).up == ["b.service"]


def test_a_host_that_makes_no_sense_tells_nothing() -> None:
    out = "up\nup a b\nsideways a.target\ndown a.target ;\nup a.target\n\n"
    assert parse_dependents({"dependents": Section(0, out, "")}) == Dependents(up=["a.target"])
    assert parse_dependents({}) == Dependents()


def test_only_what_is_called_or_masked_is_the_user_datas() -> None:
    units = [AskedUnit("a.service"), AskedUnit("b.service", command="stop"), AskedUnit("c.service", mask=True)]
    assert dependents_variables(Asked(units=units)) == {"CALLED": "b.service\nc.service"}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a.target"], "a.target needs u.service, and is down until a run of that goes well."),
        (["a", "b"], "a and b need u.service, and are down until a run of that goes well."),
        (["a", "b", "c"], "a, b and c need u.service, and are down until a run of that goes well."),
    ],
)
def test_what_a_failed_run_took_down(names: list[str], sentence: str) -> None:
    assert lost_with(Dependents(down={name: [] for name in names}), unit="u.service") == [sentence]


def test_what_stays_down() -> None:
    look = "Find out why with 'systemctl status a.target', then start it."
    down = "a.target needs u.service, is down since a run of that failed, and was not started again"
    for found, sentence in (
        (Dependents(down={"a.target": []}), f"{down}. {look}"),
        (Dependents(down={"a.target": []}, said="No."), f"{down}: systemctl said 'No.'. {look}"),
        (
            Dependents(down={"a.target": ["b.path", "c.path"]}, said="No."),
            f"{down}, for it requires b.path, c.path as well, which is down. Start it if it is to be up.",
        ),
        (
            Dependents(failed=["a.target"]),
            f"a.target needs u.service, was restarted with it, and failed. {look}",
        ),
    ):
        assert still_down(found, unit="u.service") == [sentence]
    assert lost_with(Dependents(failed=["a.target"]), unit="u.service") == [sentence]
    assert still_down(Dependents(up=["a.target"]), unit="u.service") == lost_with(Dependents(), unit="") == []
