# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs shellcheck on every shell script of the repository.

Two kinds: files (an extension or a first line says so), and those that are sent to a host, which
are constants named ``*_SH`` in plugins/module_utils.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.container_linux.remediation.plugins.module_utils"


def files() -> Iterator[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in sorted(filter(None, listing.stdout.split("\0"))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and is_shell(path):
            yield path


def is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as file:
        first = file.readline(80)
    interpreter = first[2:].split() if first.startswith(b"#!") else []
    return any(word.rsplit(b"/")[-1] in (b"sh", b"bash", b"dash") for word in interpreter)


def constants() -> Iterator[tuple[str, str]]:
    """The name (MODULE.CONSTANT) and text of each script that is sent to a host."""
    sys.path.insert(0, str(ROOT / "build/collections"))
    sources = ROOT / "plugins/module_utils"
    for path in sorted(sources.rglob("*.py")):
        name_of_module = ".".join(path.relative_to(sources).with_suffix("").parts)
        module = importlib.import_module(f"{PACKAGE}.{name_of_module}")
        for name, value in sorted(vars(module).items()):
            if name.endswith("_SH") and isinstance(value, str):
                yield f"{name_of_module}.{name}", value


def shellcheck(*arguments: str, text: str | None = None) -> bool:
    """Whether shellcheck finds fault."""
    done = subprocess.run(["shellcheck", *arguments], input=text, text=True, check=False)
    return done.returncode != 0


def main() -> int:
    paths = list(files())
    failed = shellcheck("--external-sources", *map(str, paths))
    scripts = list(constants())
    for name, text in scripts:
        # The first line and the upper-case variables come from elsewhere (_host.py), so sh must be
        # named here, and a variable that is not set here is no misspelling (SC2153).
        if shellcheck("--shell=sh", "--exclude=SC2153", "-", text=text):
            print(f"shell_check: the above is about the constant {name}", file=sys.stderr)
            failed = True
    print(f"shell_check: {len(paths)} files, {len(scripts)} constants")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
