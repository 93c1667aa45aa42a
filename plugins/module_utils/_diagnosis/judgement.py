# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The judgement: the chain link by link, and the verdicts of the rules, from one observation."""

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.case import Case, Evidence
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.rules import RULES, Finding, Rule
from ansible_collections.container_linux.remediation.plugins.module_utils._host import clean, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import words

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.seen import Observation


def judge(seen: Observation, *, desired: t.Any = None) -> dict[str, t.Any]:
    """Return the diagnosis of a host, as plain data fit for facts; its keys are documented with the module.

    Args:
        seen: the observation.
        desired: the flannel config that the user wants (JSON text or data), or None.
    """
    case = Case(seen, desired)
    verdicts = [_verdict(rule, finding) for rule in RULES for finding in [rule.find(case)] if finding]
    causes = [verdict for verdict in verdicts if verdict["kind"] == "cause"]
    if not causes and (not case.docker_answers or case.flanneld_missing):
        causes = [_verdict(_UNEXPLAINED, _first_broken(case))]
        verdicts = causes + verdicts
    return {
        "healthy": not causes,
        "curable": all(verdict["cure"] for verdict in causes),
        "summary": causes[0]["cause"] if causes else _health(case),
        "chain": _chain(case),
        "verdicts": verdicts,
        "flannel": _flannel(case),
        "etcd": _etcd(case),
        "docker": {
            "answers": case.docker_answers,
            "bridge": case.docker0,
            "containers": seen.containers,
            "left_behind": case.left_behind,
        },
        "units": {name: _unit(case, name) for name in seen.units},
        "host": {
            "id": clean(seen.os.get("ID", "")),
            "version": clean(seen.os.get("VERSION_ID", "")),
            "networks": sorted({str(route.network) for route in seen.routes if route.network.prefixlen}),
        },
    }


def _verdict(rule: Rule, finding: Finding) -> dict[str, t.Any]:
    culprit, about = printable(finding.culprit), printable(finding.about)
    return {
        "name": rule.name,
        "row": rule.row,
        "kind": rule.kind,
        "cause": rule.cause.format(culprit=culprit, about=about),
        "culprit": culprit,
        "evidence": [{"source": printable(item.source), "line": printable(item.line)} for item in finding.evidence],
        "remedy": rule.remedy.format(culprit=culprit, about=about),
        "risk": rule.risk,
        "cure": rule.cure,
        "consent": rule.consent,
    }


def _first_broken(case: Case) -> Finding:
    """The lowest unit of the chain that should be up and is not; docker itself where every one is."""
    needed = ["docker.service"]
    if case.flanneld_missing:
        requires = words(case.unit("flanneld.service", "Requires"))
        needed = [unit for unit in ("early-docker.service",) if unit in requires] + ["flanneld.service"]
    broken = [unit for unit in needed if case.state(unit) != "active"]
    culprit = broken[0] if broken else needed[-1]
    pinged = [Evidence("docker's API", case.seen.pinged)] if culprit == "docker.service" and case.seen.pinged else []
    return Finding(culprit, [case.shown(culprit), *pinged, *case.job(culprit), *case.said(culprit)])


_UNEXPLAINED = Rule(
    name="unexplained",
    row=None,
    kind="cause",
    cause="{culprit} is not up, for a reason that this collection does not know.",
    remedy="Read the evidence, and the journal of {culprit}.",
    risk="Unknown, so nothing is done about it here.",
    find=_first_broken,
)


def _health(case: Case) -> str:
    if not case.flanneld_up:
        return "docker answers; this host does not run flanneld."
    lease = f" holds {case.seen.lease.subnet} of {case.seen.lease.network}" if case.seen.lease else " is up"
    return f"docker answers; flanneld{lease}."


def _chain(case: Case) -> list[dict[str, str]]:
    return [
        _link("etcd", case.seen.serving or "etcd2.service", *_etcd_link(case)),
        _link("flannel config", case.seen.settings.key, *_config_link(case)),
        _link("flanneld", "flanneld.service", *_flanneld_link(case)),
        _link("docker0", "docker0", *_bridge_link(case)),
        _link("docker", "docker.service", *_docker_link(case)),
    ]


def _link(link: str, subject: str, state: str, says: str) -> dict[str, str]:
    return {"link": link, "subject": printable(subject), "state": state, "says": printable(says)}


def _etcd_link(case: Case) -> tuple[str, str]:
    if not case.flanneld_wanted or case.seen.settings.uses_kubernetes:
        return "unused", "flanneld does not use it on this host"
    store = case.store
    if not store:
        return "broken", f"no answer from {case.seen.settings['etcd-endpoints']}"
    if store.node and store.node.kind == "error":
        return "broken", f"{store.url}: {store.node.sentence}"
    return "ok", f"{store.url} answers, version {store.version or 'unknown'}"


def _config_link(case: Case) -> tuple[str, str]:
    if not case.flanneld_wanted or case.seen.settings.uses_kubernetes:
        return "unused", "flanneld does not use it on this host"
    node = case.node
    if not node or node.kind == "error":
        return "unknown", "etcd does not tell"
    if node.kind == "value":
        return ("broken", case.config_problems[0]) if case.config_problems else ("ok", node.value)
    return "broken", "the key does not exist" if node.kind == "absent" else _problems(case)[0]


def _flanneld_link(case: Case) -> tuple[str, str]:
    if not case.flanneld_wanted:
        return "unused", "this host does not run it"
    states = f"{case.state('flanneld.service')} ({case.unit('flanneld.service', 'SubState')})"
    return ("ok", states) if case.flanneld_up else ("broken", states)


def _bridge_link(case: Case) -> tuple[str, str]:
    lease = case.seen.lease
    says = f"{case.docker0 or 'no bridge'}; lease {lease.subnet.network if lease else 'none'}"
    if not (lease and case.docker_answers and case.flanneld_up):
        return ("unused" if not case.flanneld_wanted else "unknown"), says
    if case.bridge_set_by_hand:
        return "ok", f"{says}; set on purpose by docker's options"
    return ("ok" if case.docker0 == str(lease.subnet.network) else "broken"), says


def _docker_link(case: Case) -> tuple[str, str]:
    if case.docker_answers:
        return "ok", "its API answers"
    job = "".join(f", job {job.type} {job.state}" for job in case.seen.jobs if job.unit == "docker.service")
    states = f"{case.state('docker.service')} ({case.unit('docker.service', 'SubState')}){job}"
    return "broken", f"{states}; API: {case.seen.pinged}" if case.seen.pinged else states


def _unit(case: Case, name: str) -> dict[str, t.Any]:
    props = ("Id", "LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "FragmentPath")
    keys = ("id", "load_state", "active_state", "sub_state", "result", "unit_file_state", "fragment")
    shown: dict[str, t.Any] = {key: printable(case.unit(name, prop)) for key, prop in zip(keys, props)}
    return {**shown, "drop_ins": [printable(path) for path in words(case.unit(name, "DropInPaths"))]}


def _flannel(case: Case) -> dict[str, t.Any]:
    settings, lease = case.seen.settings, case.seen.lease
    return {
        "wanted": case.flanneld_wanted,
        "key": printable(settings.key),
        "endpoints": [printable(url) for url in settings.endpoints],
        "api": settings.api,
        "kubernetes": settings.uses_kubernetes,
        "options": {
            name: {"value": printable(option.value), "source": printable(option.source)}
            for name, option in settings.options.items()
        },
        "overlaps": [] if settings.uses_kubernetes else case.overlaps(case.desired or case.effective_config),
        "lease": {"network": str(lease.network), "subnet": str(lease.subnet)} if lease else {},
    }


def _etcd(case: Case) -> dict[str, t.Any]:
    node = case.node
    return {
        "endpoint": case.store.url if case.store else "",
        "unit": case.seen.serving,
        "version": case.store.version if case.store else "",
        "key": node.kind if node else "unknown",
        "value": clean(node.value) if node and node.kind == "value" else "",
        "index": node.index if node else 0,
        "problems": _problems(case),
        "in_place_of_etcd2": case.etcd_in_place_of_etcd2,
        "member_used": case.etcd_member_used,
        "pulled_in_by": [printable(path) for path in case.wiring.pulls_in("etcd.service")],
    }


def _problems(case: Case) -> list[str]:
    """Why flanneld would not accept what is at its key; nothing where there is no key, or etcd does not tell."""
    if case.node and case.node.kind == "directory":
        return ["a directory stands in its place"]
    return case.config_problems
