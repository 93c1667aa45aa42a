# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What a config drive's meta-data sets, which coreos-cloudinit merges with the user-data beside it.

It may hold secrets. Like user-data it stays on its host, which tells its structure alone: short names, a hostname, and
for the SSH keys in a text their digests.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Metadata

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked

LIMIT = 65536
"""Bytes of meta-data; what is larger is not read."""

NO_JSON = "it is no JSON"

_ODD = "…"
"""Stands for a hostname that is none, and is not told."""

METADATA_SED = r"""
:token
s/^\("[A-Za-z0-9_.-]\{1,60\}"\) *:$/\1:/
t name
s/^".*" *:$/"_":/
t
/AAAA/!s/^".*"$/"_"/
s/^-\{0,1\}[0-9][0-9.eE+-]*$/0/
/^\(".*"\(:\)\{0,1\}\|true\|false\|null\|[][{}:,0]\)$/!s/.*/?/
b
:name
/^"hostname":$/I!b
n
/^"[A-Za-z0-9.-]\{0,253\}"$/!b token
"""
"""For `sed -e`, on JSON with a token a line: without content, but for the texts that may hold an SSH key."""

METADATA_SH = r"""
# tell_metadata FILE NUMBER: JSON like that of the file, without its content
tell_metadata() {
  [ -s "$1" ] && [ -f "$1" ] || return 0
  begin "metadata-$2"
  SIZE=$(wc -c <"$1")
  if [ "$SIZE" -gt "$METADATA_LIMIT" ]; then
    printf '%s bytes\n' "$SIZE"
  else
    tr '\n\r\t' '   ' <"$1" | grep -a -o -E '"([^"\\]|\\.)*"( *:)?|[^][{}:," ]+|[^ ]' | sed -e "$METADATA_SED" |
      while IFS= read -r TOKEN; do
        case $TOKEN in
          '"'*AAAA*'"')
            TOKEN=${TOKEN#?}
            printf '"%s"\n' "$(printf '%s\n' "${TOKEN%?}" | keys_of_text)"
            ;;
          *) printf '%s\n' "$TOKEN" ;;
        esac
      done
  fi
  finish "metadata-$2" 0
}

# keys_of_text: the digests of the keys in a text of JSON, in a row
keys_of_text() {
  sed -e 's|\\\\| |g' -e 's|\\/|/|g' -e 's|\\[nr]|\n|g' | keys_of - | cut -d ' ' -f 2 | tr '\n' ' '
}
"""
"""Defines `tell_metadata`, which is a section `metadata-...` where there is any; reads `metadata_variables`. It calls
`keys_of`, see `ACCESS_SH`."""

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def metadata_variables() -> dict[str, str]:
    """Return what `METADATA_SH` reads."""
    return {"METADATA_SED": METADATA_SED, "METADATA_LIMIT": str(LIMIT)}


def parse_metadata(text: str) -> Metadata:
    """Return what `tell_metadata` told. A host's answer may be anything; this never raises."""
    size = re.match(r"\s*([0-9]{1,15}) bytes", text)
    if size:
        return Metadata(error=f"it has {size[1]} bytes, and {LIMIT} are the limit")
    try:
        # a mapping becomes a tuple of pairs, for a name may be there twice
        tree = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return Metadata(error=NO_JSON)
    if not isinstance(tree, (tuple, type(None))):
        return Metadata(error=NO_JSON)
    hostname = ""
    keys: dict[t.Any, str | None] = {}
    for name, value in tree or ():
        # as coreos-cloudinit reads it: a name in any case, nothing of null, and what is there twice is joined
        if value is None:
            continue
        if name.lower() == "hostname":
            if not isinstance(value, str):
                return Metadata(error="'hostname' has a value that is no text")
            hostname = _ODD if value == "_" else value
        elif name.lower() == "public_keys":
            if not isinstance(value, tuple) or not all(isinstance(key, (str, type(None))) for _name, key in value):
                return Metadata(error="'public_keys' has a value that is no mapping of texts")
            # names that are not told are different ones
            keys.update((number if key == "_" else key, text) for number, (key, text) in enumerate(value))
    digests = tuple(digest for key in keys.values() for digest in _DIGEST.findall(key or ""))
    return Metadata(hostname, len(keys), digests)


def with_metadata(asked: Asked, metadata: Metadata | None) -> Asked:
    """Return what a user-data asks for together with the meta-data beside it; its own hostname comes first."""
    if metadata is None:
        return asked
    return replace(asked, hostname=asked.hostname or metadata.hostname, metadata_keys=metadata.entries)
