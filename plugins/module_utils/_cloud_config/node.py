# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Walking a skeleton as coreos-cloudinit walks a cloud-config: where a value stands, and whether it is told."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    MERGE,
    PLACEHOLDERS,
    Skeleton,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Tree

TRUE = ("y", "yes", "true", "on")
"""What is true to coreos-cloudinit, in any case."""

UNTOLD = "_untold"
"""The value of what may be there or not: of a key in a mapping of which the skeleton does not tell all keys."""

# Values whose structure the skeleton leaves out.
_FOLDED = ("_flow", "_alias")


@dataclass(frozen=True)
class Node:
    """A value of a skeleton.

    Attributes:
        skeleton: the whole of it.
        place: such as `coreos.units.0.name`; empty for the whole.
        value: what is there; None where there is nothing, `UNTOLD` where nobody knows.
        line: the line of its key or item; of what is not there, that of what it would be in.
        key: its key as it is written there; empty for an item.
    """

    skeleton: Skeleton
    place: str
    value: Tree
    line: int
    key: str = ""

    def get(self, key: str) -> Node:
        """Return the value of a key, which may be written with `-` for `_`.

        Of a key that is there in both spellings, the last counts. Lists coreos-cloudinit joins; `lint` blocks either.
        """
        named = [child for child in self.children() if plain(child.key) == key]
        return named[-1] if named else self._child(key, UNTOLD if self.has_more else None, key)

    def children(self) -> list[Node]:
        """Return the values of a mapping."""
        if not isinstance(self.value, dict):
            return []
        return [self._child(key, value, key) for key, value in self.value.items()]

    def items(self) -> list[Node]:
        """Return the items of a list."""
        if not isinstance(self.value, list):
            return []
        return [self._child(str(index), value, "") for index, value in enumerate(self.value)]

    def _child(self, name: str, value: Tree, key: str) -> Node:
        here = f"{self.place}.{name}" if self.place else name
        if value is None and here in self.skeleton.cut:
            value = UNTOLD
        return Node(self.skeleton, here, value, self.skeleton.lines.get(here, self.line), key)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_untold(self) -> bool:
        return self.value == UNTOLD

    @property
    def is_given(self) -> bool:
        """Whether there surely is a value."""
        return self.value is not None and not self.is_untold

    @property
    def has_more(self) -> bool:
        """Whether it may have keys that the skeleton does not tell: it is cut off, or something is merged into it."""
        return self.is_untold or (self.is_mapping and (self.place in self.skeleton.cut or self.is_merged))

    @property
    def is_merged(self) -> bool:
        return any(child.key == MERGE and child.value is not None for child in self.children())

    @property
    def is_folded(self) -> bool:
        """Whether there is structure that the skeleton does not tell: `[...]`, `{...}` or an alias."""
        return isinstance(self.value, str) and self.value in _FOLDED

    @property
    def is_wiped(self) -> bool:
        """Whether there is a scalar that is not told, since its form is none that its key's values have."""
        return isinstance(self.value, str) and self.value in PLACEHOLDERS and not self.is_folded

    @property
    def word(self) -> str:
        """The scalar, where it is told; else empty."""
        if not isinstance(self.value, str) or self.value in (*PLACEHOLDERS, UNTOLD) or "\n" in self.value:
            return ""
        return self.value

    @property
    def is_true(self) -> bool:
        return self.word.lower() in TRUE

    @property
    def block(self) -> list[tuple[int, str]]:
        """The lines of a block, as the skeleton has them, with their numbers; none of what is no block."""
        if not isinstance(self.value, str) or "\n" not in self.value:
            return []
        return list(enumerate(self.value.rstrip("\n").split("\n"), self.line + 1))

    @property
    def last_line(self) -> int:
        """The line before the next key or item that does not belong to this value; a very high one at the end."""
        inside = f"{self.place}."
        after = [
            line for place, line in self.skeleton.lines.items() if line > self.line and not place.startswith(inside)
        ]
        return min(after) - 1 if after else 10**9


def root(skeleton: Skeleton) -> Node:
    """Return the whole of a skeleton."""
    is_cut = skeleton.tree is None and "" in skeleton.cut
    return Node(skeleton, "", UNTOLD if is_cut else skeleton.tree, 1)


def plain(key: str) -> str:
    """Return a key as coreos-cloudinit takes it: with `_` for `-`."""
    return key.replace("-", "_")
