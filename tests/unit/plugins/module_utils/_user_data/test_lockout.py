# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would be locked out by a user-data; how keys are replaced was seen on a machine."""

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.gate import gate
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.lockout import lockout
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Access,
    Content,
    Metadata,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_content import (
    SET,
    cloud_config,
    digest,
    seen,
)

CORE = Access("core", {SET: [digest("mine")]})
SSH = "/home/core/.ssh"
ALL_GONE = (
    "these SSH keys would replace the one that lets 'core' in now; add yours to them, or allow it with "
    "'allow_lockout: true'."
)
UNTOLD = (
    "{}, and SSH keys in it may replace all that let 'core' in now; write it one key and one item to a line, or allow "
    "it with 'allow_lockout: true'."
)
HOLDS = "holds the SSH keys of 'core', who is logged in, and would be replaced"


def judged(text: str, access: Access = CORE) -> list[tuple[int, str, str]]:
    return [(remark.line, remark.level, remark.text) for remark in lockout(cloud_config(text), access)]


def with_drive(text: str, metadata: Metadata, access: Access = CORE) -> list[tuple[int, str, str]]:
    """The same of a user-data that lies on a config drive with this meta-data."""
    return [(remark.line, remark.level, remark.text) for remark in lockout(cloud_config(text), access, metadata)]


def drive(*names: str, entries: int = 0) -> Metadata:
    return Metadata("a", entries or len(names), [digest(name) for name in names])


def keys(*names: str, indent: int = 0) -> str:
    """A list of these keys; its items are indented by two blanks more."""
    return "ssh_authorized_keys:\n" + "".join(f"{' ' * indent}  - KEY({name})\n" for name in names)


@pytest.mark.parametrize(
    "text",
    [
        "hostname: a\n",
        "ssh_authorized_keys: []\n",
        "ssh_authorized_keys:\n",
        keys("mine"),
        keys("other", "mine"),
        "ssh-authorized-keys: ['KEY(mine)']\n",
        "ssh_authorized_keys:\n  - |\n    KEY(mine)\nhostname: a\n",
        f"users:\n  - name: other\n    {keys('other', indent=4)}",
        "users:\n  - name: core\n    ssh_authorized_keys:\n      - KEY(mine)\n",
        # what coreos-cloudinit takes for no list it passes over
        "ssh_authorized_keys: KEY(other)\n",
        # the whole of what is given, if nobody can tell to whom, lets in who gets in now
        "users: [{name: core, ssh-authorized-keys: ['KEY(mine)']}]\n",
        "x: &m\n  ssh_authorized_keys:\n    - KEY(mine)\n<<: *m\n",
        "x: &k KEY(mine)\nssh_authorized_keys:\n  - *k\n",
        "ssh_authorized_keys: ['KEY(other)', 'KEY(mine)'] # KEY(third)\n",
        "ssh_authorized_keys: [KEY(other), KEY(mine)]\n",
        # what cannot be read gives no keys
        "users: [{name: joe, groups: [docker]}]\n",
        "users:\n  - {name: joe}\n" + keys("mine", "other"),
        f"users:\n  - name: 'c\\x6fre'\n    {keys('mine', indent=4)}",
        "<<: *m\nusers:\n  - name: joe\n",
        # a list at the top level comes last, and what is merged is joined to it
        f"users:\n  - name: *c\n    {keys('other', indent=4)}{keys('other', 'mine')}",
        f"<<: *m\nx: KEY(other)\n{keys('mine')}",
        "users: *u\nx: KEY(other)\n" + keys("mine"),
        # the last item is core's, and can be read
        f"users:\n  - {{name: core, ssh_authorized_keys: [KEY(other)]}}\n  - name: core\n    {keys('mine', indent=4)}",
        # a name that is none
        f"users:\n  - name:\n    {keys('other', indent=4)}",
    ],
)
def test_a_config_that_keeps_a_key_locks_nobody_out(text: str) -> None:
    assert judged(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (keys("other"), 2),
        (f"users:\n  - name:\n      core\n    {keys('other', indent=4)}", 5),
        ("ssh-authorized-keys: ['KEY(other)']\n", 2),
        ("hostname: a\nusers:\n  - name: core\n    ssh-authorized-keys:\n      - KEY(other)\n", 5),
        # what is said in a comment or elsewhere gives nobody a key
        ("ssh_authorized_keys:\n  - KEY(other)\n  # - KEY(mine)\n", 2),
        (keys("other") + "write_files:\n  - path: /a\n    content: KEY(mine)\n", 2),
        (keys("other") + "users:\n  - name: bob\n    ssh_authorized_keys:\n      - KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other) # was KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other)\n  - # KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other)\n  - '# KEY(mine)'\n", 2),
        ("ssh_authorized_keys: ['KEY(other)'] # KEY(mine)\n", 2),
        ("ssh_authorized_keys: ['KEY(other) was KEY(mine)']\n", 2),
        ("ssh_authorized_keys: [KEY(other) was KEY(mine)]\n", 2),
        # nor does what is in the comment of another key, or in what is no text
        ("ssh_authorized_keys:\n  - KEY(other) was KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other) was\n    KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other)\n  - was: KEY(mine)\n", 2),
        ("ssh_authorized_keys:\n  - KEY(other)\n  - [KEY(mine)]\n", 2),
        # the top level comes last, and the last of a user's
        (keys("other") + "users:\n  - name: core\n    ssh_authorized_keys:\n      - KEY(mine)\n", 2),
        (
            "users:\n  - name: core\n    ssh_authorized_keys:\n      - KEY(mine)\n"
            "  - name: core\n    ssh_authorized_keys:\n      - KEY(other)\n",
            7,
        ),
    ],
)
def test_a_config_with_other_keys_alone_locks_out(text: str, line: int) -> None:
    assert judged(text) == [(line, "lockout", ALL_GONE)]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("users: [{name: core, ssh-authorized-keys: ['KEY(other)']}]\n", 2, "'users' is written in brackets"),
        ("x: &u\n  - name: core\n    ssh_authorized_keys:\n      - KEY(other)\nusers: *u\n", 6, "'users' is an alias"),
        (
            "users:\n  - name: joe\n  - {name: core, ssh-authorized-keys: ['KEY(other)', 'KEY(mine)']}\n",
            4,
            "this user is written in brackets",
        ),
        (f"x:\n  - &u\n    name: core\n    {keys('other', indent=4)}users:\n  - *u\n", 8, "this user is an alias"),
        (
            f"x: &m\n  {keys('other', indent=2)}users:\n  - name: core\n    <<: *m\n",
            6,
            "'<<' merges something into this user",
        ),
        (f"x: &m\n  {keys('other', indent=2)}<<: *m\n", 5, "'<<' merges something in here"),
        (f"x: &-m\n  {keys('other', indent=2)}<<: *-m\n", 5, "'<<' merges something in here"),
        (f"x: &m\n  {keys('other', indent=2)}<<: [*m]\nhostname: a\n/a: b\n", 5, "'<<' merges something in here"),
        (f"<<:\n  {keys('other', indent=2)}", 2, "'<<' merges something in here"),
        (
            f'users:\n  - name: "c\\x6fre"\n    {keys("other", indent=4)}',
            3,
            "the name of this user could not be read",
        ),
        (
            f"hostname: &c core\nusers:\n  - name: *c\n    {keys('other', indent=4)}",
            4,
            "the name of this user could not be read",
        ),
        ("x: &k\n  - KEY(other)\nssh_authorized_keys: *k\n", 4, "'ssh_authorized_keys' is an alias"),
        ("x: &k KEY(other)\nssh_authorized_keys:\n  - *k\n", 4, "this SSH key is an alias"),
        # of what can be read, the list that is replaced
        (f"{keys('mine')}? a\n: b\nusers: *u\n", 0, ""),
    ],
)
def test_where_nobody_can_tell_that_the_way_in_stays_it_is_a_lockout(text: str, line: int, what: str) -> None:
    assert judged(text) == ([(line, "lockout", UNTOLD.format(what))] if what else [])
    # others are not let in by these at all
    assert judged(text, Access("core", {SET: [digest("mine")], f"{SSH}/authorized_keys.d/a": [digest("a")]})) == []
    assert judged(text, Access("core", {})) == []


def test_who_is_not_core_may_be_among_users_that_are_not_told() -> None:
    access = Access("admin", {"/home/admin/.ssh/authorized_keys.d/coreos-cloudinit": [digest("mine")]})
    [(line, level, _text)] = judged("users: [{name: a, ssh_authorized_keys: [KEY(other)]}]\n" + keys("mine"), access)
    assert (line, level) == (2, "lockout")


def test_an_empty_list_leaves_the_one_before() -> None:
    text = "ssh_authorized_keys: []\nusers:\n  - name: core\n    ssh_authorized_keys:\n      - KEY(other)\n"
    assert judged(text) == [(5, "lockout", ALL_GONE)]


def test_keys_of_other_sets_stay() -> None:
    own = Access("core", {SET: [digest("old")], f"{SSH}/authorized_keys.d/mine": [digest("mine")]})
    assert judged(keys("other"), own) == [
        (2, "warning", "1 of the 2 SSH keys that let 'core' in now would be gone; be sure that yours is none of them.")
    ]
    assert judged(keys("other", "old"), own) == []


def test_a_user_without_a_name_is_nobody() -> None:
    text = "users:\n  - passwd: a\n    ssh_authorized_keys:\n      - KEY(other)\n"
    assert judged(text, Access("", {SET: [digest("mine")]})) == []


def test_without_sets_the_present_keys_become_one() -> None:
    assert judged(keys("other"), Access("core", {f"{SSH}/authorized_keys": [digest("mine")]})) == []


def test_a_key_that_is_in_no_set_is_lost() -> None:
    access = Access("core", {SET: [], f"{SSH}/authorized_keys": [digest("mine")]})
    assert judged(keys("other"), access) == [(2, "lockout", ALL_GONE)]


def test_several_keys_may_be_lost_at_once() -> None:
    [(_line, level, text)] = judged(keys("other"), Access("core", {SET: [digest("a"), digest("b")]}))
    assert level == "lockout"
    assert text.startswith("these SSH keys would replace all 2 that let 'core' in now")


def test_keys_of_the_top_level_are_core_s() -> None:
    access = Access("admin", {"/home/admin/.ssh/authorized_keys.d/coreos-cloudinit": [digest("mine")]})
    assert judged(keys("other"), access) == []
    [(line, level, _text)] = judged("users:\n- name: admin\n  ssh_authorized_keys:\n  - KEY(other)\n", access)
    assert (line, level) == (4, "lockout")


def test_who_gets_in_without_a_key_keeps_that_way() -> None:
    assert judged(keys("other"), Access("core", {})) == []
    assert judged(keys("other"), Access()) == []


def test_what_is_no_key_ends_the_run() -> None:
    text = "none of these is an SSH public key, and the run would stop there before it has written anything"
    assert judged("ssh_authorized_keys:\n  - nonsense\n") == [
        (2, "blocker", f"{text}; give keys such as 'ssh-ed25519 AAAA... name'.")
    ]
    # that cannot be told of what is not shown
    assert [level for _line, level, _text in judged("ssh_authorized_keys:\n  - *mine\n")] == ["lockout"]
    assert [level for _line, level, _text in judged("ssh_authorized_keys: [nonsense]\n")] == ["lockout"]


HIDDEN = "could not be read, and nobody may be able to log in any more; write it plainly, or allow it with {}"


@pytest.mark.parametrize("path", [f'"{SSH}/authorized\\x5fkeys"', "*a", "!!binary L2V0Yy9hCg==", f"{SSH}/../.ssh/ä"])
def test_a_path_that_is_not_told_may_be_the_one_of_the_keys(path: str) -> None:
    assert judged(f"write_files:\n  - path: {path}\n    content: a\n") == [
        (
            3,
            "lockout",
            "the path of this file could not be read, and it may be one that decides who can log in; write it plainly, "
            "or allow it with 'allow_lockout: true'.",
        )
    ]


def test_a_path_may_be_merged_into_a_file() -> None:
    [(line, level, _text)] = judged("x: &x\n  path: /etc/a\nwrite_files:\n  - <<: *x\n    content: a\n")
    assert (line, level) == (5, "lockout")


@pytest.mark.parametrize("path", ["/etc/a\t# b", "$private_ipv4", "/etc/a$private_ipv4", "", "~", "/etc/a b"])
def test_a_path_that_is_told_or_has_an_address_is_none_of_these(path: str) -> None:
    assert judged(f"write_files:\n  - path: {path}\n    content: a\n") == []


@pytest.mark.parametrize(
    ("unit", "what"),
    [
        ('name: "sshd\\x2eservice"\n      mask: true', "the name of this unit"),
        ("name: *u\n      command: stop", "the name of this unit"),
        ("name: *u\n      command: start", "the name of this unit"),
        ("name: *u\n      mask: *m", "the name of this unit"),
        ("<<: *u\n      mask: true", "the name of this unit"),
        ("name: sshd.service\n      mask: *m", "what is to become of 'sshd.service'"),
        ("name: systemd-networkd.service\n      command: *m", "what is to become of 'systemd-networkd.service'"),
    ],
)
def test_a_unit_that_is_not_told_may_be_sshd(unit: str, what: str) -> None:
    [(line, level, text)] = judged(f"coreos:\n  units:\n    - {unit}\n")
    assert (line, level) == (4, "lockout")
    assert text == f"{what} {HIDDEN.format(repr('allow_lockout: true'))}."


@pytest.mark.parametrize(
    "unit",
    [
        "name: *u\n      content: a",
        "name: *u\n      mask: false",
        "name: $private_ipv4.service\n      mask: true",
        "name: a.service\n      mask: *m",
        "name: a.service\t# b\n      command: stop",
    ],
)
def test_a_unit_that_stays_or_is_another_locks_nobody_out(unit: str) -> None:
    assert judged(f"coreos:\n  units:\n    - {unit}\n") == []


@pytest.mark.parametrize("name", ["sshd.socket", "sshd.service", "sshd@.service"])
@pytest.mark.parametrize(("how", "verb"), [("mask: true", "masked"), ("command: stop", "stopped")])
def test_ssh_must_not_go_down(name: str, how: str, verb: str) -> None:
    assert judged(f"coreos:\n  units:\n    - name: {name}\n      {how}\n") == [
        (
            5,
            "lockout",
            f"'{name}' would be {verb}, and nobody could log in any more; leave that out, or allow it with "
            "'allow_lockout: true'.",
        )
    ]


@pytest.mark.parametrize(
    ("one", "other", "locks"),
    [
        ("sshd.socket", "name: sshd.service\n      command: start", False),
        ("sshd.service", "name: sshd.socket\n      command: restart", False),
        ("sshd.socket", "name: sshd.service\n      enable: true", True),
        ("sshd.socket", "name: sshd.service\n      command: start\n      mask: true", True),
        ("sshd.socket", "name: a.service\n      command: start", True),
        ("sshd@.service", "name: sshd.service\n      command: start", True),
    ],
)
def test_the_socket_may_give_way_to_the_service(one: str, other: str, locks: bool) -> None:
    found = judged(f"coreos:\n  units:\n    - name: {one}\n      command: stop\n    - {other}\n")
    assert any(f"'{one}' would be stopped" in text for _line, _level, text in found) is locks


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("name: systemd-networkd.service\n      mask: true", "would be masked, and the host may lose its addresses"),
        ("name: systemd-networkd.socket\n      command: stop", "would be stopped, and the host may lose its addresses"),
        *(
            (f"name: {name}.target\n      command: {command}", "would be started, at every boot anew")
            for name, command in (
                ("reboot", "start"),
                ("poweroff", "restart"),
                ("halt", "reload-or-restart"),
                ("kexec", "start"),
                ("rescue", "start"),
                ("emergency", "start"),
            )
        ),
    ],
)
def test_the_host_must_stay_up(unit: str, words: str) -> None:
    [(line, level, text)] = judged(f"coreos:\n  units:\n    - {unit}\n")
    assert (line, level) == (5, "lockout")
    assert words in text


@pytest.mark.parametrize(
    "unit",
    [
        "name: sshd.socket\n      command: restart",
        "name: sshd.socket\n      mask: false",
        "name: docker.service\n      mask: true",
        "name: systemd-networkd.service\n      command: restart",
        "name: reboot.target\n      mask: true",
    ],
)
def test_other_units_and_commands_are_let_be(unit: str) -> None:
    assert judged(f"coreos:\n  units:\n    - {unit}\n") == []


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("name: sshd.socket\n      content: a", "sshd may not take the next connection, or at another port"),
        ("name: sshd.service\n      drop-ins:\n        - name: a.conf", "sshd may not take the next connection"),
        ("name: 10-static.network\n      content: a", "restarts the host's network"),
        ("name: 10-static.netdev\n      content: a", "restarts the host's network"),
        ("name: 10-static.link\n      content: a", "restarts the host's network"),
    ],
)
def test_a_change_of_how_the_host_is_reached_is_told(unit: str, words: str) -> None:
    [(line, level, text)] = judged(f"coreos:\n  units:\n    - {unit}\n")
    assert (line, level) == (4, "warning")
    assert words in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{SSH}/authorized_keys", HOLDS),
        (f"{SSH}/authorized_keys2", HOLDS),
        (f"{SSH}/authorized_keys.d/coreos-cloudinit", HOLDS),
        ("//home/./core/x/../.ssh/authorized_keys", HOLDS),
        *(
            (path, "decides who may log in and become root, and would be replaced")
            for path in (
                "/etc/passwd",
                "/etc/shadow",
                "/etc/group",
                "/etc/gshadow",
                "/etc/sudoers",
                "/etc/sudoers.d/a",
                "/etc/pam.d/sshd",
                "/etc/nsswitch.conf",
                "/etc/nologin",
                "/run/nologin",
                "/var/run/nologin",
            )
        ),
    ],
)
def test_a_file_that_decides_who_may_log_in_is_not_replaced(path: str, words: str) -> None:
    [(line, level, text)] = judged(f"hostname: a\nwrite_files:\n  - path: {path}\n")
    assert (line, level) == (4, "lockout")
    assert text.startswith(f"'{path}' {words}; ")
    assert text.endswith(", or allow it with 'allow_lockout: true'.")


def test_the_keys_are_where_the_look_found_them() -> None:
    access = Access("admin", {"/srv/admin/.ssh/authorized_keys": [digest("mine")]})
    [(_line, level, _text)] = judged("write_files:\n- path: /srv/admin/.ssh/authorized_keys\n", access)
    assert level == "lockout"
    assert judged(f"write_files:\n- path: {SSH}/authorized_keys\n", access) == []
    assert judged("write_files:\n- path: /root/.ssh/authorized_keys\n", Access("root"))
    # where the login user is not known, it is most likely the usual one
    [(_line, _level, text)] = judged(f"write_files:\n- path: {SSH}/authorized_keys\n", Access())
    assert HOLDS in text
    assert judged(f"write_files:\n- path: {SSH}/config\n") == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/ssh/sshd_config", "sshd may refuse the next connection"),
        ("/etc/ssh/ssh_host_rsa_key", "sshd may refuse the next connection"),
        ("/etc/systemd/system/sshd.socket", "sshd may not take the next connection"),
        ("/etc/systemd/system/sshd.socket.d/10-port.conf", "sshd may not take the next connection"),
        ("/etc/systemd/network/10-static.network", "the host may not be reached the same way any more"),
        ("/var/lib/iptables/rules-save", "the firewall may refuse the next connection"),
        ("/var/lib/ip6tables/rules-save", "the firewall may refuse the next connection"),
    ],
)
def test_a_file_that_decides_how_the_host_is_reached_is_told(path: str, words: str) -> None:
    assert judged(f"write_files:\n  - path: {path}\n") == [
        (
            3,
            "warning",
            f"'{path}' takes part in how the host is reached: {words}; keep a connection open until a second one has "
            "worked.",
        )
    ]


@pytest.mark.parametrize(
    "path", ["/etc/passwd.bak", "/etc/sshd", "/etc/systemd/system/a.service", "/home/bob/.ssh/authorized_keys"]
)
def test_other_files_are_let_be(path: str) -> None:
    assert judged(f"write_files:\n  - path: {path}\n") == []


def test_a_password_matters_most_where_there_is_no_key() -> None:
    text = "users:\n  - name: core\n    passwd: secret\n"
    words = "the password of 'core', who is logged in, would change; be sure that you know the new one."
    assert judged(text) == [(4, "warning", words)]
    assert judged(text, Access("core", {SET: []})) == [(4, "lockout", words)]
    assert judged(text, Access("admin")) == []


def test_a_password_may_be_that_of_a_user_whose_name_is_not_told() -> None:
    text = "users:\n  - name: *c\n    passwd: secret\n"
    assert judged(text) == []
    assert judged(text, Access("core", {SET: []})) == [
        (
            3,
            "lockout",
            "the name of this user could not be read, and its password may be that of 'core'; write the name plainly, "
            "or allow it with 'allow_lockout: true'.",
        )
    ]


def test_locking_out_may_be_allowed() -> None:
    content = cloud_config(keys("other"))
    strict = gate(content, seen=seen(), name="x", allow_scripts=True, allow_lockout=False)
    assert (strict.blockers, strict.warnings) == ([f"X, line 2: {ALL_GONE}"], [])
    allowed = gate(content, seen=seen(), name="x", allow_scripts=False, allow_lockout=True)
    assert (allowed.blockers, allowed.warnings) == ([], [f"X, line 2: {ALL_GONE}"])


def test_without_a_structure_nothing_is_judged() -> None:
    assert lockout(Content(5, "0" * 64), CORE) == []


BESIDE = "the SSH keys of 'meta_data.json' beside it"
TOGETHER = "these SSH keys, with those of 'meta_data.json' beside it,"


@pytest.mark.parametrize(
    "text", ["hostname: a\n", keys("other"), "users:\n  - name: joe\n", "ssh_authorized_keys: []\n"]
)
def test_what_a_config_drive_adds_keeps_the_way_in(text: str) -> None:
    assert with_drive(text, drive("other", "mine")) == []
    # others are not let in by it
    assert with_drive(text, drive("third"), Access("core", {})) == []
    assert (
        with_drive(text, drive("third"), Access("core", {f"{SSH}/authorized_keys.d/a": [digest("a")], SET: []})) == []
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("hostname: a\n", 0, BESIDE),
        (keys("other"), 2, TOGETHER),
        # they come last, and no other list for the same user counts
        (f"users:\n  - name: core\n    {keys('mine', indent=4)}", 0, BESIDE),
        ("ssh_authorized_keys:\n  - none\n", 2, TOGETHER),
    ],
)
def test_other_keys_of_a_config_drive_lock_out(text: str, line: int, what: str) -> None:
    gone = ALL_GONE.replace("these SSH keys", what)
    assert with_drive(text, drive("third")) == [(line, "lockout", gone)]
    # what makes the list goes for its keys as well
    assert with_drive(keys("mine"), drive("third")) == []
    admin = Access("admin", {"/home/admin/.ssh/authorized_keys.d/coreos-cloudinit": [digest("mine")]})
    assert with_drive(text, drive("third"), admin) == []


def test_a_drive_without_a_key_stops_the_run() -> None:
    assert with_drive("hostname: a\n", drive(entries=1)) == [
        (
            0,
            "blocker",
            "none of the public keys in 'meta_data.json' beside it is an SSH public key, and the run would stop there "
            "before it has written anything; give keys such as 'ssh-ed25519 AAAA... name'.",
        )
    ]
    assert with_drive(keys("mine"), drive(entries=1)) == []


def test_a_drive_that_cannot_be_read_may_lock_out() -> None:
    text = (
        "'meta_data.json' beside it could not be read (it is no JSON), and the run may stop there with nothing "
        "written, or set other SSH keys for 'core'; correct or remove it, or allow it with 'allow_lockout: true'."
    )
    for user_data in ("hostname: a\n", keys("mine")):
        assert with_drive(user_data, Metadata(error="it is no JSON")) == [(0, "lockout", text)]


def test_keys_of_a_drive_come_with_any_form() -> None:
    """Also a script's: coreos-cloudinit sets them before it runs that."""
    script = Content(5, "0" * 64, form="script")
    found = gate(
        script, seen=seen(), name="/a", allow_scripts=True, allow_lockout=False, metadata=drive("third", "fourth")
    )
    assert found.blockers == [f"/a: {ALL_GONE.replace('these SSH keys', BESIDE)}"]
    for names, allowed in (("third", True), ("mine", False)):
        found = gate(script, seen=seen(), name="/a", allow_scripts=True, allow_lockout=allowed, metadata=drive(names))
        assert found.blockers == []
