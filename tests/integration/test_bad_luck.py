# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input and bad luck: one clear sentence, nothing half-done, nothing executed, no secret told."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.tests.integration.chain import (
    CANARY,
    DIAGNOSE,
    KEY,
    break_it,
    broken_by,
    causes,
    changed,
    container_runs,
    drop_in,
    mend,
    one_sentence,
    pid,
    recap,
    role,
    snapshot,
    sudo_calls,
    watched,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
    )

COLLECTION = "container_linux.remediation"
FIX = "playbooks/fix-docker.yml"
AS_ROOT = ("--become",)
SECRET = "Geheim-7f3a"
# a path on the controller as well as on the machines, and another one in each run
OWNED = Path(f"/tmp/owned-{secrets.token_hex(4)}")
SHELL = f"'\"; touch {OWNED}; $(touch {OWNED}) `touch {OWNED}`"
HOSTILE = f"{SHELL} {{{{ lookup('pipe', 'touch {OWNED}') }}}}"
"""From a host. What the user writes is a template, by Ansible's rules."""


@pytest.fixture(autouse=True)
def not_owned() -> None:
    OWNED.unlink(missing_ok=True)


def nothing_was_executed(host: Machine) -> None:
    assert host.sh(f"test -e {OWNED} && echo owned; true").strip() == "" and not OWNED.exists()


# bad input


@pytest.mark.parametrize(
    ("tasks", "variables", "words"),
    [
        ([{f"{COLLECTION}.diagnosis_facts": {"wait": "soon"}}], {}, ["wait", "int"]),
        ([{f"{COLLECTION}.diagnosis_facts": {"wait": -1}}], {}, ["wait is -1", "0 to 600"]),
        ([{f"{COLLECTION}.diagnosis_facts": {"nonsense": 1}}], {}, ["nonsense"]),
        ([{f"{COLLECTION}.diagnosis_facts": {"flannel_config": "{ Network: 10.1.0.0/16 }"}}], {}, ["is not JSON"]),
        ([role("etcd2")], {"etcd2_replace_etcd": "perhaps"}, ["etcd2_replace_etcd", "bool"]),
        ([role("etcd2")], {"etcd2_timeout": "soon"}, ["etcd2_timeout", "int"]),
        ([role("docker")], {"docker_timeout": [1]}, ["docker_timeout", "int"]),
        ([role("flannel_config")], {"flannel_config_policy": "nonsense"}, ["flannel_config_policy", "keep, replace"]),
        ([role("flannel_config")], {"flannel_config_force": "perhaps"}, ["flannel_config_force", "bool"]),
        ([role("flannel_config")], {"flannel_config_value": {"Net": "10.1.0.0/16"}}, ["has no Network"]),
        ([role("flannel_config")], {"flannel_config_value": {"Network": "10.1.0.0/30"}}, ["too small"]),
        ([role("flannel_config")], {"flannel_config_value": [1]}, ["not a JSON object"]),
        ([role("flannel_config")], {"flannel_config_value": SHELL}, ["is not JSON"]),
    ],
)
def test_bad_options_are_refused_before_the_host_is_asked(
    machine: MachineFactory, tasks: list[dict[str, Any]], variables: dict[str, Any], words: list[str]
) -> None:
    host = machine()
    calls = sudo_calls(host)
    play = host.play(tasks, variables=variables, options=AS_ROOT)
    assert play.rc == 2 and play.last.outcome == "failed", play.output
    assert all(word in play.last.message + json.dumps(play.last.result) for word in words)
    assert sudo_calls(host) - calls == 1
    assert not OWNED.exists()


# hosts that cannot be asked


def test_an_unreachable_host(machine: MachineFactory) -> None:
    play = machine().playbook(FIX, variables={"ansible_port": 1})
    assert play.rc == 4 and play.last.outcome == "unreachable"
    assert "Connection refused" in play.last.message


def test_sudo_refused(machine: MachineFactory) -> None:
    """A user without sudo, and one whose sudo wants a password."""
    host = machine()
    host.sh(
        """
        id guest >/dev/null 2>&1 || useradd -m guest
        install -d -o guest -m 700 ~guest/.ssh
        cat ~core/.ssh/authorized_keys* > ~guest/.ssh/authorized_keys
        chown guest ~guest/.ssh/authorized_keys
        """
    )
    one_sentence(host.playbook(FIX, variables={"ansible_user": "guest"}), "Missing sudo password", "passwordless sudo")
    wrong = {"ansible_user": "guest", "ansible_become_password": SECRET}
    refused = host.playbook(FIX, variables=wrong)
    one_sentence(refused, "Incorrect sudo password", "passwordless sudo")
    assert SECRET not in refused.output


def test_a_way_to_root_that_takes_no_script(machine: MachineFactory) -> None:
    play = machine().playbook(FIX, variables={"ansible_become_method": "su", "ansible_become_password": SECRET})
    one_sentence(play, "su' cannot send a script on standard input", "such as ssh and sudo")


def test_without_curl(machine: MachineFactory) -> None:
    host = machine()
    break_it(host, "docker-left-behind")
    host.sh("mv /usr/bin/curl /usr/bin/curl.away")
    try:
        one_sentence(host.playbook(FIX), "has no 'curl' on its PATH", "Install it")
    finally:
        host.sh("mv /usr/bin/curl.away /usr/bin/curl")
    assert host.sh("systemctl is-active docker", check=False).strip() == "inactive"


# endpoints that are no etcd


@contextmanager
def answering(host: Machine, text: str | None) -> Iterator[None]:
    """Something else where flanneld looks for etcd: it answers every request with a text, or never."""
    answer = "sleep infinity" if text is None else "read -r line; cat /run/answer"
    host.sh(
        f"""
        cat > /run/answer <<'EOF-OF-ANSWER'\n{text or ""}\nEOF-OF-ANSWER
        printf '%s\\n' '[Socket]' ListenStream=127.0.0.1:7777 Accept=yes > /run/systemd/system/liar.socket
        printf '%s\\n' '[Service]' StandardInput=socket "ExecStart=/bin/sh -c '{answer}'" \
          > /run/systemd/system/liar@.service
        systemctl daemon-reload
        systemctl start liar.socket
        """
    )
    try:
        broken_by(host, "sed -i 's|^FLANNELD_ETCD_ENDPOINTS=.*|FLANNELD_ETCD_ENDPOINTS=http://127.0.0.1:7777|' "
                  "/etc/flannel/options.env")  # fmt: skip
        yield
    finally:
        host.sh("systemctl stop liar.socket 'liar@*'; rm /run/systemd/system/liar*; systemctl daemon-reload")


def test_an_endpoint_that_never_answers(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    with answering(host, None):
        before, began = snapshot(host), time.monotonic()
        play = host.playbook(FIX)
        one_sentence(play, "No etcd answers where flanneld looks for it: http://127.0.0.1:7777")
        assert time.monotonic() - began < 120
        assert "curl: (28)" in play.output
        assert snapshot(host) == before


def test_an_answer_that_is_no_json(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    with answering(host, f"HTTP/1.0 200 OK\n\n<h1>login</h1>\x1b[2J{HOSTILE}"):
        before = snapshot(host)
        play = host.playbook(FIX)
        one_sentence(play, "What answers where flanneld looks for etcd does not give")
        assert "<h1>login</h1>" in play.output and "\x1b[2J" not in play.output
        assert snapshot(host) == before
    nothing_was_executed(host)


def test_hostile_text_everywhere(machine: MachineFactory) -> None:
    host = machine()
    mend(host)
    prefix = f"/$(touch {OWNED})/`touch {OWNED}`"
    options = f"FLANNELD_ETCD_PREFIX={prefix}\nFLANNELD_IFACE='; touch {OWNED}\n"
    broken_by(host, f"cat >> /etc/flannel/options.env <<'EOF'\n{options}\nEOF\n")
    drop_in(host, "docker.service", f"Environment=\"A=$(touch {OWNED}) {{{{ lookup('pipe', 'touch {OWNED}') }}}}\"")
    host.sh("mv /etc/os-release /etc/os-release.away; printf 'VERSION_ID=\"$(id)\\033[2J\"\\n' > /etc/os-release")
    try:
        looked = host.play([DIAGNOSE], options=AS_ROOT)
        assert looked.rc == 0 and "key-missing" in causes(looked.last)
        assert "\x1b[2J" not in looked.output
    finally:
        host.sh("mv /etc/os-release.away /etc/os-release; sed -i '/PREFIX\\|touch/d' /etc/flannel/options.env")
    mend(host)
    quoted = HOSTILE.replace("'", "'\\''")
    broken_by(host, f"etcdctl set {KEY} '{quoted}'")
    one_sentence(host.play([role("flannel_config")], options=AS_ROOT), "is not JSON")
    one_sentence(host.playbook(FIX), "flanneld does not accept its network config")
    nothing_was_executed(host)
    mend(host)


# a controller that dies


def test_a_killed_controller_leaves_nothing_half_done(machine: MachineFactory) -> None:
    """Killed after each step that changes something; the next run goes on from there, to the same end."""
    host = machine()
    break_it(host, "etcd-instead-of-etcd2")
    # both at once: the store of the right etcd lacks the key as well
    host.sh(f"systemctl stop etcd; systemctl start etcd2; etcdctl rm {KEY}; systemctl stop etcd2; systemctl start etcd")
    consent = {"etcd2_replace_etcd": True}
    for step in (
        "Diagnose",
        "Have etcd2.service come up at boot in its place",
        "Stop and mask etcd.service",
        "Start etcd2.service",
        "Create the config where there is none",
        "Start what was left behind",
    ):
        killed = host.playbook(FIX, variables=consent, environment={"KILL_AFTER": step})
        assert killed.rc == -9, f"{step}\n{killed.output}"
    finished = host.playbook(FIX, variables=consent)
    assert finished.rc == 0 and recap(finished)["ok"] <= 2, finished.output
    assert host.sh("systemctl is-active etcd2 flanneld docker").split() == ["active"] * 3
    assert host.sh("systemctl is-enabled etcd2 etcd", check=False).split() == ["enabled", "masked"]
    assert json.loads(host.sh(f"etcdctl get {KEY}")) == {"Network": "10.1.0.0/16"}
    assert container_runs(host)


# a race


def test_ten_racing_for_the_key_write_it_once(machine: MachineFactory) -> None:
    host = machine()
    inventory = yaml.safe_load(host.inventory.read_text())
    machines = inventory["all"]["children"]["machines"]
    settings = machines["hosts"][host.name]
    # each by a connection of its own
    arguments = settings.get("ansible_ssh_common_args", "") + " -o ControlMaster=no -o ControlPath=none"
    racers = {f"racer-{n}": {**settings, "ansible_ssh_common_args": arguments, "number": n} for n in range(10)}
    machines["hosts"] = racers
    (host.folder / "racers.yml").write_text(yaml.safe_dump(inventory))
    path = host.folder / "race.yml"
    for key, value in (("/race/same", "one"), ("/race/different", "value {{ number }}")):
        task = {f"{COLLECTION}.etcd_key": {"key": key, "value": value, "endpoints": ["http://127.0.0.1:2379"]}}
        path.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "become": True, "tasks": [task]}]))
        options = (f"--inventory={host.folder / 'racers.yml'}", "--limit=racer-*", "--forks=10")
        play = host.playbook(path, options=options, environment={"ANSIBLE_SSH_RETRIES": "3"})
        assert play.rc == 0 and len(play.tasks) == 10, play.output
        winners = [task.host for task in play.tasks if task.changed]
        assert len(winners) == 1
        written = host.sh(f"etcdctl get {key}").strip()
        assert written == value.replace("{{ number }}", winners[0].removeprefix("racer-"))
    host.sh("etcdctl rm --recursive /race")


# secrets


def test_no_secret_is_told(machine: MachineFactory) -> None:
    """Neither that of flanneld, which is on the host, nor that of the role's user, at the highest verbosity."""
    host = machine()
    mend(host)
    flannels = f"flannel-{SECRET}"
    ours = f"root-{SECRET}"
    broken_by(
        host,
        f"""
        etcdctl rm {KEY}
        etcdctl user add 'root:{ours}'
        etcdctl user add 'flannel:{flannels}'
        etcdctl auth enable
        etcdctl -u 'root:{ours}' role revoke guest -path '/*' -readwrite
        etcdctl -u 'root:{ours}' user grant flannel -roles root
        sed -i 's|//127|//flannel:{flannels}@127|' /etc/flannel/options.env
        printf '%s\\n' FLANNELD_ETCD_USERNAME=flannel 'FLANNELD_ETCD_PASSWORD={flannels}' >> /etc/flannel/options.env
        """,
    )
    drop_in(host, "flanneld.service", f"Environment=OTHER_PASSWORD={flannels}")
    try:
        with watched(host, SECRET) as seen:
            # in the play: what stands on its own command line is printed by ansible-playbook itself
            variables = {"flannel_config_etcd_username": "root", "flannel_config_etcd_password": ours}
            tasks = [DIAGNOSE, {**role("flannel_config"), "vars": variables}]
            play = host.play(tasks, options=(*AS_ROOT, "-vvvv"), diff=True)
            wrong = {**variables, "flannel_config_etcd_password": f"{ours}-wrong"}
            refused = host.play([{**role("flannel_config"), "vars": wrong}], options=(*AS_ROOT, "-vvvv"))
            assert CANARY in seen() and SECRET not in seen()
    finally:
        host.sh(f"etcdctl -u 'root:{ours}' auth disable", check=False)
    assert play.rc == 0, play.output
    assert "Create the config where there is none" in changed(play)
    assert pid(host, "flanneld.service")
    one_sentence(refused, "Insufficient credentials", "Check username and password")
    for one in (play, refused):
        assert SECRET not in one.output
        assert SECRET not in json.dumps([task.result for task in one.tasks])
    mend(host)


@pytest.mark.parametrize(
    "wrong",
    [
        {"docker_timeout": 0},
        {"flannel_config_timeout": "soon"},
        {"flannel_config_policy": "maybe"},
        {"docker_start_dependents": "perhaps"},
    ],
)
def test_options_of_the_last_role_are_refused_before_the_first_acts(
    machine: MachineFactory, wrong: dict[str, Any]
) -> None:
    host = machine()
    break_it(host, "key-missing")
    refused = host.playbook(FIX, variables=wrong)
    one_sentence(refused, next(iter(wrong)), "nothing was changed")
    assert changed(refused) == []
    assert "Key not found" in host.sh(f"etcdctl get {KEY} 2>&1", check=False)
