# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What etcd_key does: one round trip to read, and only where something must change a second one to write."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd import api as etcd
from ansible_collections.container_linux.remediation.plugins.module_utils._etcd.store import (
    Attempt,
    Connection,
    Store,
    look,
    several_clusters,
    write,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    clean,
    printable,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "key": {"type": "str", "required": True, "no_log": False},
        "value": {"type": "raw"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "policy": {"type": "str", "choices": ["keep", "replace"], "default": "keep"},
        "expected_value": {"type": "raw"},
        "expected_index": {"type": "int"},
        "ttl": {"type": "int"},
        "api": {"type": "str", "choices": ["auto", "v2", "v3"], "default": "auto"},
        "endpoints": {"type": "list", "elements": "str", "default": ["http://127.0.0.1:2379"]},
        "ca_cert": {"type": "str"},
        "client_cert": {"type": "str"},
        "client_key": {"type": "str", "no_log": False},
        "validate_certs": {"type": "bool", "default": True},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "timeout": {"type": "int", "default": 10},
    },
    "required_if": [("state", "present", ("value",))],
    "required_together": [("client_cert", "client_key"), ("username", "password")],
}

# How often a write is tried anew after another writer came first.
_ATTEMPTS = 5


def ensure(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Bring the key to the wished state. Raises RemediationError."""
    wish = wished(params)
    connection = connected(params)
    left = connection.endpoints
    cluster = ""
    warnings: list[str] = []
    while True:
        store = look(host, connection, left, wish.key, warnings)
        if cluster and store.who.cluster_id != cluster:
            raise several_clusters(store.endpoint, store.who.cluster_id, cluster)
        node = store.node
        for _attempt in range(_ATTEMPTS):
            decision = etcd.decide(wish, node)
            if decision.action == "refuse":
                raise RemediationError(decision.sentence, **_facts(wish.key, store, node))
            if decision.action == "none" or check_mode:
                return _result(wish, store, node, decision.action, check_mode=check_mode, warnings=warnings)
            attempt = write(host, connection, store, wish, node)
            if attempt.outcome == "never-sent":
                break
            if _happened(attempt, wish, node, warnings):
                return _result(wish, store, node, decision.action, after=attempt.node, warnings=warnings)
            if attempt.outcome in ("refused", "unknown") or attempt.node is None:
                raise _not_written(attempt, wish, store)
            node = attempt.node
        else:
            raise RemediationError(
                f"'{wish.key}' was changed by another writer each of the {_ATTEMPTS} times it was about to be "
                f"written, so nothing was written. Find out who writes it, then run again.",
                **_facts(wish.key, store, node),
            )
        # nothing was sent, so the next endpoint may be asked, if it is of the same cluster
        cluster = store.who.cluster_id
        warnings.append(f"{store.endpoint} answered, but no longer when the key was to be written.")
        left = tuple(endpoint for endpoint in left if endpoint != store.endpoint)
        if not left:
            raise RemediationError(
                f"{store.endpoint} answered, but no longer when '{wish.key}' was to be written, and nothing was "
                f"written. {attempt.sentence}",
                **_facts(wish.key, store, node),
            )


# Options


def wished(params: dict[str, t.Any]) -> etcd.Wish:
    """Return what the options wish for. Raises RemediationError."""
    key = params["key"]
    if not _is_key(key):
        raise RemediationError(
            f"The key '{printable(key)}' cannot be used: it must begin with '/', hold no control character and no "
            "empty, '.' or '..' part, and not end with '/'. Write it as etcd shows it, such as "
            "/coreos.com/network/config."
        )
    present = params["state"] == "present"
    guards = [name for name in ("expected_value", "expected_index") if params[name] is not None]
    if present and guards and params["policy"] == "keep":
        raise RemediationError(
            f"{guards[0]} says which value may be replaced, and policy is keep, which replaces none. "
            "Set policy to replace."
        )
    for name in ("value", "ttl"):
        if not present and params[name] is not None:
            raise RemediationError(
                f"{name} has no meaning where state is absent. Leave it out; expected_value names the only value "
                "that may be removed."
            )
    for name in ("ttl", "expected_index"):
        if params[name] is not None and not 1 <= params[name] < 2**63:
            raise RemediationError(f"{name} is {params[name]}, and must be at least 1. Correct it or leave it out.")
    return etcd.Wish(
        key=key,
        value=value_text(params["value"], "value") if present else None,
        replace=params["policy"] == "replace",
        ttl=params["ttl"],
        expected_value=(
            None if params["expected_value"] is None else value_text(params["expected_value"], "expected_value")
        ),
        expected_index=params["expected_index"],
    )


def _is_key(key: str) -> bool:
    plain = clean(key) == key and "\n" not in key and "\t" not in key
    return plain and key.startswith("/") and not any(part in ("", ".", "..") for part in key.split("/")[1:])


def value_text(value: t.Any, option: str) -> str:
    """Return the text that a value is stored as. Raises RemediationError."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, (dict, list)):
        try:
            text = etcd.canonical_json(value)
        except (TypeError, ValueError, RecursionError) as exc:
            raise RemediationError(
                f"{option} cannot be written as JSON: {printable(str(exc))}. Correct it, or give it as text."
            ) from exc
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise RemediationError(
            f"{option} is of type {type(value).__name__}, which has more than one way to be written as text. "
            "Give it in quotes, or as a dict or list."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RemediationError(
            f"{option} holds bytes that are no text in UTF-8. etcd's keys are read as text: encode it first."
        ) from None
    return text


def connected(params: dict[str, t.Any]) -> Connection:
    """Return how to reach etcd. Raises RemediationError."""
    timeout = params["timeout"]
    if not 1 <= timeout <= 3600:
        raise RemediationError(f"timeout is {timeout}, and must be 1 to 3600 seconds. Correct it or leave it out.")
    if not params["endpoints"]:
        raise RemediationError("endpoints is empty. Name at least one, such as http://127.0.0.1:2379.")
    for name in ("ca_cert", "client_cert", "client_key"):
        path = params[name]
        if path is not None and (not path.startswith("/") or re.search(r"[\x00-\x1f\x7f]", path)):
            raise RemediationError(
                f"{name} is '{printable(path)}', and must be the absolute path of a file on the host. Correct it."
            )
    username = params["username"] or ""
    if ":" in username:
        raise RemediationError("username holds a colon, which etcd's user names cannot. Correct it.")
    endpoints = [_endpoint(text) for text in params["endpoints"]]
    return Connection(
        endpoints=tuple(dict.fromkeys(endpoints)),
        api=params["api"],
        timeout=timeout,
        ca_cert=params["ca_cert"] or "",
        client_cert=params["client_cert"] or "",
        client_key=params["client_key"] or "",
        validate_certs=params["validate_certs"],
        username=username,
        password=params["password"] or "",
    )


def _endpoint(text: str) -> str:
    plain = re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?/?", text)
    if not plain or not 1 <= int(plain["port"] or 80) <= 65535:
        # what it holds is not shown: it may be a password
        shown = f"'{printable(text)}'" if "@" not in text else "one with '@' in it"
        raise RemediationError(
            f"The endpoint {shown} cannot be used: an endpoint is http:// or https://, a host and a port, such as "
            "http://127.0.0.1:2379. Give a user as username and password, and leave out any path."
        )
    return text.rstrip("/")


# Writing


def _happened(attempt: Attempt, wish: etcd.Wish, before: etcd.Node, warnings: list[str]) -> bool:
    """Return whether the write was done, and warn where that is not plain."""
    if attempt.outcome == "done":
        if attempt.node is None:
            warnings.append(f"etcd confirmed the write of '{wish.key}', but it could not be read again.")
        elif etcd.differs(wish, attempt.node):
            warnings.append(f"Another writer has changed '{wish.key}' since it was written here.")
        return True
    if attempt.outcome == "unknown" and attempt.node is not None:
        written = (attempt.node.kind, attempt.node.index) != (before.kind, before.index)
        there = written and not etcd.differs(wish, attempt.node)
        if there:
            warnings.append(f"The answer to the write of '{wish.key}' was lost; read again, the key is as wished.")
        return there
    return False


def _not_written(attempt: Attempt, wish: etcd.Wish, store: Store) -> RemediationError:
    if attempt.outcome in ("lost", "refused"):
        end = "Nothing was written."
    elif attempt.node is None:
        end = "Whether it was written is unknown, since it could not be read again. Run again: that is safe."
    else:
        end = "Read again, the key is not as wished. Run again: that is safe."
    return RemediationError(
        f"'{wish.key}' could not be written to {store.endpoint}: {attempt.sentence} {end}",
        **_facts(wish.key, store, attempt.node or store.node),
    )


# Results


def _result(
    wish: etcd.Wish,
    store: Store,
    node: etcd.Node,
    action: str,
    *,
    after: etcd.Node | None = None,
    check_mode: bool = False,
    warnings: list[str],
) -> dict[str, t.Any]:
    """Return the result: the key was as in node, and is now, or in check mode would be, as after the action."""
    if action == "none":
        after = node
    elif check_mode or after is None:
        after = _predicted(wish)
    return {
        "changed": action != "none",
        "action": {"create": "created", "replace": "replaced", "delete": "deleted"}.get(action, "none"),
        "differs": etcd.differs(wish, after),
        **_facts(wish.key, store, after),
        "previous": _shown(node) if node.kind == "value" else None,
        "warnings": warnings + (_notes(wish, node) if action == "none" else []),
        "diff": {
            "before_header": clean(wish.key),
            "after_header": clean(wish.key),
            "before": _diffable(node),
            "after": _diffable(after),
        },
    }


def _predicted(wish: etcd.Wish) -> etcd.Node:
    if wish.value is None:
        return etcd.Node("absent")
    return etcd.Node("value", value=wish.value, expires=wish.ttl is not None, ttl=wish.ttl)


def _facts(key: str, store: Store, node: etcd.Node) -> dict[str, t.Any]:
    return {
        "key": clean(key),
        **_shown(node),
        "api": store.api,
        "endpoint": store.endpoint,
        "member": {"id": store.who.member_id, "name": store.who.member_name},
        "cluster_id": store.who.cluster_id,
        "etcd_version": store.version,
    }


def _shown(node: etcd.Node) -> dict[str, t.Any]:
    if node.kind != "value":
        return {"value": None, "index": None, "ttl": None}
    return {"value": clean(node.value), "index": node.index or None, "ttl": node.ttl}


def _diffable(node: etcd.Node) -> dict[str, t.Any]:
    if node.kind != "value":
        return {}
    # as a document, if it is one that can be shown as it is: its lines are then compared one by one
    text = etcd.canonical(node.value)
    shown: dict[str, t.Any] = {"value": json.loads(text) if text and clean(text) == text else clean(node.value)}
    if node.expires:
        shown["expires"] = True
    return shown


def _notes(wish: etcd.Wish, node: etcd.Node) -> list[str]:
    """Return what a person should know of the key as it is now. Values are not told here: they may be secret."""
    if node.kind != "value" or wish.value is None:
        return []
    notes = []
    if etcd.differs(wish, node):
        what = "another value" if node.value else "an empty value"
        notes.append(f"'{wish.key}' holds {what} and was left alone, since policy is keep.")
    if node.expires and wish.ttl is None:
        left = f"in {node.ttl} seconds" if node.ttl is not None else "when its time to live ends"
        notes.append(f"'{wish.key}' vanishes {left}. Use policy: replace without ttl to make it last.")
    if not node.expires and wish.ttl is not None:
        notes.append(f"'{wish.key}' has no time to live, and gets one only with policy: replace.")
    return notes
