# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The units that coreos-cloudinit adds to those of `coreos.units` because of the other sections of `coreos`.

It treats them as the user's own, behind which they stand: first it writes and masks for each unit in turn, then it
calls systemd for each in turn. That is so in 1.4 to 1.14; what is older knows fewer of these services.
"""

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import AskedUnit

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked

SERVICES = {
    "etcd": "etcd.service",
    "etcd2": "etcd2.service",
    "fleet": "fleet.service",
    "locksmith": "locksmithd.service",
}
"""What a section of `coreos` makes a drop-in for."""

_REBOOTING = ("best-effort", "etcd-lock", "reboot")


def all_units(asked: Asked) -> list[AskedUnit]:
    """Return the units of a cloud-config in the order in which coreos-cloudinit takes them."""
    return [*asked.units, *added_units(asked.update)]


def added_units(update: t.Mapping[str, str]) -> list[AskedUnit]:
    """Return the units that are added, without the drop-ins that are made of sections.

    Args:
        update: the keys of `coreos.update` that have a value, with `_` in them, and their values as far as told.
    """
    # with or without their sections, so that a mask of theirs in /run does not outlive a run
    added = [AskedUnit(service, runtime=True, section=section) for section, service in SERVICES.items()]
    strategy = update.get("reboot_strategy")
    if strategy == "off":
        added.append(AskedUnit("locksmithd.service", "stop", mask=True, runtime=True, section="update"))
    elif strategy in _REBOOTING:
        added.append(AskedUnit("locksmithd.service", "restart", runtime=True, section="update"))
    if "group" in update or "server" in update:
        added.append(AskedUnit("update-engine.service", "restart", section="update"))
    return added
