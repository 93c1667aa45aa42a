# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""flanneld's effective settings, from its unit and its environment files, each with the place that says so.

flanneld takes an option from its command line, else from an environment variable `FLANNELD_...`, else its default.
Where the unit starts it with `docker run`, the environment of the unit stays outside the container: only what
`--env` and `--env-file` carry gets in. Other wrappers carry such options too, and pass the environment on.
"""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
        Properties,
    )

DEFAULTS: dict[str, str] = {
    "etcd-endpoints": "http://127.0.0.1:4001,http://127.0.0.1:2379",
    "etcd-prefix": "/coreos.com/network",
    "etcd-cafile": "",
    "etcd-certfile": "",
    "etcd-keyfile": "",
    "etcd-username": "",
    "iface": "",
    "kube-subnet-mgr": "false",
    "subnet-file": "/run/flannel/subnet.env",
}
"""The options of flanneld that matter here, by name, and their defaults."""

_OPTION = re.compile(r"^--?(?P<name>[a-z][a-z-]*)(?:=(?P<value>.*))?$", re.DOTALL)
_FIRST_WITH_V3 = (0, 18)


@dataclass(frozen=True)
class Setting:
    """The value of one option, and the place that sets it."""

    value: str
    source: str


@dataclass(frozen=True)
class Settings:
    """What a host's flanneld really uses."""

    options: t.Mapping[str, Setting] = field(default_factory=dict)
    version: tuple[int, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.options[name].value

    @property
    def endpoints(self) -> list[str]:
        """The etcd endpoints in the order in which flanneld tries them, without a slash at the end."""
        return [item.strip().rstrip("/") for item in self["etcd-endpoints"].split(",") if item.strip()]

    @property
    def prefix(self) -> str:
        return "/" + self["etcd-prefix"].strip("/")

    @property
    def key(self) -> str:
        """The key that holds the network config."""
        return f"{self.prefix}/config"

    @property
    def uses_kubernetes(self) -> bool:
        """Whether the Kubernetes API takes the place of etcd."""
        return self["kube-subnet-mgr"].lower() in ("1", "t", "true")

    @property
    def api(self) -> str:
        """The etcd API that this flannel speaks, `v2` or `v3`; no release of Container Linux ships one with v3."""
        return "v3" if self.version >= _FIRST_WITH_V3 else "v2"


def parse_settings(unit: Properties, files: t.Mapping[str, str]) -> Settings:
    """Return flanneld's effective settings.

    Args:
        unit: properties of its unit: ExecStart, Environment and EnvironmentFiles.
        files: the text of each environment file of the host, by path; a file that does not exist is left out.
    """
    outer = {name: Setting(value, "the environment of flanneld.service") for name, value in _environment(unit).items()}
    for path in environment_files(unit):
        outer.update(_read_env_file(path, files, raw=False))
    arguments = _expand(_arguments(unit), outer)
    inner = {} if _runs_in_docker(arguments) else dict(outer)
    inner.update(_carried_environment(arguments, files))
    options = {name: Setting(value, "flanneld's default") for name, value in DEFAULTS.items()}
    for name in DEFAULTS:
        variable = "FLANNELD_" + name.upper().replace("-", "_")
        if variable in inner:
            options[name] = inner[variable]
    for name, value in _command_line(arguments):
        options[name] = Setting(value, "the command line of flanneld.service")
    return Settings(options=options, version=_version(arguments, outer))


def environment_files(unit: Properties) -> list[str]:
    """Return the paths of a unit's environment files, in order.

    systemctl prints the property EnvironmentFiles under the name EnvironmentFile up to systemd 239.
    """
    lines = (unit.get("EnvironmentFiles", "") + "\n" + unit.get("EnvironmentFile", "")).splitlines()
    return [re.sub(r" \(ignore_errors=(?:yes|no)\)$", "", line).lstrip("-") for line in lines if line]


def _read_env_file(path: str, files: t.Mapping[str, str], *, raw: bool) -> dict[str, Setting]:
    return {name: Setting(value, path) for name, value in parse_env_file(files.get(path, ""), raw=raw).items()}


def _environment(unit: Properties) -> dict[str, str]:
    text = unit.get("Environment", "")
    try:
        words = shlex.split(text)
    except ValueError:
        # systemd before 234 prints values as they are, also those with a quote in them
        words = text.split()
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def _arguments(unit: Properties) -> list[str]:
    commands = re.findall(r"argv\[\]=(.*?) ; (?:ignore_errors|flags)=", unit.get("ExecStart", ""), re.DOTALL)
    return commands[-1].split() if commands else []


def _expand(arguments: t.Sequence[str], variables: t.Mapping[str, Setting]) -> list[str]:
    def value(match: t.Match[str]) -> str:
        setting = variables.get(match["name"])
        return setting.value if setting else ""

    words: list[str] = []
    for argument in arguments:
        expanded = re.sub(r"\$\{(?P<name>\w+)\}", value, argument)
        if re.match(r"^\$\w+$", expanded):
            words += re.sub(r"^\$(?P<name>\w+)$", value, expanded).split()
        else:
            words.append(expanded)
    return words


def _runs_in_docker(arguments: t.Sequence[str]) -> bool:
    return any(one.rpartition("/")[2] == "docker" and other == "run" for one, other in zip(arguments, arguments[1:]))


def _carried_environment(arguments: t.Sequence[str], files: t.Mapping[str, str]) -> dict[str, Setting]:
    variables: dict[str, Setting] = {}
    for option, value in _options(arguments):
        if option == "env-file":
            variables.update(_read_env_file(value, files, raw=True))
    for option, value in _options(arguments):
        name, equals, text = value.partition("=")
        if option in ("env", "e") and equals:
            variables[name] = Setting(text, "the command line of flanneld.service")
    return variables


def _command_line(arguments: t.Sequence[str]) -> t.Iterator[tuple[str, str]]:
    for name, value in _options(arguments):
        if name in DEFAULTS:
            yield name, value


def _options(arguments: t.Sequence[str]) -> t.Iterator[tuple[str, str]]:
    for index, argument in enumerate(arguments):
        match = _OPTION.match(argument)
        if not match:
            continue
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if match["value"] is not None:
            yield match["name"], match["value"]
        elif match["name"] == "kube-subnet-mgr":
            yield match["name"], "true"
        else:
            yield match["name"], following


def _version(arguments: t.Sequence[str], environment: t.Mapping[str, Setting]) -> tuple[int, ...]:
    candidates = [environment[name].value for name in ("FLANNEL_IMAGE_TAG", "FLANNEL_VER") if name in environment]
    candidates += [argument for argument in arguments if "flannel" in argument]
    for candidate in candidates:
        match = re.search(r"(?:^|:)v?(\d+)\.(\d+)\.(\d+)", candidate)
        if match:
            return tuple(int(number) for number in match.groups())
    return ()
