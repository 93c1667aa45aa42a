# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit files as hypothesis makes them, each with what it declares."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

DEPENDENCIES = ("Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf", "Conflicts", "After", "Before")
SECRET = "not-to-be-seen"

# What stands in a unit file and must not leave the host.
_PRIVATE = ("ExecStart", "ExecStartPre", "Environment", "PassEnvironment", "X-Type", "AfterX")
_names = st.text("abcABC019:_.-@", min_size=1, max_size=12).map(lambda stem: f"u{stem}.service")
_escaped = st.sampled_from(
    [r"dev-disk-by\x2dlabel-ROOT.device", r"a@var-lib\x2dx.service", "%p-%i.target", "x@.socket"]
)
_blank = st.sampled_from(["", " ", "\t", "  "])
_gap = st.sampled_from([" ", "\t", "  "])
_comment = st.sampled_from(["# After=no.service", "  ; Wants=no.service \\", "#", ";[Service]", "\t#\\"])


@dataclass(frozen=True)
class Made:
    """A valid unit file.

    Attributes:
        text: what stands in it.
        declared: the dependencies that it declares, as (section, key, unit, line).
    """

    text: str
    declared: list[tuple[str, str, str, int]]


@st.composite
def unit_files(draw: st.DrawFn) -> Made:
    """Valid unit files: every blank, comment, line break and quote that systemd allows."""
    lines: list[str] = []
    declared: list[tuple[str, str, str, int]] = []
    section = ""
    for kind in draw(st.lists(st.sampled_from(["section", "declare", "private", "comment", "blank"]), max_size=12)):
        if kind == "section" or not section:
            section = draw(st.sampled_from(["Unit", "Service", "Install", "X-Own"]))
            lines.append(f"{draw(_blank)}[{section}]{draw(_blank)}")
        elif kind == "declare":
            _declare(draw, section, lines, declared)
        elif kind == "private":
            _hide(draw, lines)
        else:
            lines.append(draw(_comment if kind == "comment" else _blank))
    if draw(st.booleans()) and lines:
        lines[0] = "\ufeff" + lines[0].lstrip()
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return Made(ending.join(lines) + draw(st.sampled_from(["", ending])), declared)


def _declare(draw: st.DrawFn, section: str, lines: list[str], declared: list[tuple[str, str, str, int]]) -> None:
    key = draw(st.sampled_from(DEPENDENCIES))
    line = f"{draw(_blank)}{key}{draw(_blank)}={draw(_blank)}"
    for name in draw(st.lists(_names | _escaped, max_size=4)):
        if draw(st.booleans()):
            lines.append(f"{line}\\")
            lines.extend(draw(st.lists(_comment, max_size=2)))
            line = draw(_blank)
        declared.append((section, key, name, len(lines) + 1))
        quote = draw(st.sampled_from(["", "", '"', "'"]))
        line += f"{quote}{name}{quote}{draw(_gap)}"
    lines.append(line)


def _hide(draw: st.DrawFn, lines: list[str]) -> None:
    """A setting that is private, whose further lines look like others."""
    line = f"{draw(_blank)}{draw(st.sampled_from(_PRIVATE))}{draw(_blank)}={SECRET}"
    for pose in draw(
        st.lists(st.sampled_from([f"After={SECRET}", f"[{SECRET}]", SECRET, f"Type = {SECRET}"]), max_size=3)
    ):
        lines.append(f"{line} \\")
        lines.extend(draw(st.lists(_comment, max_size=1)))
        line = f"{draw(_blank)}{pose}"
    lines.append(line)
