# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The keys of a cloud-config that coreos-cloudinit knows, and what is wrong with those of a given one.

It passes over a key that it does not know, and over a value that is of another kind, and ends well all the same.
"""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import Node, plain, root
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import MERGE

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton

Kind = t.Literal["text", "texts", "mapping", "mappings"]

_WORDS = {
    "text": "one value",
    "texts": "a list",
    "mapping": "a mapping",
    "mappings": "a list of mappings",
}


@dataclass(frozen=True)
class Key:
    """What coreos-cloudinit takes under a key.

    Attributes:
        kind: `text`, `texts` (a list of them), `mapping` or `mappings` (a list of them).
        keys: those of the mapping, or of each of the mappings.
        values: those that a text may have, where these are few.
        since: the version that was the first to know it; empty: older than what matters.
    """

    kind: Kind = "text"
    keys: t.Mapping[str, Key] = field(default_factory=dict)
    values: t.Sequence[str] = ()
    since: str = ""


def _texts(names: str, *, since: str = "") -> dict[str, Key]:
    return {name: Key(since=since) for name in names.split()}


_ETCD_LOGIN = _texts("etcd_username etcd_password", since="1.13.0")

_ETCD_BOTH = _texts(
    "advertise_client_urls ca_file cert_file cors data_dir discovery discovery_fallback discovery_proxy discovery_srv "
    "election_timeout force_new_cluster heartbeat_interval initial_advertise_peer_urls initial_cluster "
    "initial_cluster_state initial_cluster_token key_file listen_client_urls listen_peer_urls max_snapshots max_wals "
    "name peer_ca_file peer_cert_file peer_key_file proxy snapshot_count"
)

_ETCD = Key(
    "mapping",
    {
        **_ETCD_BOTH,
        **_texts(
            "addr bind_addr cluster_active_size cluster_remove_delay cluster_sync_interval graphite_host "
            "http_read_timeout http_write_timeout max_result_buffer max_retry_attempts peer_addr peer_bind_addr "
            "peer_election_timeout peer_heartbeat_interval peers peers_file retry_interval snapshot trace verbose "
            "very_verbose very_very_verbose"
        ),
    },
)

_ETCD2 = Key(
    "mapping",
    {
        **_ETCD_BOTH,
        **_texts(
            "client_cert_auth debug enable_pprof log_package_levels peer_client_cert_auth peer_trusted_ca_file "
            "proxy_dial_timeout proxy_failure_wait proxy_read_timeout proxy_refresh_interval proxy_write_timeout "
            "strict_reconfig_check trusted_ca_file wal_dir"
        ),
    },
    since="1.4.0",
)

_FLANNEL = Key(
    "mapping",
    {
        **_ETCD_LOGIN,
        **_texts(
            "etcd_endpoints etcd_cafile etcd_certfile etcd_keyfile etcd_prefix ip_masq subnet_file interface public_ip"
        ),
    },
    since="0.11.0",
)

_FLEET = Key(
    "mapping",
    {
        **_ETCD_LOGIN,
        **_texts(
            "agent_ttl authorized_keys_file disable_engine engine_reconcile_interval etcd_cafile etcd_certfile "
            "etcd_keyfile etcd_key_prefix etcd_request_timeout etcd_servers metadata public_ip token_limit verbosity "
            "verify_units"
        ),
    },
)

_LOCKSMITH = Key(
    "mapping",
    {**_ETCD_LOGIN, **_texts("endpoint etcd_cafile etcd_certfile etcd_keyfile group window_start window_length")},
    since="1.0.2",
)

_UPDATE = Key(
    "mapping",
    {
        # 1.14.0 no longer takes best-effort, and says so itself
        "reboot_strategy": Key(values=("best-effort", "etcd-lock", "reboot", "off")),
        **_texts("group server"),
    },
)

COMMANDS = ("start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "reload-or-try-restart")
"""What coreos-cloudinit can have systemd do with a unit; at any other word it stops."""

_UNIT = Key(
    "mappings",
    {
        "command": Key(values=COMMANDS),
        "drop_ins": Key("mappings", _texts("name content"), since="0.11.0"),
        **_texts("name mask enable runtime content"),
    },
)

_ENCODINGS = ("base64", "b64", "gz", "gzip", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64")

_FILE = Key("mappings", {"encoding": Key(values=_ENCODINGS), **_texts("content owner path permissions")})

_USER = Key(
    "mappings",
    {
        "ssh_authorized_keys": Key("texts"),
        "coreos_ssh_import_github_users": Key("texts"),
        "groups": Key("texts"),
        **_texts(
            "name passwd coreos_ssh_import_github coreos_ssh_import_url gecos homedir no_create_home primary_group "
            "no_user_group system no_log_init shell"
        ),
    },
)

CLOUD_CONFIG = Key(
    "mapping",
    {
        "coreos": Key(
            "mapping",
            {
                "etcd": _ETCD,
                "etcd2": _ETCD2,
                "flannel": _FLANNEL,
                "fleet": _FLEET,
                "locksmith": _LOCKSMITH,
                "oem": Key("mapping", _texts("id name version_id home_url bug_report_url")),
                "update": _UPDATE,
                "units": _UNIT,
            },
        ),
        "hostname": Key(),
        "manage_etc_hosts": Key(values=("localhost",)),
        "ssh_authorized_keys": Key("texts"),
        "users": _USER,
        "write_files": _FILE,
    },
)
"""What coreos-cloudinit 1.11 to 1.14 knows, with `_` in the keys; it takes `-` for `_` in any key."""


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one key: `unknown`, `kind` (its value is of another one) or `value` (it is none of those)."""

    about: t.Literal["unknown", "kind", "value"]
    node: Node
    text: str


def complaints(skeleton: Skeleton, *, version: str = "") -> list[Complaint]:
    """Return what is wrong with the keys of a cloud-config, as far as its skeleton tells.

    Args:
        skeleton: of the cloud-config.
        version: the host's coreos-cloudinit, such as `1.14.0`; empty where that is not known.
    """
    found: list[Complaint] = []
    _check(root(skeleton), CLOUD_CONFIG, "", _numbers(version), found)
    return found


def nearest(key: str, known: t.Iterable[str]) -> str:
    """Return the known key that is most like another, in that one's spelling; empty where none is much like it."""
    match = difflib.get_close_matches(plain(key).lower(), list(known), n=1, cutoff=0.7)
    if not match:
        return ""
    return match[0].replace("_", "-") if "-" in key else match[0]


def _check(node: Node, known: Key, where: str, version: tuple[int, ...], found: list[Complaint]) -> None:
    if not node.is_given or node.is_folded:
        return
    if not _fits(node, known.kind):
        text = f"'{node.key or where}' must be {_WORDS[known.kind]}, and coreos-cloudinit passes over what it is"
        found.append(Complaint("kind", node, f"{text}; write it so."))
        return
    if known.kind == "mapping":
        _check_keys(node, known.keys, where, version, found)
    for item in node.items():
        if known.kind == "mappings" and item.is_mapping:
            _check_keys(item, known.keys, where, version, found)
        elif item.is_given and not item.is_folded and item.is_mapping != (known.kind == "mappings"):
            what = "a mapping" if known.kind == "mappings" else "one value"
            text = f"each item of '{where}' must be {what}, and coreos-cloudinit passes over this one"
            found.append(Complaint("kind", item, f"{text}; write it so."))
    wrong = node.word not in known.values if node.word else node.is_wiped
    if known.values and wrong:
        shown = f"'{node.word}'" if node.word else "its value"
        found.append(
            Complaint(
                "value",
                node,
                f"{shown} is nothing that coreos-cloudinit takes for '{node.key}', and the run would fail; "
                f"give {_one_of(known.values)}.",
            )
        )


def _check_keys(
    node: Node, keys: t.Mapping[str, Key], where: str, version: tuple[int, ...], found: list[Complaint]
) -> None:
    for child in node.children():
        known = keys.get(plain(child.key))
        if known is None:
            if child.key != MERGE:
                found.append(Complaint("unknown", child, _unknown(child.key, keys, where)))
        elif known.since and version and version < _numbers(known.since):
            text = f"the host's coreos-cloudinit does not know '{child.key}' yet and passes over it"
            found.append(
                Complaint(
                    "unknown", child, f"{text}; {known.since} does: leave it out, or update the operating system."
                )
            )
        else:
            _check(child, known, f"{where}.{child.key}" if where else child.key, version, found)


def _fits(node: Node, kind: Kind) -> bool:
    if kind in ("texts", "mappings"):
        return isinstance(node.value, list)
    return node.is_mapping if kind == "mapping" else isinstance(node.value, str)


def _unknown(key: str, keys: t.Mapping[str, Key], where: str) -> str:
    inside = f" in '{where}'" if where else " at the top level"
    if key == "_":
        return f"there is a key{inside} that coreos-cloudinit cannot know, and it passes over it; leave it out."
    told = f"coreos-cloudinit knows no key '{key}'{inside} and passes over it"
    elsewhere = _places(plain(key))
    if elsewhere:
        return f"{told}; it belongs {elsewhere}."
    like = nearest(key, keys)
    return f"{told}; did you mean '{like}'?" if like else f"{told}; leave it out."


def _places(key: str) -> str:
    """Where a key that is in the wrong place belongs; empty where that cannot be told."""
    if key in CLOUD_CONFIG.keys:
        return "at the top level, without indentation"
    if key in CLOUD_CONFIG.keys["coreos"].keys:
        return "into 'coreos'"
    return ""


def _one_of(values: t.Sequence[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else quoted[0]


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else ()
