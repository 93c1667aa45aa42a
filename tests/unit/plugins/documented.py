# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a module returns is what its documentation says that it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

# what Ansible documents itself
COMMON = {"changed", "diff", "failed", "invocation", "msg", "warnings"}


def mismatches(documentation: str, result: Mapping[str, Any]) -> list[str]:
    """Return where a result and the text of RETURN differ: keys that only one of them has, and types."""
    documented = yaml.safe_load(documentation)
    return list(_compare(documented, {key: value for key, value in result.items() if key not in COMMON}, ""))


def _compare(documented: Mapping[str, Any], found: Mapping[str, Any], path: str) -> Iterator[str]:
    # what is returned only at times may be absent
    always = {key for key, about in documented.items() if not str(about.get("returned", "")).startswith("when")}
    yield from (f"{path}{key} is not documented" for key in sorted(found.keys() - documented.keys()))
    yield from (f"{path}{key} is not returned" for key in sorted(always - found.keys()))
    for key in sorted(documented.keys() & found.keys()):
        about, value = documented[key], found[key]
        if value is None:
            continue
        if about["type"] not in ("raw", type(value).__name__):
            yield f"{path}{key} is a {type(value).__name__}, not a {about['type']}"
        elif "contains" in about:
            inner = about["contains"]
            items: list[dict[str, Any]] = value if isinstance(value, list) else _parts(value, inner)
            for item in items:
                yield from _compare(inner, item, f"{path}{key}.")
        elif isinstance(value, dict) and isinstance(about.get("sample"), dict):
            yield from _like_sample(about["sample"], value, f"{path}{key}.")


def _parts(value: Any, inner: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A dictionary as documented, or the values of one whose keys are names."""
    named = value and all(isinstance(part, dict) and part.keys() & inner.keys() for part in value.values())
    return list(value.values()) if named else [value]


def _like_sample(sample: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    """Where a dictionary has other keys than its sample. The keys of one may be names of units, which are no matter."""
    by_name = any("." in key for key in sample)
    if not by_name:
        yield from (f"{path}{key} is not in both" for key in sorted(sample.keys() ^ value.keys()))
    elif all(isinstance(part, dict) for part in sample.values()):
        (example,) = sample.values()
        for name, part in value.items():
            yield from _like_sample(example, part, f"{path}{name}.")
