# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The failure catalogue: one record for each way in which the chain is known to break.

To add a rule, add a record to `RULES`; its `find` is written in the words of `Case`. Causes stand before what
follows from them, and the first cause is the one that people are told first.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.case import Case, Evidence
from ansible_collections.container_linux.remediation.plugins.module_utils._flannel import config as flannel_config
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    state_words,
    was_skipped,
    words,
)


@dataclass(frozen=True)
class Finding:
    """What a rule saw: who is to blame, the lines that say so, and for some sentences what it is about."""

    culprit: str
    evidence: t.Sequence[Evidence]
    about: str = ""


@dataclass(frozen=True)
class Rule:
    """One way in which the chain breaks.

    Attributes:
        name: a short name for programs.
        row: its number in the failure catalogue of the documentation; None for a finding outside of it.
        kind: `cause` (the host is not healthy), `consequence` (follows from a cause), `note` (worth knowing).
        cause: a sentence for people; `{culprit}` and `{about}` stand for those of the finding.
        remedy: what to do about it, likewise.
        risk: what the remedy may break.
        find: the signature.
        cure: the role that applies the remedy safely; empty where only a person should.
        consent: the variable of that role without which it only reports.
    """

    name: str
    row: int | None
    kind: str
    cause: str
    remedy: str
    risk: str
    find: t.Callable[[Case], Finding | None]
    cure: str = ""
    consent: str = ""


def _requirement_missing(case: Case, *, of: str = "") -> Finding | None:
    if not case.broken:
        return None
    wiring = case.wiring
    edges = [
        edge
        for name in (wiring.needed(of) if of else case.needed)
        for edge in wiring.edges(name, REQUIREMENTS)
        if wiring.properties(edge.other).get("LoadState") == "not-found"
    ]
    if not edges:
        return None
    remembered = f"what systemd remembers of {edges[0].unit}; no file says so any more, so run systemctl daemon-reload"
    missing = [Evidence(f"systemctl show {edge.other}", "LoadState=not-found") for edge in edges]
    log = case.logged("docker.service", "not found")
    return Finding(wiring.files(edges) or remembered, [*case.lines(edges), *missing, *log])


def _ordering_cycle(case: Case, *, of: str = "") -> Finding | None:
    if not case.broken or not case.seen.cyclic:
        return None
    for cycle in case.wiring.cycles([of] if of else case.needed):
        told = [line for line in case.seen.cyclic if any(f"{edge.unit}/" in line for edge in cycle)]
        if told:
            lines = [Evidence("journal of systemd", printable(line)) for line in told[:5]]
            culprit = case.wiring.files(cycle) or ", ".join(edge.unit for edge in cycle)
            return Finding(culprit, [*case.lines(cycle), *lines])
    return None


def _docker_and_flanneld_need_each_other(case: Case) -> Finding | None:
    if case.docker_answers or not case.flanneld_missing:
        return None
    way = case.wiring.way("docker.service", "flanneld.service")
    back = case.lines(case.wiring.way("flanneld.service", "docker.service")) + case.flanneld_runs_in_docker
    if not way or not back:
        return None
    return Finding(case.wiring.files(way), [*case.lines(way), *back, case.shown("flanneld.service")])


def _docker_held_up(case: Case) -> Finding | None:
    chain = case.wiring.chain("docker.service")
    if case.docker_answers or case.state("docker.service") == "active" or "flanneld.service" in chain:
        return None
    end = case.wiring.properties(chain[-1]) if len(chain) > 1 else {}
    merely_down = end.get("ActiveState") == "inactive" and end.get("LoadState") == "loaded" and not case.job(chain[-1])
    if not end or merely_down or _requirement_missing(case) or _ordering_cycle(case) or _masked(case):
        return None
    steps = [edge for unit, below in zip(chain, chain[1:]) for edge in case.wiring.between(unit, below)]
    evidence = [*case.lines(steps), *case.job("docker.service"), case.shown(chain[-1]), *case.job(chain[-1])]
    about = f"{chain[-1]}, which is {state_words(end)}"
    return Finding(case.wiring.files(steps) or "the order of their units", evidence, about=about)


def _docker_skipped(case: Case) -> Finding | None:
    unit = "docker.service"
    down = case.state(unit) == "inactive" and not case.job(unit)
    if case.docker_answers or not down or not was_skipped(case.wiring.properties(unit)):
        return None
    files = [case.unit(unit, "FragmentPath"), *words(case.unit(unit, "DropInPaths"))]
    return Finding(", ".join(files), [case.shown(unit), Evidence(f"systemctl show {unit}", "ConditionResult=no")])


def _vendor_unit_shadowed(case: Case) -> Finding | None:
    graph = case.seen.graph
    if not case.broken or not graph:
        return None
    hidden = {name: graph.shadows(name) for name in case.needed if name in graph.units}
    found = {case.unit(name, "FragmentPath"): vendor for name, vendor in hidden.items() if vendor}
    if not found:
        return None
    evidence = []
    for own, vendor in found.items():
        newer = graph.look.ages[vendor][1] > graph.look.ages.get(own, (0, 0))[1]
        evidence.append(Evidence(own, f"hides {vendor}, which is {'newer' if newer else 'older'}"))
        evidence += [Evidence(path, line) for path, line in graph.differences(own, vendor)]
    return Finding(", ".join(found), evidence)


def _endpoints_unusable(case: Case) -> Finding | None:
    setting = case.seen.settings.options["etcd-endpoints"]
    unusable = [item for item in setting.value.split(",") if not re.fullmatch(r"https?://\S+", item)]
    if not case.flanneld_needs_etcd or not unusable:
        return None
    line = f"etcd-endpoints: {setting.value}"
    return Finding(f"'{unusable[0]}'", [Evidence(setting.source, line), *case.said("flanneld.service")])


def _etcd_in_place_of_etcd2(case: Case) -> Finding | None:
    if not case.etcd_in_place_of_etcd2 or (case.docker_answers and not case.flanneld_missing):
        return None
    evidence = [case.shown("etcd.service"), case.shown("etcd2.service")]
    evidence += [Evidence(path, "pulls in etcd.service") for path in case.wiring.pulls_in("etcd.service")]
    return Finding(", ".join(case.wiring.pulls_in("etcd.service")) or "etcd.service, started by hand", evidence)


def _migration_skipped(case: Case) -> Finding | None:
    absent = case.node is not None and case.node.kind == "absent"
    if not case.flanneld_needs_etcd or not absent or case.seen.serving != "etcd-member.service":
        return None
    old = [path for path in case.seen.stores if path.startswith("/var/lib/etcd2/")]
    if not old:
        return None
    return Finding(old[0], [case.shown("etcd-member.service"), Evidence(old[0], "exists"), *case.answered()])


def _etcd_down(case: Case) -> Finding | None:
    down = case.etcd2_used and case.state("etcd2.service") in ("inactive", "deactivating")
    if not case.etcd_gone or not down or not case.seen.local_etcd:
        return None
    return Finding("etcd2.service", [case.shown("etcd2.service"), *case.answered()])


def _etcd_member_down(case: Case) -> Finding | None:
    down = case.etcd_member_used and case.state("etcd-member.service") != "active"
    if not case.flanneld_needs_etcd or case.store or not down or not case.seen.local_etcd:
        return None
    unit = "etcd-member.service"
    return Finding(unit, [case.shown(unit), case.shown("etcd2.service"), *case.answered()])


def _etcd_silent(case: Case) -> Finding | None:
    if not case.etcd_gone or _etcd_down(case) or _etcd_member_down(case):
        return None
    log = case.logged("etcd2.service", ".") + case.logged("flanneld.service", "etcd|x509|tls")
    return Finding(case.seen.settings["etcd-endpoints"], [*case.answered(), case.shown("etcd2.service"), *log])


def _etcd_error(*words: str) -> t.Callable[[Case], Finding | None]:
    def find(case: Case) -> Finding | None:
        if not case.flanneld_needs_etcd or not case.node or case.node.error not in words:
            return None
        return Finding(case.key_at, [*case.answered(), *case.logged("flanneld.service", "etcd|config")])

    return find


def _at_key(kind: str, *, empty: bool = False) -> t.Callable[[Case], Finding | None]:
    def find(case: Case) -> Finding | None:
        node = case.node
        if not case.flanneld_needs_etcd or case.etcd_in_place_of_etcd2 or not node or node.kind != kind:
            return None
        if _migration_skipped(case):
            return None
        if kind == "value" and empty != (node.value == ""):
            return None
        if kind == "value" and not empty and not case.config_problems:
            return None
        problems = [Evidence("flannel's rules", problem) for problem in case.config_problems]
        log = case.logged("flanneld.service", r"\d+: |network config|invalid|unmarshal|not a file")
        return Finding(case.key_at, [*case.answered(), *problems, *log])

    return find


def _key_differs(case: Case) -> Finding | None:
    if case.desired is None or not case.node or not case.key_good:
        return None
    if flannel_config.same(case.node.value, case.desired):
        return None
    return Finding(case.key_at, case.answered())


def _network_overlaps(case: Case) -> Finding | None:
    if not case.flanneld_needs_etcd or not case.overlapping:
        return None
    return Finding(
        f"{case.flannel_network} with {', '.join(case.overlapping)}",
        [Evidence("/proc/net/route and /proc/net/fib_trie", item) for item in case.overlapping],
    )


def _flanneld_left_behind(case: Case) -> Finding | None:
    if not case.flanneld_needs_etcd or not case.key_good or case.overlapping or case.etcd_in_place_of_etcd2:
        return None
    unit = "flanneld.service"
    if (
        _requirement_missing(case, of=unit)
        or _ordering_cycle(case, of=unit)
        or _docker_and_flanneld_need_each_other(case)
    ):
        return None
    return Finding(unit, [case.shown(unit), *case.job(unit), *case.said(unit), *case.answered()])


def _masked(case: Case) -> Finding | None:
    needed = case.wiring.needed("docker.service", "docker.socket")
    masked = [unit for unit in needed if case.unit(unit, "LoadState") == "masked"]
    if not masked or case.docker_answers:
        return None
    return Finding(", ".join(masked), [case.shown(unit) for unit in masked])


def _docker_left_behind(case: Case) -> Finding | None:
    down = case.state("docker.service") in ("inactive", "activating", "deactivating") and case.loaded("docker.service")
    if case.docker_answers or not down or case.flanneld_missing:
        return None
    if any(find(case) for find in (_masked, _requirement_missing, _ordering_cycle, _docker_held_up, _docker_skipped)):
        return None
    evidence = [case.shown("docker.service"), case.shown("docker.socket"), *case.job("docker.service")]
    if case.flanneld_wanted:
        evidence.append(case.shown("flanneld.service"))
    evidence += [Evidence("journal", f"{unit} gave up as well") for unit in case.left_behind]
    return Finding("docker.service", [*evidence, *case.logged("docker.service", "dependency|Dependency")])


def _docker0_outside_lease(case: Case) -> Finding | None:
    lease = case.seen.lease
    if not (case.docker_answers and case.flanneld_up and lease and case.docker0) or case.bridge_set_by_hand:
        return None
    if case.docker0 == str(lease.subnet.network):
        return None
    containers = "unknown" if case.seen.containers is None else str(case.seen.containers)
    return Finding(
        f"docker0 is {case.docker0}",
        [
            Evidence("/proc/net/route", f"docker0 {case.docker0}"),
            Evidence("/run/flannel/subnet.env", f"FLANNEL_SUBNET={lease.subnet}"),
            Evidence("docker's API", f"running containers: {containers}"),
        ],
    )


def _docker_waits_for_flanneld(case: Case) -> Finding | None:
    if case.docker_answers or not case.flanneld_missing or case.state("docker.service") == "active":
        return None
    way = case.wiring.way("docker.service", "flanneld.service")
    if not way:
        return None
    return Finding(
        case.wiring.files(way) or "the order of their units",
        [
            *case.lines(way),
            case.shown("docker.service"),
            case.shown("flanneld.service"),
            *case.job("docker.service"),
            *case.logged("docker.service", "dependency|Dependency"),
        ],
    )


def _wrong_etcd_looked_at(case: Case) -> Finding | None:
    if not case.flanneld_missing or case.seen.serving != "etcd2.service":
        return None
    if not case.loaded("etcd.service") or case.state("etcd.service") == "active":
        return None
    return Finding("etcd.service", [case.shown("etcd.service"), case.shown("etcd2.service")])


def _etcd_down_unnoticed(case: Case) -> Finding | None:
    down = case.etcd2_used and case.state("etcd2.service") != "active"
    if not case.flanneld_up or case.store or not down or not case.seen.local_etcd:
        return None
    return Finding("etcd2.service", [case.shown("etcd2.service"), *case.answered()])


def _docker_restarted_with_flanneld(case: Case) -> Finding | None:
    def at(unit: str, event: str) -> float:
        text = case.unit(unit, f"Active{event}TimestampMonotonic")
        return int(text) / 1e6 if text.isdigit() else 0.0

    stopped = {unit: at(unit, "Exit") for unit in ("docker.service", "flanneld.service")}
    started = {unit: at(unit, "Enter") for unit in stopped}
    together = abs(stopped["docker.service"] - stopped["flanneld.service"]) < 90
    again = all(stopped.values()) and started["docker.service"] >= started["flanneld.service"] > min(stopped.values())
    if not (case.docker_requires_flanneld and together and again and case.docker_answers):
        return None
    lines = [f"{unit} stopped {stopped[unit]:.0f} s and started {started[unit]:.0f} s after boot" for unit in stopped]
    return Finding("flanneld.service", [Evidence("systemctl show", line) for line in lines])


RULES: t.Sequence[Rule] = (
    Rule(
        name="requirement-missing",
        row=46,
        kind="cause",
        cause="A unit that Docker needs requires one that this host does not have; {culprit} says so.",
        remedy="Take the link or the line away that the evidence shows, or bring the missing unit back.",
        risk="What was required may have been there for a reason.",
        find=_requirement_missing,
    ),
    Rule(
        name="ordering-cycle",
        row=48,
        kind="cause",
        cause="Units wait for each other in a circle, which systemd cannot start as they ask; it is made by {culprit}.",
        remedy="Take one of the lines away that the evidence shows, then systemctl daemon-reload.",
        risk="Which of the lines is the wrong one only a person can tell.",
        find=_ordering_cycle,
    ),
    Rule(
        name="docker-and-flanneld-need-each-other",
        row=43,
        kind="cause",
        cause="docker.service requires flanneld.service, and flanneld is run by Docker; {culprit} requires it.",
        remedy="Take that requirement away: a flanneld that runs in Docker sets up Docker's network by itself.",
        risk="Until then Docker gives its bridge the default network.",
        find=_docker_and_flanneld_need_each_other,
    ),
    Rule(
        name="endpoints-unusable",
        row=None,
        kind="cause",
        cause="flanneld cannot make anything of {culprit} among its etcd endpoints.",
        remedy="Correct them where the evidence says: URLs with http:// or https://, with commas alone between them.",
        risk="None.",
        find=_endpoints_unusable,
    ),
    Rule(
        name="etcd-instead-of-etcd2",
        row=15,
        kind="cause",
        cause="etcd.service runs in the place of etcd2.service; it is pulled in by {culprit}.",
        remedy="Stop and mask etcd.service, start etcd2.service, and remove what pulls etcd in; both keep their data.",
        risk="The two have data directories of their own: what was written into etcd's since is not in etcd2's.",
        find=_etcd_in_place_of_etcd2,
        cure="etcd2",
        consent="etcd2_replace_etcd",
    ),
    Rule(
        name="etcd-migration-skipped",
        row=16,
        kind="cause",
        cause="etcd-member.service started with an empty store, and the data of etcd2 was left behind in {culprit}.",
        remedy="Bring the data over, from 2.x to 3.0 and then one minor release at a time, before anything is written.",
        risk="With a new config in the empty store the hosts get new leases, and what etcd2 held seems lost.",
        find=_migration_skipped,
    ),
    Rule(
        name="etcd-down",
        row=None,
        kind="cause",
        cause="The etcd that flanneld reads is down: {culprit} is not running.",
        remedy="Start {culprit}.",
        risk="None: starting it reads the data directory that it has.",
        find=_etcd_down,
        cure="etcd2",
    ),
    Rule(
        name="etcd-member-down",
        row=None,
        kind="cause",
        cause="The etcd that flanneld reads is down: {culprit} is not running.",
        remedy="Find out why it is down, and start it.",
        risk="Starting etcd2.service in its stead would give the hosts another store.",
        find=_etcd_member_down,
    ),
    Rule(
        name="etcd-silent",
        row=None,
        kind="cause",
        cause="No etcd answers where flanneld looks for it: {culprit}.",
        remedy="Bring that etcd up, or correct flanneld's endpoints.",
        risk="Never write the config into another etcd: flanneld would not see it, and its cluster would.",
        find=_etcd_silent,
    ),
    Rule(
        name="etcd-without-quorum",
        row=17,
        kind="cause",
        cause="etcd has no quorum, so flanneld cannot read {culprit}.",
        remedy="Bring back the other members of the cluster.",
        risk="Forcing a new cluster out of one member loses what the others know.",
        find=_etcd_error("no-quorum"),
    ),
    Rule(
        name="etcd-asks-for-credentials",
        row=20,
        kind="cause",
        cause="etcd asks for a user before it shows {culprit}.",
        remedy="Check the user that flanneld has, or give it one that may read the key.",
        risk="Switching authentication off opens the store to everybody.",
        find=_etcd_error("auth"),
    ),
    Rule(
        name="etcd-v2-api-off",
        row=23,
        kind="cause",
        cause="This etcd serves no v2 API, which is the only one that this flannel speaks: {culprit}.",
        remedy="Run a flannel of 0.18 or later, which speaks v3, or start etcd with its v2 API.",
        risk="Either one restarts a service of this host.",
        find=_etcd_error("v2-off"),
    ),
    Rule(
        name="etcd-refuses",
        row=None,
        kind="cause",
        cause="What answers where flanneld looks for etcd does not give {culprit}.",
        remedy="Look at what answers there; the evidence holds its words.",
        risk="Unknown.",
        find=_etcd_error("parent-is-value", "redirect", "not-etcd", "refused"),
    ),
    Rule(
        name="key-missing",
        row=24,
        kind="cause",
        cause="flanneld waits for a network config that nobody has written: {culprit}.",
        remedy="Create the key, and only if it is still absent; flanneld finds it within seconds.",
        risk="Every flanneld of this etcd cluster takes the network over at once.",
        find=_at_key("absent"),
        cure="flannel_config",
    ),
    Rule(
        name="key-is-directory",
        row=25,
        kind="cause",
        cause="A directory stands where flanneld expects its network config: {culprit}.",
        remedy="Look at what is in it; remove it if it is empty (etcdctl rmdir), then create the key.",
        risk="Removing a directory that is not empty loses what is in it.",
        find=_at_key("directory"),
    ),
    Rule(
        name="key-is-empty",
        row=25,
        kind="cause",
        cause="flanneld's network config is an empty value: {culprit}.",
        remedy="Replace it with a network config (flannel_config_policy: replace).",
        risk="Every flanneld of this etcd cluster takes the network over at once.",
        find=_at_key("value", empty=True),
    ),
    Rule(
        name="key-invalid",
        row=26,
        kind="cause",
        cause="flanneld does not accept its network config: {culprit}.",
        remedy="Correct the value (flannel_config_policy: replace, with flannel_config_value).",
        risk="Every flanneld of this etcd cluster takes the network over at once; leases outside of it are dropped.",
        find=_at_key("value"),
    ),
    Rule(
        name="network-overlaps",
        row=28,
        kind="cause",
        cause="The flannel network collides with what this host uses itself: {culprit}.",
        remedy="Choose another network for flannel.",
        risk="With this one the host loses its own connections, SSH among them, as soon as flanneld starts.",
        find=_network_overlaps,
    ),
    Rule(
        name="flanneld-left-behind",
        row=None,
        kind="cause",
        cause="{culprit} is not up, although etcd holds a good network config for it.",
        remedy="Wait for it where it is on its way, start it where it is down; where it ends by itself, it says why.",
        risk="None: it is not running.",
        find=_flanneld_left_behind,
        cure="flannel_config",
    ),
    Rule(
        name="docker-left-behind",
        row=41,
        kind="cause",
        cause="{culprit} is down, although all that it needs is up; nothing starts it again by itself.",
        remedy="Start it.",
        risk="None: it is not running.",
        find=_docker_left_behind,
        cure="docker",
    ),
    Rule(
        name="docker-held-up",
        row=None,
        kind="cause",
        cause="docker.service waits for {about}; this is asked for by {culprit}.",
        remedy="Find out why that unit is not up, or take the line away by which Docker waits for it.",
        risk="What Docker waits for may be there for a reason.",
        find=_docker_held_up,
    ),
    Rule(
        name="docker-skipped",
        row=None,
        kind="cause",
        cause="docker.service was skipped, since a condition is not met that is in one of {culprit}.",
        remedy="Look at the conditions (systemctl status docker), then start Docker.",
        risk="The condition may be there for a reason.",
        find=_docker_skipped,
    ),
    Rule(
        name="unit-masked",
        row=None,
        kind="cause",
        cause="Nothing can start {culprit}: it is masked.",
        remedy="Unmask it (systemctl unmask), if it was not masked on purpose.",
        risk="Somebody may have masked it for a reason.",
        find=_masked,
    ),
    Rule(
        name="docker0-outside-lease",
        row=45,
        kind="cause",
        cause="Containers have addresses that no other host can reach: {culprit}, which is not flanneld's lease.",
        remedy="When no container runs: stop docker, delete the bridge (ip link delete docker0), start docker.",
        risk="Stopping docker stops every container.",
        find=_docker0_outside_lease,
    ),
    Rule(
        name="docker-waits-for-flanneld",
        row=40,
        kind="consequence",
        cause="docker.service waits for flanneld.service, so a docker command hangs; this is asked for by {culprit}.",
        remedy="Cure the cause, wait for flanneld, then start docker: nothing else starts it again.",
        risk="None.",
        find=_docker_waits_for_flanneld,
    ),
    Rule(
        name="wrong-etcd-looked-at",
        row=14,
        kind="note",
        cause="{culprit} is dead, and rightly so: etcd2.service is the one that runs and that flanneld reads.",
        remedy="Leave it alone.",
        risk="Starting etcd.service stops etcd2.service.",
        find=_wrong_etcd_looked_at,
    ),
    Rule(
        name="key-differs",
        row=27,
        kind="note",
        cause="flanneld's network config is a valid one, but not the one asked for: {culprit}.",
        remedy="Keep it, or replace it on purpose (flannel_config_policy: replace).",
        risk="Leases outside of the new network are dropped, and their containers are cut off.",
        find=_key_differs,
    ),
    Rule(
        name="etcd-down-unnoticed",
        row=None,
        kind="note",
        cause="{culprit} is down; containers run on, but flanneld cannot renew its lease.",
        remedy="Start it, by the role etcd2 or by hand.",
        risk="None: starting it reads the data directory that it has.",
        find=_etcd_down_unnoticed,
    ),
    Rule(
        name="vendor-unit-shadowed",
        row=47,
        kind="note",
        cause="{culprit} hides the unit file of the operating system, and what an update changes in that.",
        remedy="Compare the two, and keep what is yours in a drop-in instead of a copy.",
        risk="Without the copy, what is only in it is gone.",
        find=_vendor_unit_shadowed,
    ),
    Rule(
        name="docker-restarted-with-flanneld",
        row=42,
        kind="note",
        cause="docker, and every container with it, went down and came up together with {culprit}.",
        remedy="Never restart an active flanneld; start alone is safe.",
        risk="None.",
        find=_docker_restarted_with_flanneld,
    ),
)
