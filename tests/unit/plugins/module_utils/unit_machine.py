# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for tests of what asks for units.

`Machine` has this one's shell, sed, stat and files, and a systemctl that is told what to say: there is no systemd
where unit tests run. `Saying` has nothing but answers.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import PROPERTIES

_SYSTEMCTL = r"""#!/bin/sh
cd "$(dirname "$0")/../told"
echo "$*" >>asked
case $1 in
  show)
    case $* in *Version*) exec cat manager ;; esac
    [ ! -e hang ] || exec sleep 60
    while [ "$1" != -- ]; do shift; done
    shift
    for name; do
      if [ "$name" = '*' ]; then
        cat loaded
      elif [ -e "unit-$name" ]; then
        cat "unit-$name"
      else
        printf 'Id=%s\nNames=%s\nLoadState=not-found\n\n' "$name" "$name"
      fi
    done
    ;;
  list-jobs) cat jobs ;;
esac
"""
_OLD_SED = r"""#!/bin/sh
for word; do
  case $word in F | 1F) echo "sed: -e expression #1, char 1: unknown command: \`F'" >&2; exit 1 ;; esac
done
exec /bin/sed "$@"
"""
_ANALYZE = '#!/bin/sh\nexec cat "$(dirname "$0")/../told/dump"\n'


class Machine:
    """A host whose units are files below a directory, and whose systemctl tells of them what it is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.usr = root / "etc", root / "usr"
        self.told = root / "told"
        self.stdout = b""
        for folder in (self.etc, self.usr, self.told, root / "bin"):
            folder.mkdir()
        self.tell("manager", f"Version=systemd 225\nUnitPath={self.etc} {self.usr}\n")
        self.tell("loaded", "")
        self.tell("jobs", "")
        self.tell("dump", "")
        self._command("systemctl", _SYSTEMCTL)
        self._command("systemd-analyze", _ANALYZE)

    def _command(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def tell(self, name: str, text: str) -> None:
        (self.told / name).write_text(text)

    def tell_of(self, *units: Mapping[str, str], loaded: bool = True) -> None:
        for unit in units:
            full = {"Names": unit["Id"], "LoadState": "loaded", "FragmentPath": "", "DropInPaths": "", **unit}
            text = "".join(f"{key}={value}\n" for key, value in full.items()) + "\n"
            with (self.told / ("loaded" if loaded else f"unit-{unit['Id']}")).open("a") as file:
                file.write(text)

    def age_sed(self) -> None:
        """Give the host a sed of before 4.2.2, which cannot tell the name of a file."""
        self._command("sed", _OLD_SED)

    def write(self, path: str, text: str | bytes) -> str:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        return str(full)

    def link(self, path: str, to: str) -> str:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.symlink_to(to)
        return str(full)

    def run(self, script: str) -> Completed:
        done = subprocess.run(
            ["/bin/sh", "-s"],
            input=script.encode(),
            capture_output=True,
            check=False,
            env={**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"},
        )
        self.stdout = done.stdout
        return Completed(
            done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace")
        )


Answers = Mapping[str, tuple[str, int]]
"""What each section of a script says, and its exit status."""


class Saying:
    """A host on which a script runs to its end, and says what it is told to; `twice`: on standard error, too."""

    def __init__(self, sections: Answers, *, twice: bool = False) -> None:
        self.sections = sections
        self.twice = twice

    def run(self, script: str) -> Completed:
        found = re.search(r"^FENCE=(\S+)$", script, re.MULTILINE)
        assert found
        sections = {**self.sections, "whole": ("", 0)}
        stdout = "".join(
            f"\n{found[1]} begin {name}\n{text}\n{found[1]} end {name} {rc}\n" for name, (text, rc) in sections.items()
        )
        return Completed(0, stdout, stdout if self.twice else "")


_SECTIONS = ("manager", "os", "units", "units-1", "jobs", "links", "files", "unread", "ages", "origins")
# nearer than any bytes to what is expected, and so to what could break
_LINES = (
    """
Id=a.service|Id|Id=|=||\t|x y z|nan inf|1|0|-1|\u0663|7|1 2 /etc/a|1 2|99999999999 1 /etc/a|1700000000|1e999
/etc/a|/etc/a.service.d/b.conf|a.service|[Unit]|[Install]|After=%i %q \\|WantedBy=|WantedBy=x|Unit=b.service
link /etc/a.service.wants/b.service|masked /|link|link a.wants/b|\tAfter: b (origin-path)|\tAfter: -.mount ()
7 a.service start waiting|8 b.service start running|\u00b2 a start waiting|Version=247|UnitPath=|UnitPath=/etc \0|A="
-> Unit a.service:|\u2192 Unit :|Type=dbus|RequiresMountsFor=/|Before="b.service" %%
""".strip()
    .replace("\n", "|")
    .split("|")
)
_UNITS = ["a.service", "b.service", "-.mount", "c.slice", ".service", "noend", "x@y.socket", 'a"b', ""]
_VALUES = (
    """
active|inactive|activating|loaded|not-found|masked|yes|no|0|5|\u00b2|-1|99999999999999999999999999|nan
Sun 2026-11-22 07:16:40 UTC|Sun 2026-02-30 07:16:60 UTC|n/a
/etc/a|/etc/a "/etc/a.service.d/b.conf"|/|"|""|a.service b.service|-.mount c.slice|b.service|"a\\\\x2d.service"
""".strip()
    .replace("\n", "|")
    .split("|")
)


def texts() -> st.SearchStrategy[str]:
    """Any bytes, as text in each way in which Ansible makes it one, and lines that look like an answer."""
    errors = st.sampled_from(["surrogateescape", "replace"])
    content = st.builds(lambda content, how: content.decode("utf-8", how), st.binary(), errors)
    return content | st.lists(st.sampled_from([*_LINES, "\udcff", "9" * 5000]), max_size=8).map("\n".join)


def units() -> st.SearchStrategy[str]:
    """What `systemctl show` would say of units that make no sense."""
    value = st.sampled_from(_VALUES)
    properties = st.fixed_dictionaries({}, optional={name: value for name in PROPERTIES.split()[1:]})
    block = st.builds(
        lambda name, shown: "".join(f"{key}={value}\n" for key, value in {"Id": name, **shown}.items()),
        st.sampled_from(_UNITS),
        properties,
    )
    return st.lists(block, min_size=1, max_size=4).map("\n".join)


def answers() -> st.SearchStrategy[Answers]:
    """What a host may say that has gone mad, or bad."""
    said = {"units": texts() | units()}
    return st.fixed_dictionaries(
        {name: st.tuples(said.get(name, texts()), st.sampled_from([0, 0, 0, 1, 124])) for name in _SECTIONS}
    )
