# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""How the login user gets in: the script that tells it, and what that answers. Of an SSH key it is the digest."""

from __future__ import annotations

import re

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Access

ACCESS_SH = r"""
# told_keys: line and digest of each public key of what it reads; a digest tells them apart as well, and tells no more
told_keys() {
  grep -a -n -o 'AAAA[A-Za-z0-9+/]\{40,\}' | head -n 100 | while IFS=: read -r AT BODY; do
    printf '%s %s\n' "$AT" "$(printf '%s' "$BODY" | sha256sum)"
  done
}

# keys_of FILE: the keys of authorized_keys; the first of a line is one, the rest of the line is its comment
keys_of() {
  sed -e 's/^[[:space:]]*#.*//' -e 's|\(AAAA[A-Za-z0-9+/]\{40,\}\).*|\1|' -- "$1" | told_keys
}

# keys_asked FILE: the keys of a cloud-config; neither those in a comment, nor what stands behind a key in one value
keys_asked() {
  sed -e "s/\(^\|[[:space:]\"']\)#.*//" -e '
    :again
    /["'"'"']/s|\(AAAA[A-Za-z0-9+/]\{40,\}[^A-Za-z0-9+/"'"'"'][^"'"'"']*\)AAAA|\1----|
    t again
    s|\(AAAA[A-Za-z0-9+/]\{40,\}[^A-Za-z0-9+/,][^,]*\)AAAA|\1----|
    t again' -- "$1" | told_keys
}

tell_access() {
  begin access
  LOGIN=${SUDO_USER:-$(id -un)}
  printf 'user %s\n' "$LOGIN"
  FOLDER=$(timeout -k 1 "$LIMIT" getent passwd "$LOGIN")
  FOLDER=${FOLDER%:*}
  FOLDER=${FOLDER##*:}/.ssh
  set +f
  set -- "$FOLDER"/authorized_keys.d/* "$FOLDER/authorized_keys"
  set -f
  for KEYS in "$@"; do
    if [ -f "$KEYS" ] && [ "${KEYS#*"$LINE"}" = "$KEYS" ]; then
      printf 'file %s\n' "$KEYS"
      keys_of "$KEYS"
    fi
  done
  finish access 0
}
"""
"""Defines `keys_asked`, and `tell_access`, which is the section `access`; reads LIMIT and LINE, a line break."""

_KEY = re.compile(r"^([0-9]{1,9}) ([0-9a-f]{64})\b", re.MULTILINE)


def parse_keys(text: str) -> list[tuple[int, str]]:
    """Return the line and the digest of each key that `told_keys` told."""
    return [(int(line), key) for line, key in _KEY.findall(text)]


def parse_access(text: str) -> Access:
    """Return what `tell_access` told."""
    user = file = ""
    keys: dict[str, list[str]] = {}
    for line in text.splitlines():
        what, _blank, rest = line.partition(" ")
        key = _KEY.match(line)
        if what == "user":
            user = printable(rest, limit=60)
        elif what == "file":
            file = printable(rest)
            keys.setdefault(file, [])
        elif key and file:
            keys[file].append(key[2])
    return Access(user=user, keys=keys)
