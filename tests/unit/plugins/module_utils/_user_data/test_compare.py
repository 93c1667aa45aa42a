# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a cloud-config asks for is there: on this machine's shell and files, with a systemctl that is told what
to say. What the host takes for a text is held against what PyYAML reads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
    Asked,
    AskedFile,
    asked,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import compare as user_data_compare
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import targets as user_data_targets
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison, compare
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    without_room,
)

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
OWN = f"{os.getuid()}:{os.getgid()}"


class Machine:
    """This machine, with a root directory and a systemctl of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shell = ["sh"]
        self.stdout = self.stderr = ""
        for name in ("bin", "etc", "run"):
            (root / name).mkdir()
        self.systemctl()

    def systemctl(self, show: str = "", is_enabled: str = "", status: int = 0) -> None:
        path = self.root / "bin/systemctl"
        path.write_text(
            f"#!/bin/sh\nif [ $1 = show ]; then\ncat <<'END'\n{show}\nEND\nelse\ncat <<'END'\n{is_enabled}\nEND\nfi\n"
            f"exit {status}\n"
        )
        path.chmod(0o755)

    def run(self, script: str) -> Completed:
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            [*self.shell, "-s"],
            input=script.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            env=environment,
            timeout=60,
        )
        self.stdout = done.stdout.decode("utf-8", "surrogateescape")
        self.stderr = done.stderr.decode("utf-8", "replace")
        return Completed(done.returncode, self.stdout, self.stderr)

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)

    def compare(self, content: bytes, *, given: bool = False) -> Comparison:
        """What comes of a cloud-config, by the path at which it lies."""
        path = self.root / "user data's"
        path.write_bytes(content)
        text = content.decode("utf-8", "surrogateescape") if given else None
        found = compare(self, self.asked(content), path=str(path), content=text)
        # nothing is left behind
        assert not list((self.root / "run").glob("container-linux-remediation*"))
        assert not re.search(r"^(?!\s*fence-).*\S", self.stderr, re.MULTILINE), self.stderr
        return found

    def asked(self, content: bytes) -> Asked:
        done = subprocess.run(
            ["sed", "-e", SKELETON_SED], input=content, capture_output=True, check=True, env={"LC_ALL": "C"}
        )
        return asked(parse_skeleton(done.stdout.decode("utf-8", "surrogateescape")))


@pytest.fixture(params=SHELLS)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Machine:
    machine = Machine(tmp_path)
    machine.shell = [request.param] + ["--posix"] * (request.param == "bash")
    monkeypatch.setattr(user_data_targets, "_ROOT", str(tmp_path))
    monkeypatch.setattr(user_data_compare, "_RUN", str(tmp_path / "run"))
    return machine


def states(found: Comparison) -> dict[str, tuple[str, str]]:
    return {item.name: (item.state, item.why) for item in found.items}


# Each value as it stands behind `content:`, and what coreos-cloudinit makes of it; None: it is not compared.
VALUES: dict[str, tuple[str, bytes | None]] = {
    "literal": ("|\n      a\n        b\n\n      c\n", b"a\n  b\n\nc\n"),
    "literal strip": ("|-\n      a\n      b\n\n", b"a\nb"),
    "literal keep": ("|+\n      a\n      b\n\n", b"a\nb\n\n"),
    "literal clip": ("|\n      a\n\n\n", b"a\n"),
    "a digit": ("|2\n        a\n       b\n", b"  a\n b\n"),
    "a digit and strip": ("|2-   # a comment\n       a\n", b" a"),
    "strip and a digit": ("|-2\n       a\n", b" a"),
    "no line break at the end": ("|\n      a\n      b", b"a\nb"),
    "no line break at the end, strip": ("|-\n      a\n      b", b"a\nb"),
    "blanks at the end": ("|\n      a\n         \n", b"a\n   \n"),
    "a tab": ("|\n      \ta\n      b\t\n", b"\ta\nb\t\n"),
    "empty lines first": ("|\n\n    \n      a\n", b"\n\na\n"),
    "a comment of less indentation": ("|\n        a\n      # no text\n", b"a\n"),
    "folded": (">\n      a\n      b\n\n      c\n        d\n\n        e\n      f\n", b"a b\nc\n  d\n\n  e\nf\n"),
    "folded strip": (">-\n      a\n      b\n\n", b"a b"),
    "folded keep": (">+\n      a\n      b\n\n\n", b"a b\n\n\n"),
    "folded without a line break": (">\n      a\n      b", b"a b"),
    "plain": ("a: b".replace(": ", ":") + "   # c\n", b"a:b"),
    "plain number": ("0644\n", b"0644"),
    "single": ("'it''s \" # \\n'  # c\n", b"it's \" # \\n"),
    "double": ('"a\\tb\\n\\\\ \\" it\'s %s"\n', b"a\tb\n\\ \" it's %s"),
    "empty in quotes": ("''\n", b""),
    "nothing": ("\n", b""),
    "null": ("Null\n", b""),
    "an anchor": ("&a |\n      a\n", b"a\n"),
    "binary": ("!!binary |\n      AAEC\n      /w==\n", b"\x00\x01\x02\xff"),
    "crlf": ("|\r\n      a\r\n\r\n      b\r\n", b"a\n\nb\n"),
    "plain in two lines": ("a\n      b\n", None),
    "single in two lines": ("'a\n      b'\n", None),
    "double with other escapes": ('"\\x41"\n', None),
    "an alias": ("*a\n", None),
    "a tag": ("!!str a\n", None),
    "addresses": ("|\n      $public_ipv4:1 \\$public_ipv4 $private_ipv4$private_ipv4 a$public_ipv6.\n", None),
}
VALUES["addresses"] = (VALUES["addresses"][0], b"10.0.0.1:1 $public_ipv4 10.1.0.1$private_ipv4 a.\n")


@pytest.mark.parametrize(
    ("name", "given"),
    [*((name, False) for name in VALUES), ("literal", True), ("no line break at the end", True), ("crlf", True)],
)
def test_how_a_value_is_read(machine: Machine, name: str, given: bool) -> None:
    value, content = VALUES[name]
    machine.put("/etc/environment", b"COREOS_PUBLIC_IPV4=10.0.0.1\nX=1\nCOREOS_PRIVATE_IPV4='10.1.0.1'")
    machine.put("/etc/a", b"other" if content is None else content)
    machine.put("/etc/b", b"other")
    text = f"#cloud-config\nwrite_files:\n  - path: /etc/b\n    content: x\n  - path: /etc/a\n    content: {value}"
    text += f"    owner: {OWN}\n" if text.endswith("\n") else ""
    found = states(machine.compare(text.encode(), given=given))
    expected = ("differs", "content")
    if os.getuid() == 0:
        assert found["/etc/b"] == expected
    if content is None:
        assert found["/etc/a"][0] == "not_compared"
        assert found["/etc/a"][1]
    elif text.endswith("\n") or os.getuid() == 0:
        assert found["/etc/a"] == ("same", "")
    machine.put("/etc/a", (content or b"") + b"\n")
    assert states(machine.compare(text.encode(), given=given))["/etc/a"][0] == (
        "not_compared" if content is None else "differs"
    )
    assert "10.0.0.1" not in machine.stdout
    # what PyYAML reads is what coreos-cloudinit reads; addresses are replaced before it
    if content is not None and not name.startswith(("addresses", "plain number", "binary")):
        read = yaml.safe_load(text)["write_files"][1]["content"] or ""
        assert read.encode() == content


_LINE = st.one_of(
    st.just(""),
    st.text("ab:#-'\"\\ \t|>&%é", max_size=6),
    st.sampled_from(["[Unit]", "a: b", "  x", "\ty", "   ", "#cloud-config", "..", "%s\\n"]),
)


@st.composite
def _blocks(draw: st.DrawFn) -> str:
    """A mapping with block scalars of every kind, between other keys."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        style = draw(st.sampled_from("|>"))
        chomp = draw(st.sampled_from(["", "-", "+"]))
        depth = draw(st.integers(1, 5))
        lines = draw(st.lists(_LINE, min_size=1, max_size=7))
        # the first line with text tells the indentation, unless a digit does
        first = next((line for line in lines if line.strip(" ")), "")
        digit = str(depth) if first[:1] in (" ", "\t") or draw(st.booleans()) else ""
        header = style + draw(st.sampled_from([chomp + digit, digit + chomp])) + draw(st.sampled_from(["", "  # c"]))
        indent = "    " + " " * depth
        rows.append(f"  - path: /etc/{number}\n    content: {header}")
        for line in lines:
            bare = draw(st.booleans()) and not line
            rows.append("" if bare else indent[: draw(st.integers(0, len(indent)))] if not line else indent + line)
        if draw(st.booleans()):
            rows.append("# a comment")
    return "#cloud-config\nwrite_files:\n" + "\n".join(rows) + draw(st.sampled_from(["\n", "", "\nhostname: a\n"]))


@given(text=_blocks(), shell=st.sampled_from(SHELLS))
@example(text="#cloud-config\nwrite_files:\n  - path: /etc/0\n    content: |+\n\n", shell="dash")
@example(text="#cloud-config\nwrite_files:\n  - path: /etc/0\n    content: |\n      \n     # c\n", shell="dash")
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_host_reads_blocks_as_pyyaml_does(
    text: str, shell: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.shell = [shell]
    monkeypatch.setattr(user_data_targets, "_ROOT", str(machine.root))
    monkeypatch.setattr(user_data_compare, "_RUN", str(machine.root / "run"))
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        # coreos-cloudinit would not apply it either
        machine.compare(text.encode())
        return
    for file in read["write_files"]:
        machine.put(file["path"], (file["content"] or "").encode())
    for item in machine.compare(text.encode()).items:
        assert item.state == "same" or item.why.startswith("owner"), (item, text)
    for file in read["write_files"]:
        machine.put(file["path"], (file["content"] or "").encode() + b"x")
    for item in machine.compare(text.encode()).items:
        assert item.state == "differs" and item.why.startswith("content")


ENCODED = {
    "base64": base64.b64encode(b"packed\n"),
    "b64": base64.b64encode(b"packed\n"),
    "gzip+base64": base64.b64encode(gzip.compress(b"packed\n")),
    "gz+b64": base64.b64encode(gzip.compress(b"packed\n")),
}


@pytest.mark.parametrize("encoding", [*ENCODED, "base64 broken", "gz+b64 broken", "gzip", "rot13"])
def test_encodings(machine: Machine, encoding: str) -> None:
    name, _blank, broken = encoding.partition(" ")
    content = "!!" if broken else ENCODED.get(name, b"x").decode()
    machine.put("/etc/a", b"packed\n")
    text = f"#cloud-config\nwrite_files:\n- path: /etc/a\n  owner: {OWN}\n  encoding: {name}\n"
    text += f"  content: |\n    {content}\n"
    state, why = states(machine.compare(text.encode()))["/etc/a"]
    if encoding in ENCODED:
        assert state == "same"
        machine.put("/etc/a", b"packed")
        assert states(machine.compare(text.encode()))["/etc/a"] == ("differs", "content")
    else:
        assert state == "not_compared"
        assert "encoding" in why


def test_what_grows_without_end_is_not_unpacked(machine: Machine) -> None:
    content = base64.b64encode(gzip.compress(b"\0" * (user_data_compare.SIZE_LIMIT + 1))).decode()
    machine.put("/etc/a", b"")
    text = f"#cloud-config\nwrite_files:\n- path: /etc/a\n  encoding: gz+b64\n  content: {content}\n"
    assert states(machine.compare(text.encode()))["/etc/a"][0] == "not_compared"


def test_mode_owner_and_what_is_no_file(machine: Machine) -> None:
    text = "#cloud-config\nwrite_files:\n"
    for name in "abcd":
        text += f"- path: /etc/{name}\n  owner: {OWN}\n  permissions: 0640\n  content: x\n"
    machine.put("/etc/a", b"x", mode=0o640)
    machine.put("/etc/b", b"y", mode=0o4755)
    (machine.root / "etc/c").symlink_to("a")
    (machine.root / "etc/d").mkdir()
    assert states(machine.compare(text.encode())) == {
        "/etc/a": ("same", ""),
        "/etc/b": ("differs", "content, mode (04755 instead of 0640)"),
        "/etc/c": ("differs", "a symbolic link is in its place"),
        "/etc/d": ("differs", "something that is no file is in its place"),
    }
    found = states(machine.compare(text.replace(OWN, "4242:4243").encode()))
    assert found["/etc/a"][0] == "differs"
    assert found["/etc/a"][1].startswith("owner (") and found["/etc/a"][1].endswith(" instead of 4242:4243)")


@pytest.mark.parametrize("key", ["owner", "permissions", "encoding"])
def test_what_could_not_be_read_is_not_held_against_the_host(machine: Machine, key: str) -> None:
    values = {"owner": OWN, "permissions": "0640", "encoding": "base64", key: "*alias"}
    text = "#cloud-config\nwrite_files:\n- path: /etc/a\n  content: eA==\n"
    text += "".join(f"  {name}: {value}\n" for name, value in values.items())
    machine.put("/etc/a", b"x", mode=0o640)
    assert states(machine.compare(text.encode())) == {"/etc/a": ("not_compared", f"its {key} could not be read")}
    # what is known is compared all the same
    if key == "owner":
        machine.put("/etc/a", b"y", mode=0o640)
        assert states(machine.compare(text.encode())) == {"/etc/a": ("differs", "content")}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "  content: x\n  ? permissions\n  : '0640'\n",
            ("not_compared", "its permissions and owner and encoding could"),
        ),
        ("  permissions: '0640'\n  ? content\n  : x\n", ("not_compared", "its owner and encoding and content could")),
        ("  permissions: '0600'\n  ? content\n  : x\n", ("differs", "mode (0640 instead of 0600)")),
        (
            "  <<: {content: x, permissions: '0640'}\n",
            ("not_compared", "its permissions and owner and encoding and con"),
        ),
        (
            "  content:\n    |\n    x\n  permissions:\n    '0640'\n  owner: OWN\n",
            ("not_compared", "it goes on in the next"),
        ),
        ("  content:\tx\t# y\n  permissions:\t'0640'\n  owner:\tOWN\n", ("same", "")),
        ("  content\t: 'x'\t# y\n  permissions: 0640\n  owner: OWN\t\n", ("same", "")),
        ('  content: "x"\t\n  permissions: 0640\n  owner: OWN\n', ("same", "")),
        ("  content: |-\t# y\n    x\n  permissions: 0640\n  owner: OWN\n", ("same", "")),
    ],
)
def test_what_may_be_asked_for_is_not_compared_with_a_default(
    machine: Machine, more: str, told: tuple[str, str]
) -> None:
    machine.put("/etc/a", b"x", mode=0o640)
    text = f"#cloud-config\nwrite_files:\n- path: /etc/a\n{more}".replace("OWN", OWN)
    [(state, why)] = states(machine.compare(text.encode())).values()
    assert (state, why[: len(told[1])]) == told


@pytest.mark.parametrize("key", ["runtime", "mask"])
def test_a_unit_of_which_it_is_not_known_where_it_is_written(machine: Machine, key: str) -> None:
    text = (
        f"#cloud-config\ncoreos:\n  units:\n  - name: a.service\n    {key}: *alias\n    content: |\n      [Service]\n"
    )
    text += "    drop-ins:\n    - name: 10-b.conf\n      content: x\n"
    for there in (False, True):
        if there:
            machine.put("/etc/systemd/system/a.service", b"another")
        assert set(states(machine.compare(text.encode())).values()) == {
            ("not_compared", f"its {key} could not be read")
        }


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", False),
        ("core", False),
        ("core:", True),
        ("core:core", True),
        ("core.core", True),
        ("500:501", True),
        ("core:root", False),
        ("root:core", False),
        ("core.root", False),
        ("co.re", False),
    ],
)
def test_owners_as_chown_reads_them(wanted: str, fits: bool) -> None:
    assert user_data_compare._is_owner(wanted, user=("core", "500"), group=("core", "501")) == fits
    assert user_data_compare._is_owner(wanted or "root", user=("root", "0"), group=("root", "0")) == (not wanted)


def test_units_and_drop_ins(machine: Machine) -> None:
    text = """#cloud-config
coreos:
  units:
  - name: a.service
    content: |
      [Service]
  - name: a.service
    runtime: yes
    drop-ins:
    - name: 10-b.conf
      content: "[Unit]"
  - name: c.network
    content: |-
      [Match]
  - name: empty.service
    content: ''
  - name: masked.service
    mask: true
    content: x
  etcd2:
    name: a
  flannel: {}
"""
    machine.put("/etc/systemd/system/a.service", b"[Service]\n")
    machine.put("/run/systemd/system/a.service.d/10-b.conf", b"[Unit]")
    machine.put("/etc/systemd/network/c.network", b"[Match]\n")
    found = machine.compare(text.encode())
    assert [(item.kind, item.name, item.path.removeprefix(str(machine.root)), item.state) for item in found.items] == [
        ("unit", "a.service", "/etc/systemd/system/a.service", "same"),
        ("drop_in", "a.service/10-b.conf", "/run/systemd/system/a.service.d/10-b.conf", "same"),
        ("unit", "c.network", "/etc/systemd/network/c.network", "differs"),
        ("unit", "empty.service", "/etc/systemd/system/empty.service", "not_compared"),
        (
            "drop_in",
            "etcd2.service/20-cloudinit.conf",
            "/run/systemd/system/etcd2.service.d/20-cloudinit.conf",
            "missing",
        ),
    ]


def test_paths_with_all_that_a_shell_might_read(machine: Machine) -> None:
    names = ["a b", " a ", "a'b", 'a"b', "a\\b", "a$(b)", "-a", "a*", "é", "a\tb", "a;b"]
    content = b"#cloud-config\n#\n"
    for name in names:
        machine.put(f"/etc/{name}", b"")
    path = machine.root / "user-data"
    path.write_bytes(content)
    asking = Asked(files=[AskedFile(f"/etc/{name}", owner=OWN) for name in [*names, "no such", "a\nb"]])
    found = compare(machine, asking, path=str(path))
    assert [item.state for item in found.items] == ["same"] * len(names) + ["missing", "not_compared"]


def test_a_user_data_that_is_another_one_by_now(machine: Machine) -> None:
    content = b"#cloud-config\nwrite_files:\n- path: /etc/a\n  content: x\n"
    path = machine.root / "user data"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert compare(machine, machine.asked(content), path=str(path), sha256=digest).items[0].state == "missing"
    path.write_bytes(content + b"#")
    with pytest.raises(RemediationError, match="another one than was looked at"):
        compare(machine, machine.asked(content), path=str(path), sha256=digest)
    # without a digest, what is left of it is told at least
    machine.put("/etc/a", b"x")
    path.write_bytes(b"#cloud-config\n")
    found = compare(machine, machine.asked(content), path=str(path))
    assert found.items[0].state == "not_compared"
    path.unlink()
    found = compare(machine, machine.asked(content), path=str(path))
    assert found.items[0].state == "not_compared"
    assert found.partial


def test_what_the_shell_has_no_room_for_is_not_known(machine: Machine) -> None:
    """Of lines that are more than a pipe holds bash makes a file."""
    names = [f"/etc/{number:0200}" for number in range(400)]
    content = "#cloud-config\nwrite_files:\n" + "".join(f"- path: {name}\n  content: ''\n" for name in names)
    path = machine.root / "user-data"
    path.write_text(content)
    asked = machine.asked(content.encode())
    assert {item.state for item in compare(machine, asked, path=str(path)).items} == {"missing"}
    is_bash = machine.shell[0] == "bash"
    machine.shell[0] = without_room(machine.root, machine.shell[0])
    found = compare(machine, asked, path=str(path))
    assert {item.state for item in found.items} == {"not_compared" if is_bash else "missing"}
    assert bool(found.partial) == is_bash


def test_files_that_cannot_be_read_are_not_known(machine: Machine) -> None:
    content = b"#cloud-config\nwrite_files:\n- path: /etc/a\n  content: x\n"
    (machine.root / "user-data").write_bytes(content)
    machine.put("/etc/a", b"x")
    (machine.root / "bin/sha256sum").write_text("#!/bin/sh\nexit 124\n")
    (machine.root / "bin/sha256sum").chmod(0o755)
    found = compare(machine, machine.asked(content), path=str(machine.root / "user-data"))
    assert found.items[0].state == "not_compared"
    assert found.partial == ["stat or sha256sum did not tell of every file that is to be there."]


@pytest.mark.parametrize("signal", ["TERM", "PIPE"])
def test_nothing_is_left_when_the_shell_is_ended(machine: Machine, signal: str) -> None:
    # above it is timeout, and above that the shell
    (machine.root / "bin/sed").write_text(f"#!/bin/sh\nkill -{signal} $(cut -d ' ' -f 4 /proc/$PPID/stat)\nsleep 0.2\n")
    (machine.root / "bin/sed").chmod(0o755)
    text = b"#cloud-config\nwrite_files:\n- path: /etc/a\n  content: x\n"
    (machine.root / "user data").write_bytes(text)
    with pytest.raises(RemediationError, match="did not run the script to its end"):
        compare(machine, machine.asked(text), path=str(machine.root / "user data"), content=text.decode())
    assert not list((machine.root / "run").iterdir())


def test_what_is_written_for_the_comparison_is_ours_alone(machine: Machine) -> None:
    (machine.root / "bin/sha256sum").write_text(
        f"#!/bin/sh\nls -l -d {machine.root}/run/* {machine.root}/run/*/* >{machine.root}/seen\n"
    )
    (machine.root / "bin/sha256sum").chmod(0o755)
    machine.put("/etc/a", b"x")
    machine.compare(b"#cloud-config\nwrite_files:\n- path: /etc/a\n  content: x\n", given=True)
    modes = {line.split()[0] for line in (machine.root / "seen").read_text().splitlines()}
    assert {mode[:10] for mode in modes} == {"drwx------", "-rw-------"}


def test_many_texts(machine: Machine) -> None:
    count = 1200
    rows = [f"- path: /etc/many/{number}\n  content: |-\n    text {number}\n" for number in range(count)]
    text = "#cloud-config\nwrite_files:\n" + "".join(rows)
    for number in range(count):
        machine.put(f"/etc/many/{number}", b"text %d" % (number if number % 7 else -1))
    began = time.monotonic()
    found = machine.compare(text.encode())
    assert time.monotonic() - began < 10
    for number, item in enumerate(found.items):
        assert (item.state == "same" or not item.why.startswith("content")) == bool(number % 7)
    assert len(found.items) == count


_ROWS = ["DOUBTS", "KINDS", "STATS", "SAME", "EMPTY", "extract", "units", "lasting", "ends", "hostname", "users"]


@given(st.dictionaries(st.sampled_from(_ROWS), st.tuples(st.integers(0, 255), st.text())))
@settings(deadline=None)
def test_no_answer_makes_the_parser_fail(answer: dict[str, tuple[int, str]]) -> None:
    class Hostile:
        def run(self, script: str) -> Completed:
            fence = re.findall(r"^FENCE=(\S+)$", script, re.MULTILINE)[0]
            parts = [("whole", (0, "")), *answer.items()]
            out = "".join(f"\n{fence} begin {name}\n{text}\n{fence} end {name} {rc}\n" for name, (rc, text) in parts)
            return Completed(0, out, "")

    asking = asked(parse_skeleton("write_files:\n- path: /a\n  content: |\n    _\n- path: /b\n  content: _text\n"))
    found = compare(Hostile(), asking, path="/x")
    assert [item.path for item in found.items] == ["/a", "/b"]
    for item in found.items:
        assert item.state in ("same", "differs", "missing", "not_compared")
