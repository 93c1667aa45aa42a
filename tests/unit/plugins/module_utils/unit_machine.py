# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine for the script of unit_deps_facts: this one's shell, sed, stat and files, and a systemctl that is told
what to say. There is no systemd where unit tests run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed

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
        self._command("systemctl", _SYSTEMCTL)

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

    def tell_origins(self, dump: str) -> None:
        self.tell("dump", dump)
        self._command("systemd-analyze", _ANALYZE)

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
