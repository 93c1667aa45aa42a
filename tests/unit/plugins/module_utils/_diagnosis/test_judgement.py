# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdicts on what real machines answered; fixtures/diagnosis/record.py says how each case was brought about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.judgement import judge
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.probe import observe
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.seen import Observation
from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.settings import Setting
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import parse_jobs
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Graph
from ansible_collections.container_linux.remediation.plugins.modules import diagnosis_facts
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches

RECORDED = Path(__file__).parents[1] / "fixtures" / "diagnosis"
CASES = sorted(path.stem for path in RECORDED.glob("*.txt"))

Edit = Callable[[str], str]


class Recording:
    """A machine that once was; the text of its answers may be edited first."""

    def __init__(self, case: str, edit: Edit = str) -> None:
        text = edit((RECORDED / f"{case}.txt").read_text())
        self.answers = re.findall(r"=== rc (\d+)\n=== stdout\n(.*?)=== stderr\n(.*?)(?==== rc|\Z)", text, re.DOTALL)
        self.scripts: list[str] = []

    def run(self, script: str) -> Completed:
        self.scripts.append(script)
        rc, stdout, stderr = self.answers[len(self.scripts) - 1]
        fence = re.findall(r"^FENCE=(\S+)$", script, re.MULTILINE)[0]
        return Completed(int(rc), stdout.replace("FENCE", fence), stderr.replace("FENCE", fence))


def seen(case: str, edit: Edit = str) -> Observation:
    return observe(Recording(case, edit))


def diagnosis(case: str, edit: Edit = str, *, desired: Any = None) -> dict[str, Any]:
    result = judge(seen(case, edit), desired=desired)
    # fit for facts: nothing but JSON, and nothing that would change a terminal
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "".join(_texts(json.loads(json.dumps(result)))))
    return result


def _texts(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [text for item in data.items() for text in _texts(list(item))]
    if isinstance(data, list):
        return [text for item in data for text in _texts(item)]
    return [str(data)]


def names(result: dict[str, Any], kind: str) -> list[str]:
    return [verdict["name"] for verdict in result["verdicts"] if verdict["kind"] == kind]


def verdict(result: dict[str, Any], name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [item for item in result["verdicts"] if item["name"] == name]
    assert len(found) == 1, names(result, "cause") + names(result, "note")
    return found[0]


def lines(result: dict[str, Any], name: str) -> str:
    return "\n".join(f"{item['source']}: {item['line']}" for item in verdict(result, name)["evidence"])


def link(result: dict[str, Any], name: str) -> str:
    return next(str(item["state"]) for item in result["chain"] if item["link"] == name)


HEALTHY = (
    "bridge-set-by-hand",
    "docker-alone",
    "docker-restarted",
    "docker0-outside-lease",
    "healthy",
    "key-differs",
    "member",
)


@pytest.mark.parametrize("case", CASES)
def test_a_healthy_host_takes_one_round_trip_and_a_broken_one_a_look_at_its_units(case: str) -> None:
    machine = Recording(case)
    observe(machine)
    # an environment that is not passed on, or a masked unit that shows none, misleads the script's guess
    misled = case in ("docker-run", "flanneld-masked")
    assert len(machine.scripts) == len(machine.answers) == 1 + misled + (case not in HEALTHY)


@pytest.mark.parametrize(
    ("case", "row", "cause", "cure"),
    [
        ("key-missing", 24, "key-missing", "flannel_config"),
        ("etcd-instead-of-etcd2", 15, "etcd-instead-of-etcd2", "etcd2"),
        ("key-is-directory", 25, "key-is-directory", ""),
        ("key-is-empty", 25, "key-is-empty", ""),
        ("key-invalid", 26, "key-invalid", ""),
        ("network-overlaps", 28, "network-overlaps", ""),
        ("docker-left-behind", 41, "docker-left-behind", "docker"),
        ("docker0-outside-lease", 45, "docker0-outside-lease", ""),
        ("no-quorum", 17, "etcd-without-quorum", ""),
        ("etcd-auth", 20, "etcd-asks-for-credentials", ""),
        ("etcd2-down", None, "etcd-down", "etcd2"),
        ("etcd-remote-down", None, "etcd-silent", ""),
        ("etcd-mute", None, "etcd-silent", ""),
        ("flanneld-masked", None, "unit-masked", ""),
        ("docker-masked", None, "unit-masked", ""),
        ("docker-failed", None, "unexplained", ""),
        ("docker-silent", None, "unexplained", ""),
        ("docker-run", 25, "key-is-directory", ""),
        ("kubernetes", None, "unexplained", ""),
    ],
)
def test_each_cause_is_found(case: str, row: int | None, cause: str, cure: str) -> None:
    result = diagnosis(case)
    found = verdict(result, cause)
    assert (found["kind"], found["row"], found["cure"]) == ("cause", row, cure)
    assert found["evidence"] and all(item["line"] and item["source"] for item in found["evidence"])
    assert found["culprit"] and found["remedy"] and found["risk"]
    assert not result["healthy"]
    assert result["curable"] == all(item["cure"] for item in result["verdicts"] if item["kind"] == "cause")
    assert result["summary"] == next(item["cause"] for item in result["verdicts"] if item["kind"] == "cause")
    json.dumps(result)


@pytest.mark.parametrize(
    "case", ["healthy", "key-differs", "member", "docker-restarted", "bridge-set-by-hand", "docker-alone"]
)
def test_a_host_that_works_is_healthy(case: str) -> None:
    result = diagnosis(case)
    assert result["healthy"] and result["curable"]
    assert names(result, "cause") == names(result, "consequence") == []
    assert {item["state"] for item in result["chain"]} <= {"ok", "unused", "unknown"}
    assert result["docker"]["answers"]


def test_a_cause_is_told_once_and_without_another() -> None:
    for case in ("key-missing", "key-is-directory", "key-invalid", "docker-left-behind", "etcd2-down", "etcd-mute"):
        assert len(names(diagnosis(case), "cause")) == 1, case


def test_the_seed_is_told_in_its_own_words() -> None:
    """Rows 24, 40 and 14: the incident as it happened."""
    result = diagnosis("key-missing")
    assert result["summary"] == (
        "flanneld waits for a network config that nobody has written: "
        "/coreos.com/network/config in http://127.0.0.1:2379 (etcd2.service)."
    )
    assert "100: Key not found (/coreos.com/network)" in lines(result, "key-missing")
    waits = verdict(result, "docker-waits-for-flanneld")
    assert (waits["row"], waits["kind"]) == (40, "consequence")
    assert waits["culprit"] == "/etc/systemd/system/docker.service.d/40-flannel.conf"
    assert f"{waits['culprit']}:2: Requires=flanneld.service" in lines(result, "docker-waits-for-flanneld")
    assert "Job docker.service/start failed with result 'dependency'" in lines(result, "docker-waits-for-flanneld")
    note = verdict(result, "wrong-etcd-looked-at")
    assert (note["row"], note["kind"], note["culprit"]) == (14, "note", "etcd.service")
    assert [link(result, name) for name in ("etcd", "flannel config", "flanneld", "docker")] == [
        "ok",
        "broken",
        "broken",
        "broken",
    ]
    assert (result["host"]["id"], result["host"]["version"]) == ("coreos", "1010.5.0")


def test_what_pulls_in_etcd_is_named() -> None:
    """Row 15."""
    result = diagnosis("etcd-instead-of-etcd2")
    found = verdict(result, "etcd-instead-of-etcd2")
    assert found["culprit"] == "/etc/systemd/system/multi-user.target.wants/etcd.service"
    assert found["consent"] == "etcd2_replace_etcd"
    assert result["etcd"]["pulled_in_by"] == [found["culprit"]]
    assert result["etcd"]["in_place_of_etcd2"] and result["etcd"]["unit"] == "etcd.service"
    # the empty store of the wrong etcd is no reason to write the key into it
    assert "key-missing" not in names(result, "cause")


def test_an_order_alone_that_holds_docker_up_is_named_with_its_files() -> None:
    """Row 40, where docker requires nothing of flanneld's."""
    waits = verdict(diagnosis("ordering-only"), "docker-waits-for-flanneld")
    units = "/usr/lib/systemd/system"
    assert waits["culprit"] == f"{units}/docker.service, {units}/flanneld.service"
    assert [(item["source"].rpartition(":")[0], item["line"]) for item in waits["evidence"][:3]] == [
        (f"{units}/docker.service", "Requires=docker.socket early-docker.target"),
        (f"{units}/docker.service", "After=docker.socket early-docker.target network.target"),
        (f"{units}/flanneld.service", "Before=early-docker.target"),
    ]


def test_a_docker_and_a_flanneld_that_need_each_other_are_left_to_a_person() -> None:
    """Row 43."""
    result = diagnosis("flanneld-in-docker")
    assert names(result, "cause") == ["docker-and-flanneld-need-each-other"]
    found = verdict(result, "docker-and-flanneld-need-each-other")
    assert (found["row"], found["culprit"]) == (43, "/etc/systemd/system/docker.service.d/40-flannel.conf")
    assert "ExecStart=/usr/bin/docker run" in lines(result, "docker-and-flanneld-need-each-other")
    assert not result["curable"]


def test_a_script_that_runs_flanneld_in_docker_is_named_with_its_line() -> None:
    """Row 43, as on Flatcar."""
    wrapper = "/usr/lib/flatcar/flannel-wrapper"
    waiting = replace(seen("flanneld-in-docker"), runs_docker=[(f"{wrapper}:7", "exec docker run x")])
    flanneld = {
        **waiting.units["flanneld.service"],
        "ExecStart": f"{{ path={wrapper} ; argv[]={wrapper} ; }}",
    }
    result = judge(replace(waiting, units={**waiting.units, "flanneld.service": flanneld}))
    evidence = lines(result, "docker-and-flanneld-need-each-other")
    assert f"{wrapper}:7: exec docker run x" in evidence


def wired(case: Observation, jobs: str = "", **units: dict[str, str]) -> Observation:
    """The same host with other properties of some units; `docker_service` stands for docker.service."""
    assert case.graph
    look = case.graph.look
    changed = dict(look.units)
    for word, properties in units.items():
        name = word.replace("_", ".")
        new = {"Id": name, "Names": name, "LoadState": "loaded", "ActiveState": "inactive", "Result": "success"}
        changed[name] = {**look.units.get(name, new), **properties}
    queue = parse_jobs(jobs)
    return replace(case, graph=Graph(replace(look, units=changed, jobs=queue)), jobs=queue)


def requiring(case: Observation, *names: str) -> dict[str, str]:
    """docker.service that requires, and is ordered after, some more units."""
    assert case.graph
    docker = case.graph.look.units["docker.service"]
    return {key: f"{docker[key]} {' '.join(names)}" for key in ("Requires", "After")}


def test_a_docker_that_a_failed_unit_holds_up_is_not_called_left_behind() -> None:
    down = seen("docker-left-behind")
    case = wired(down, docker_service=requiring(down, "bad.service"), bad_service={"ActiveState": "failed"})
    result = judge(case)
    assert names(result, "cause") == ["docker-held-up"]
    assert "docker.service waits for bad.service, which is failed" in result["summary"]


def test_a_docker_whose_job_waits_for_another_unit_is_not_either() -> None:
    down = seen("docker-left-behind")
    jobs = "1 docker.service start waiting\n2 slow.service start running"
    case = wired(down, jobs, docker_service={"After": "slow.service"}, slow_service={"ActiveState": "activating"})
    assert names(judge(case), "cause") == ["docker-held-up"]


def test_what_is_required_is_looked_for_to_the_end() -> None:
    down = seen("docker-left-behind")

    def causes(docker: dict[str, str], mid: dict[str, str]) -> list[str]:
        gone = {"LoadState": "not-found"}
        return names(judge(wired(down, docker_service=docker, mid_service=mid, none_service=gone)), "cause")

    needs = {"Requires": "none.service"}
    assert causes(requiring(down, "mid.service"), needs) == ["requirement-missing"]
    # what is up needs nothing any more, and a unit that is only wanted may be missing
    assert causes(requiring(down, "mid.service"), {**needs, "ActiveState": "active"}) == ["docker-left-behind"]
    assert causes({"Wants": "none.service"}, {}) == ["docker-left-behind"]


def test_a_requirement_that_only_systemd_remembers_is_told_so() -> None:
    down = seen("docker-left-behind")
    result = judge(wired(down, docker_service=requiring(down, "none.service"), none_service={"LoadState": "not-found"}))
    assert "no file says so any more, so run systemctl daemon-reload" in result["summary"]


def test_a_cycle_behind_docker_is_found() -> None:
    down = replace(seen("docker-left-behind"), cyclic=["a.service: Found ordering cycle on b.service/start"])
    case = wired(
        down,
        docker_service=requiring(down, "a.service"),
        a_service={"Requires": "b.service", "After": "b.service"},
        b_service={"Requires": "a.service", "After": "a.service"},
    )
    assert names(judge(case), "cause") == ["ordering-cycle"]


def test_a_masked_unit_behind_docker_is_named() -> None:
    down = seen("docker-left-behind")
    result = judge(wired(down, docker_service=requiring(down, "m.target"), m_target={"LoadState": "masked"}))
    assert (names(result, "cause"), verdict(result, "unit-masked")["culprit"]) == (["unit-masked"], "m.target")


def test_a_docker_that_was_skipped_is_told_so() -> None:
    skipped = {"ConditionResult": "no", "ConditionTimestampMonotonic": "5"}
    result = judge(wired(seen("docker-left-behind"), docker_service=skipped))
    assert names(result, "cause") == ["docker-skipped"]
    assert "40-flannel.conf" in verdict(result, "docker-skipped")["culprit"]


def test_what_docker_lacks_besides_flanneld_is_told_besides() -> None:
    """Row 40 keeps its own file, and a flanneld that lacks nothing is still told."""
    down = seen("flanneld-in-docker")
    flanneld = {**down.units["flanneld.service"], "ExecStart": "{ path=/x ; argv[]=/x ; }"}
    down = replace(down, units={**down.units, "flanneld.service": flanneld})
    result = judge(wired(down, docker_service=requiring(down, "none.service"), none_service={"LoadState": "not-found"}))
    assert names(result, "cause") == ["requirement-missing", "flanneld-left-behind"]
    waits = verdict(result, "docker-waits-for-flanneld")
    assert waits["culprit"] == "/etc/systemd/system/docker.service.d/40-flannel.conf"


def test_a_flanneld_in_docker_is_a_circle_by_order_alone_as_well() -> None:
    """Row 43, without the drop-in."""
    down = seen("ordering-only")
    result = judge(replace(down, runs_docker=[("/opt/flannel-wrapper:9", "exec ${DOCKER} run x:1")]))
    assert names(result, "cause")[0] == "docker-and-flanneld-need-each-other"
    assert "/opt/flannel-wrapper:9: exec ${DOCKER} run x:1" in lines(result, "docker-and-flanneld-need-each-other")


def test_a_flanneld_in_a_docker_of_its_own_is_no_circle() -> None:
    """The releases up to 1068 run it in early-docker."""
    assert names(diagnosis("docker-run"), "cause") == ["key-is-directory"]


def test_a_requirement_that_is_missing_is_named_with_its_link() -> None:
    """Row 46."""
    result = diagnosis("requirement-missing")
    assert names(result, "cause") == ["requirement-missing", "flanneld-left-behind"]
    found = verdict(result, "requirement-missing")
    assert (found["row"], found["culprit"]) == (46, "/etc/systemd/system/docker.service.requires/gone.service")
    assert "systemctl show gone.service: LoadState=not-found" in lines(result, "requirement-missing")


def test_a_copy_of_a_unit_file_is_shown_with_what_differs() -> None:
    """Row 47."""
    result = diagnosis("vendor-unit-shadowed")
    found = verdict(result, "vendor-unit-shadowed")
    assert (found["row"], found["kind"], found["culprit"]) == (47, "note", "/etc/systemd/system/docker.service")
    assert "After=docker.socket early-docker.target network.target" in lines(result, "vendor-unit-shadowed")
    assert names(result, "cause") == ["key-missing"]


def test_an_ordering_cycle_is_named_with_its_files() -> None:
    """Row 48."""
    result = diagnosis("ordering-cycle")
    assert names(result, "cause") == ["ordering-cycle"]
    found = verdict(result, "ordering-cycle")
    assert found["row"] == 48
    assert found["culprit"] == (
        "/etc/systemd/system/docker.service.d/40-flannel.conf, /run/systemd/system/flanneld.service.d/90-case.conf"
    )
    assert "Found ordering cycle on" in lines(result, "ordering-cycle")


def test_a_cycle_that_systemd_never_met_is_no_cause() -> None:
    unmet = replace(seen("ordering-cycle"), cyclic=())
    assert "ordering-cycle" not in names(judge(unmet), "cause")


def test_a_dead_etcd2_is_not_started_for_a_remote_etcd() -> None:
    result = diagnosis("etcd-remote-down")
    assert names(result, "cause") == ["etcd-silent"]
    assert "http://198.51.100.250:2379,http://198.51.100.251:2379" in result["summary"]
    assert not result["curable"]


def test_a_mute_etcd_is_told_with_what_was_tried() -> None:
    evidence = lines(diagnosis("etcd-mute"), "etcd-silent")
    assert "http://127.0.0.1:7777/v2/keys/coreos.com/network/config: curl:" in evidence
    assert "timed out" in evidence


def test_an_etcd2_that_is_down_is_shown() -> None:
    evidence = lines(diagnosis("etcd2-down"), "etcd-down")
    assert "systemctl show etcd2.service: LoadState=loaded ActiveState=inactive" in evidence
    assert "Connection refused" in evidence


def test_an_etcd_without_its_v2_api() -> None:
    """Row 23: what etcd 3.4 answers where v2 is off."""
    off = (RECORDED.parent / "etcd" / "v3-v2-off.http").read_text()

    def edit(text: str) -> str:
        return re.sub(
            r"(FENCE begin key-0\n).*?(\nFENCE end key-0)", lambda m: m[1] + off + m[2], text, flags=re.DOTALL
        )

    result = diagnosis("key-missing", edit)
    assert names(result, "cause") == ["etcd-v2-api-off"]
    assert verdict(result, "etcd-v2-api-off")["row"] == 23
    assert not result["curable"]


def test_a_directory_and_a_bad_value_are_shown_as_they_are() -> None:
    """Rows 25 and 26."""
    assert "a directory" in lines(diagnosis("key-is-directory"), "key-is-directory")
    invalid = diagnosis("key-invalid")
    assert "value '{ Network: 10.1.0.0/16 }'" in lines(invalid, "key-invalid")
    assert "is not JSON" in lines(invalid, "key-invalid")
    assert invalid["etcd"]["value"] == "{ Network: 10.1.0.0/16 }" and invalid["etcd"]["problems"]


def test_another_network_is_a_note_and_only_where_one_is_wanted() -> None:
    """Row 27."""
    other = {"Network": "10.1.0.0/16"}
    result = diagnosis("key-differs", desired=other)
    assert result["healthy"] and names(result, "note") == ["key-differs"]
    assert verdict(result, "key-differs")["row"] == 27
    assert "10.2.0.0/16" in lines(result, "key-differs")
    assert names(diagnosis("key-differs"), "note") == []
    assert names(diagnosis("key-differs", desired='{"Network": "10.2.0.0/16"}'), "note") == []


def test_an_overlap_is_told_with_both_networks() -> None:
    """Row 28: the network that flannel would get, and the host's own."""
    result = diagnosis("network-overlaps")
    culprit = verdict(result, "network-overlaps")["culprit"]
    assert "10.1.0.0/16" in culprit and "10.1.77.0/24 (eth0)" in culprit and "10.1.77.7/32 (eth0)" in culprit
    assert not result["curable"]
    elsewhere = diagnosis("network-overlaps", desired={"Network": "10.9.0.0/16"})
    assert names(elsewhere, "cause") == ["key-missing"]


def test_a_restart_of_docker_with_flanneld_is_a_note() -> None:
    """Row 42."""
    result = diagnosis("docker-restarted")
    assert result["healthy"]
    note = verdict(result, "docker-restarted-with-flanneld")
    assert (note["row"], note["kind"], note["culprit"]) == (42, "note", "flanneld.service")
    assert "docker-restarted-with-flanneld" not in names(diagnosis("healthy"), "note")


def test_a_bridge_outside_the_lease_is_told_with_the_containers() -> None:
    """Row 45."""
    result = diagnosis("docker0-outside-lease")
    assert "172.17.0.0/16" in result["summary"]
    assert "running containers: 0" in lines(result, "docker0-outside-lease")
    assert link(result, "docker0") == "broken"


def test_an_empty_bip_is_meant_so() -> None:
    """Row 44: Kubernetes' CNI set-up brings its own bridge."""
    result = diagnosis("bridge-set-by-hand")
    assert result["docker"]["bridge"] == "172.17.0.0/16"
    assert link(result, "docker0") == "ok"


def test_a_host_without_flannel_needs_no_etcd() -> None:
    result = diagnosis("docker-alone")
    assert result["summary"] == "docker answers; this host does not run flanneld."
    assert [link(result, name) for name in ("etcd", "flannel config", "flanneld", "docker")] == [
        "unused",
        "unused",
        "unused",
        "ok",
    ]


def test_kubernetes_instead_of_etcd() -> None:
    result = diagnosis("kubernetes")
    assert result["flannel"]["kubernetes"]
    assert [link(result, name) for name in ("etcd", "flannel config")] == ["unused", "unused"]
    assert verdict(result, "unexplained")["culprit"] == "flanneld.service"


def test_a_container_of_flanneld_gets_only_what_is_carried_into_it() -> None:
    """The unit of release 1010 itself: docker run --env-file. Its own environment stays outside."""
    result = diagnosis("docker-run")
    assert result["flannel"]["key"] == "/coreos.com/network/config"
    assert result["flannel"]["endpoints"] == ["http://127.0.0.1:2379"]
    assert result["flannel"]["options"]["etcd-endpoints"]["source"] == "/run/flannel/options.env"


@pytest.mark.parametrize(
    ("case", "culprit"), [("flanneld-masked", "flanneld.service"), ("docker-masked", "docker.service")]
)
def test_a_masked_unit_is_named(case: str, culprit: str) -> None:
    result = diagnosis(case)
    assert names(result, "cause") == ["unit-masked"]
    assert verdict(result, "unit-masked")["culprit"] == culprit
    assert "LoadState=masked" in lines(result, "unit-masked")


def test_a_docker_that_fails_by_itself_is_left_to_a_person() -> None:
    result = diagnosis("docker-failed")
    assert verdict(result, "unexplained")["culprit"] == "docker.service"
    assert "Result=exit-code" in lines(result, "unexplained")
    assert "unknown flag: --nonsense" in lines(result, "unexplained")
    assert not result["curable"]


def test_a_silent_api_is_told() -> None:
    result = diagnosis("docker-silent")
    assert verdict(result, "unexplained")["culprit"] == "docker.service"
    assert "docker's API: no answer" in lines(result, "unexplained")
    assert link(result, "docker") == "broken"


def test_a_password_of_flanneld_is_never_carried() -> None:
    text = (RECORDED / "etcd-auth.txt").read_text()
    assert "FLANNELD_ETCD_USERNAME=flannel" in text
    assert "not-to-be-seen" not in text


def _systemd_225(text: str) -> str:
    """What systemctl of 899 and 1010 prints of the same units: older names and forms, and nothing it does not know."""
    text = re.sub(r"^EnvironmentFiles=", "EnvironmentFile=", text, flags=re.MULTILINE)
    text = re.sub(r"^Listen=(.*) \(Stream\)$", r"ListenStream=\1", text, flags=re.MULTILINE)
    return re.sub(r"^(NRestarts|Job)=.*\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("case", CASES)
def test_an_older_systemctl_says_the_same(case: str) -> None:
    def core(result: dict[str, Any]) -> Any:
        verdicts = [(item["name"], item["culprit"]) for item in result["verdicts"]]
        return result["healthy"], result["summary"], verdicts, result["chain"], result["flannel"], result["etcd"]

    assert core(diagnosis(case, _systemd_225)) == core(diagnosis(case))


@pytest.mark.parametrize("case", CASES)
def test_what_is_returned_is_what_is_documented(case: str) -> None:
    facts = {"container_linux_diagnosis": diagnosis(case)}
    assert mismatches(diagnosis_facts.RETURN, {"ansible_facts": facts}) == []


def test_a_failed_etcd2_is_not_taken_for_one_that_was_stopped() -> None:
    """It crashed: starting it again would not be its cure."""
    observation = seen("etcd2-down")
    units = {**observation.units, "etcd2.service": {**observation.units["etcd2.service"], "ActiveState": "failed"}}
    result = judge(replace(observation, units=units))
    assert names(result, "cause") == ["etcd-silent"]
    assert not result["curable"]


def test_a_host_without_systemd_is_told_in_one_sentence() -> None:
    def edit(text: str) -> str:
        words = "System has not been booted with systemd as init system"
        text = re.sub(r"(FENCE begin units\n).*?(\nFENCE end units) 0", r"\1\2 1", text, count=1, flags=re.DOTALL)
        return re.sub(r"(=== stderr.*?FENCE begin units\n)", lambda m: m[1] + words, text, flags=re.DOTALL)

    with pytest.raises(RemediationError, match=r"told of 0 units where 8 .*not been booted with systemd.*\. Check "):
        observe(Recording("healthy", edit))


def test_an_empty_twin_of_etcd2_gets_no_key() -> None:
    member = replace(seen("key-missing"), serving="etcd-member.service", stores=["/var/lib/etcd2/member"])
    result = judge(member)
    assert names(result, "cause") == ["etcd-migration-skipped"]
    assert verdict(result, "etcd-migration-skipped")["row"] == 16
    assert not result["curable"]
    assert names(judge(replace(member, stores=["/var/lib/etcd/member"])), "cause") == ["key-missing"]


def test_the_data_of_etcd_is_listed() -> None:
    section = (
        "FENCE begin stores\n/var/lib/etcd/member\n/var/lib/etcd2/member\n\nFENCE end stores 0\n\nFENCE begin wrapper"
    )
    edited = seen("key-missing", lambda text: text.replace("FENCE begin wrapper", section, 1))
    assert list(edited.stores) == ["/var/lib/etcd/member", "/var/lib/etcd2/member"]


def member(case: Observation, **properties: str) -> Observation:
    """The same host with an etcd-member.service."""
    unit = {"Id": "etcd-member.service", "LoadState": "loaded", "ActiveState": "inactive", **properties}
    return replace(case, units={**case.units, "etcd-member.service": unit})


@pytest.mark.parametrize(
    "properties",
    [{"UnitFileState": "enabled"}, {"ActiveExitTimestampMonotonic": "7"}, {"ActiveState": "failed"}],
)
def test_etcd2_is_not_started_in_the_place_of_etcd_member(properties: dict[str, str]) -> None:
    result = judge(member(seen("etcd2-down"), **properties))
    assert names(result, "cause") == ["etcd-member-down"]
    assert result["etcd"]["member_used"] and not result["curable"]


def test_an_etcd_member_that_nobody_uses_changes_nothing() -> None:
    result = judge(member(seen("etcd2-down"), UnitFileState="disabled", ActiveExitTimestampMonotonic="0"))
    assert names(result, "cause") == ["etcd-down"]


def test_an_etcd2_that_nobody_uses_is_not_started() -> None:
    """The operating system ships it for everybody; this host's own etcd has another name."""
    down = seen("etcd2-down")
    stock = {"UnitFileState": "disabled", "ActiveExitTimestampMonotonic": "0", "DropInPaths": ""}
    unused = replace(down, units={**down.units, "etcd2.service": {**down.units["etcd2.service"], **stock}}, stores=[])
    assert names(judge(unused), "cause") == ["etcd-silent"]
    assert names(judge(replace(unused, stores=["/var/lib/etcd2/member"])), "cause") == ["etcd-down"]


def test_what_needs_a_unit_left_behind_is_left_behind_too() -> None:
    def gave_up(name: str, needs: str, state: str = "inactive") -> dict[str, str]:
        return {"Id": name, "LoadState": "loaded", "ActiveState": state, "Requires": needs}

    units = [
        gave_up("chain.service", "app@1.service"),
        gave_up("app@1.service", "docker.service"),
        gave_up("up.service", "docker.service", "active"),
        gave_up("other.service", "nfs.mount"),
        gave_up("docker.service", "flanneld.service"),
    ]
    result = judge(replace(seen("docker-left-behind"), gave_up=units))
    assert result["docker"]["left_behind"] == ["chain.service", "app@1.service"]


@pytest.mark.parametrize(
    "endpoints", ["http://127.0.0.1:4001, http://127.0.0.1:2379", "127.0.0.1:2379", "unix:///etcd"]
)
def test_an_endpoint_that_flanneld_cannot_use_is_told_before_anything_is_written(endpoints: str) -> None:
    waiting = seen("key-missing")
    options = {**waiting.settings.options, "etcd-endpoints": Setting(endpoints, "/run/flannel/options.env")}
    result = judge(replace(waiting, settings=replace(waiting.settings, options=options)))
    assert names(result, "cause")[0] == "endpoints-unusable"
    assert "/run/flannel/options.env: etcd-endpoints: " in lines(result, "endpoints-unusable")
    assert not result["curable"]


def test_a_network_in_etcd_is_no_matter_where_kubernetes_holds_it() -> None:
    """Or the role flannel_config would refuse a host for a network that it does not write there."""
    wanted = {"Network": "198.51.0.0/16"}
    assert diagnosis("key-missing", desired=wanted)["flannel"]["overlaps"]
    assert diagnosis("kubernetes", desired=wanted)["flannel"]["overlaps"] == []


def test_an_etcd2_that_is_down_under_a_healthy_host_is_noted() -> None:
    well, down = seen("healthy"), seen("etcd2-down")
    dead = {**well.units["etcd2.service"], "ActiveState": "inactive", "ActiveExitTimestampMonotonic": "7"}
    result = judge(replace(well, units={**well.units, "etcd2.service": dead}, members=down.members))
    assert result["healthy"]
    assert names(result, "note") == ["etcd-down-unnoticed"]
    assert names(judge(well), "note") == []
