# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What a user-data is made of: the script that looks into it, and what that answers. The content stays on its host."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._host import out_of, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.access import parse_keys
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import parse_findings
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    ALIAS_LIMIT,
    SIZE_LIMIT,
    Content,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer

ALIASES_SH = r"""
# aliases: how much of what it reads may be an alias of YAML, by what its name is of, and what may be around it
aliases() {
  tr '[{,:?[:space:]\200-\377' '\n' | grep -a -c '^[*][A-Za-z0-9_-]\{1,\}\($\|[]}%@`]\)'
}
"""

CONTENT_SH = (
    ALIASES_SH
    + r"""
# get_ready: to be called before look_into
get_ready() {
  TAB=$(printf '\t')
  RETURN=$(printf '\r')
  BOM=$(printf '\357\273\277')
  section version "$LIMIT" coreos-cloudinit --version
  VERSION=$STATUS
}

# The first bytes decide, as they do for coreos-cloudinit.
classify() {
  case $START in
    '#cloud-config') CLASS=cloud-config ;;
    '#!'*) CLASS=script ;;
    *)
      if [ "$(head -c 2 "$FILE" | tr '\037\213' 'gz')" = gz ]; then
        CLASS=gzip
      elif [ "$(head -c 65536 "$FILE" | tr -d '\0' | wc -c)" -ne "$(head -c 65536 "$FILE" | wc -c)" ]; then
        CLASS=binary
      elif [ "$(tr -d ' \t\r\n' <"$FILE" | head -c 1)" = '{' ] &&
        grep -q '"ignition\(Version\)\{0,1\}"[[:space:]]*:' "$FILE"; then
        CLASS=ignition
      else
        CLASS=other
      fi
      ;;
  esac
}

# look_into FILE NUMBER: what a user-data is made of
look_into() {
  FILE=$1
  PART=$2
  section "digest-$PART" "$LIMIT" sha256sum -- "$FILE"
  begin "size-$PART"
  SIZE=$(wc -c <"$FILE")
  printf '%s\n' "$SIZE"
  finish "size-$PART" 0
  if [ "$SIZE" -eq 0 ] || [ "$SIZE" -ge "$SIZE_LIMIT" ]; then
    return
  fi
  START=$(head -c 256 "$FILE" | tr '\0' '\1')
  START=${START%%"$LINE"*}
  while [ "${START%[[:space:]]}" != "$START" ]; do
    START=${START%[[:space:]]}
  done
  classify
  case $START in
    "$BOM"*) MARKED=1 ;;
    *) MARKED=0 ;;
  esac
  ALIASES=$(aliases <"$FILE")
  begin "form-$PART"
  printf '%s\n' "class=$CLASS" "aliases=$ALIASES" \
    "crlf=$(grep -a -c "$RETURN\$" "$FILE")" "tabs=$(grep -a -c "^ *$TAB" "$FILE")" "bom=$MARKED"
  finish "form-$PART" 0
  begin "variables-$PART"
  # shellcheck disable=SC2016 # a variable of coreos-cloudinit's
  grep -a -o -E '\\?\$(public|private)_ipv[46]' "$FILE" | sort -u
  finish "variables-$PART" 0
  if [ "$CLASS" = cloud-config ]; then
    section "skeleton-$PART" "$LIMIT" sed -e "$SKELETON" "$FILE"
    begin "keys-$PART"
    ! grep -a -q AAAA "$FILE" || keys_asked "$FILE"
    finish "keys-$PART" 0
  fi
  if [ "$VERSION" -eq 0 ] && [ "$ALIASES" -le "$ALIAS_LIMIT" ]; then
    begin "report-$PART"
    REPORT=$(timeout -k 1 "$LIMIT" coreos-cloudinit --validate --from-file="$FILE" 2>&1)
    STATUS=$?
    printf '%s\n' "$REPORT" | grep -a -E '^([0-9/]+ [0-9:]+ )?line [0-9]+: ' | hide
    finish "report-$PART" "$STATUS"
  fi
}
"""
)
"""Defines `get_ready`, which is the section `version`, and `look_into`; reads `content_variables`, LIMIT, and LINE, a
line break. It calls `hide`, see `HIDE_SH`, and `keys_asked`, see `ACCESS_SH`."""


def content_variables() -> dict[str, str]:
    """Return what `CONTENT_SH` reads."""
    return {"SKELETON": SKELETON_SED, "SIZE_LIMIT": str(SIZE_LIMIT), "ALIAS_LIMIT": str(ALIAS_LIMIT)}


def content_of(own: Answer, *, size: int = 0) -> Content | None:
    """Return what `look_into` told, if anything.

    Args:
        own: its sections, without the number in their names.
        size: the bytes of a content of which nothing but its digest was told.
    """
    digest = re.match(r"\s*\\?([0-9a-f]{64}) ", out_of(own, "digest"))
    if not digest:
        return None
    form = parse_env_file(out_of(own, "form"))
    counted = out_of(own, "size").strip()
    report = own.get("report")
    has_skeleton = "skeleton" in own and not own["skeleton"].rc
    return Content(
        size=int(counted) if re.match(r"[0-9]{1,15}\Z", counted) else size,
        sha256=digest[1],
        form="empty" if counted == "0" else printable(form.get("class", "")),
        counts={
            name: int(value) for name, value in form.items() if name != "class" and re.match(r"[0-9]{1,9}\Z", value)
        },
        # after a backslash it is none
        variables=[printable(name[1:], limit=20) for name in out_of(own, "variables").split() if name.startswith("$")],
        skeleton=parse_skeleton(own["skeleton"].out) if has_skeleton else None,
        validation=report.rc if report else None,
        findings=parse_findings(report.out) if report else (),
        keys=parse_keys(out_of(own, "keys")),
    )
