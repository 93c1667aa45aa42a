# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""etcd's v2 and v3 APIs as pure functions: what to send, what an answer means, what to do next."""

from __future__ import annotations

import base64
import json
import typing as t
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable


@dataclass(frozen=True)
class Reply:
    """One HTTP answer: status code, headers by lower-case name, body as text."""

    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> dict[str, t.Any] | None:
        """Return the body's JSON object, or None where it is none."""
        try:
            # curl prints the trailers of a chunked answer right behind its body
            document, _end = json.JSONDecoder().raw_decode(self.body.lstrip())
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None


@dataclass(frozen=True)
class Node:
    """What is at a key, as one answer tells it.

    Attributes:
        kind: C(value), C(directory) (v2 only), C(absent), or C(error): the answer does not tell.
        value: the key's text. Hostile; bytes that are no UTF-8 are surrogate escapes.
        index: modifiedIndex (v2) or mod_revision (v3) of the value, at least 1.
        expires: the value has a time to live.
        ttl: the seconds left of it, where the answer says so.
        missing: C(absent), v2: the first ancestor that does not exist, or the key itself. Hostile.
        error: C(error): one word for programs: C(v2-off), C(v3-off), C(no-quorum), C(auth), C(parent-is-value),
            C(redirect), C(not-etcd), C(refused).
        sentence: C(error): what was seen and what it means, for people; a full sentence, printable.
    """

    kind: str
    value: str = ""
    index: int = 0
    expires: bool = False
    ttl: int | None = None
    missing: str = ""
    error: str = ""
    sentence: str = ""


def parse_reply(text: str) -> Reply | None:
    """Return the answer that C(curl --include) printed, or None where it is no HTTP answer.

    Interim answers (100 Continue) are passed over.
    """
    rest = text.replace("\r\n", "\n").lstrip("\n")
    while True:
        head, _blank, body = rest.partition("\n\n")
        status_line, *lines = head.split("\n")
        version, _space, after = status_line.partition(" ")
        code = after[:3]
        if not version.startswith("HTTP/") or not (code.isascii() and code.isdigit()):
            return None
        if code[0] == "1" and body.startswith("HTTP/"):
            rest = body
            continue
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _colon, value in pairs}
        return Reply(status=int(code), headers=headers, body=body)


def read_v2(reply: Reply) -> Node:
    """Return what the answer to C(GET /v2/keys/KEY) says."""
    document = reply.json()
    if document is None or not ("node" in document or "errorCode" in document):
        return _not_v2(reply)
    if "errorCode" in document:
        return _error_v2(reply, document)
    node = document["node"]
    if not isinstance(node, dict):
        return _not_etcd(reply)
    if node.get("dir") is True:
        return Node("directory")
    value, index = node.get("value", ""), node.get("modifiedIndex")
    if not isinstance(value, str) or not _is_index(index):
        return _not_etcd(reply)
    ttl = node.get("ttl")
    return Node(
        "value",
        value=value,
        index=int(t.cast(int, index)),
        expires="expiration" in node or "ttl" in node,
        ttl=ttl if _is_index(ttl) else None,
    )


def _error_v2(reply: Reply, document: dict[str, t.Any]) -> Node:
    code, said = document["errorCode"], _said(document)
    cause = str(document.get("cause", ""))
    if code == 100:
        return Node("absent", missing=cause)
    if code == 104:
        return _error(
            "parent-is-value",
            f"'{printable(cause)}' holds a value and is no directory, so nothing can exist below it.",
        )
    if code == 110 or reply.status in (401, 403):
        return _error("auth", f"It does not let this user in (HTTP {reply.status}: {said}).")
    if reply.status >= 500:
        return _error("no-quorum", _NO_QUORUM.format(status=reply.status, said=said))
    return _error("refused", f"It refused the request (HTTP {reply.status}: {said}).")


def _not_v2(reply: Reply) -> Node:
    if reply.status == 404:
        return _error(
            "v2-off",
            f"Its v2 API is switched off or gone (/v2/keys answers HTTP 404 '{printable(reply.body, limit=60)}').",
        )
    if reply.status == 401:
        return _error("auth", f"It does not let this user in (HTTP 401: '{printable(reply.body, limit=60)}').")
    return _not_etcd(reply)


def read_v3(reply: Reply) -> Node:
    """Return what the answer to C(POST /v3/kv/range) for one key says."""
    document = reply.json()
    if document is None and reply.status == 404:
        return _error("v3-off", "It has no v3 JSON API, or it is switched off (HTTP 404).")
    if document is None:
        return _not_etcd(reply)
    if "header" not in document:
        return _error_v3(reply, document)
    kvs = document.get("kvs")
    if not kvs:  # zero, false and empty are left out of what v3 answers
        return Node("absent")
    try:
        value = base64.b64decode(kvs[0].get("value", ""), validate=True)
        index, lease = int(kvs[0]["mod_revision"]), int(kvs[0].get("lease", 0))
    except (AttributeError, KeyError, LookupError, TypeError, ValueError):
        return _not_etcd(reply)
    if index < 1:
        return _not_etcd(reply)
    return Node("value", value=value.decode("utf-8", "surrogateescape"), index=index, expires=lease != 0)


def error_v3(reply: Reply) -> Node:
    """Return what an answer of v3 that is not the wanted one says: always a Node of kind C(error)."""
    return _error_v3(reply, reply.json() or {})


def _error_v3(reply: Reply, document: dict[str, t.Any]) -> Node:
    code, said = document.get("code"), _said(document)
    if not isinstance(code, int):
        return _not_etcd(reply)
    # a missing or a wrong password is "invalid argument" (3) like many another thing: only the words differ
    about_the_user = code == 3 and ("user name" in said or "authentication" in said)
    if code in (7, 16) or about_the_user:
        return _error("auth", f"It does not let this user in (HTTP {reply.status}: {said}).")
    if code in (4, 14) or reply.status >= 500:
        return _error("no-quorum", _NO_QUORUM.format(status=reply.status, said=said))
    return _error("refused", f"It refused the request (HTTP {reply.status}: {said}).")


def seconds_left(reply: Reply) -> int | None:
    """Return the seconds left as the answer to C(POST /v3/kv/lease/timetolive) tells them."""
    try:
        seconds = int((reply.json() or {})["TTL"])
    except (KeyError, TypeError, ValueError):
        return None
    return seconds if seconds >= 0 else None


@dataclass(frozen=True)
class Identity:
    """Who answered: the cluster's and the member's id in hexadecimal, the member's name. Unknown is empty.

    Hostile, but free of control characters.
    """

    cluster_id: str = ""
    member_id: str = ""
    member_name: str = ""


def identity(reply: Reply) -> Identity:
    """Return who gave an answer, as far as that answer tells: any v2 key, stats/self, any v3, member/list."""
    document = reply.json() or {}
    header = document.get("header")
    if not isinstance(header, dict):  # v2
        return Identity(
            cluster_id=printable(reply.headers.get("x-etcd-cluster-id", "")),
            member_id=printable(str(document.get("id", ""))),
            member_name=printable(str(document.get("name", ""))),
        )
    members = document.get("members")
    names = [
        printable(str(member.get("name", "")))
        for member in (members if isinstance(members, list) else [])
        if isinstance(member, dict) and member.get("ID") == header.get("member_id")
    ]
    return Identity(
        cluster_id=_hexadecimal(header.get("cluster_id")),
        member_id=_hexadecimal(header.get("member_id")),
        member_name=names[0] if names else "",
    )


def _hexadecimal(number: object) -> str:
    text = str(number or "")
    return format(int(text), "x") if text.isascii() and text.isdigit() and len(text) < 21 else ""


_NO_QUORUM = (
    "It has no quorum: most members of its cluster are down or cannot be reached, so it can neither read "
    "reliably nor write (HTTP {status}: {said})."
)


def _not_etcd(reply: Reply) -> Node:
    seen = printable(reply.body, limit=80)
    if 300 <= reply.status < 400:
        target = printable(reply.headers.get("location", ""), limit=120)
        return _error("redirect", f"It sends requests elsewhere (HTTP {reply.status} to '{target}').")
    return _error("not-etcd", f"It does not answer as etcd does (HTTP {reply.status}, '{seen}').")


def _error(word: str, sentence: str) -> Node:
    return Node("error", error=word, sentence=sentence)


def _said(document: dict[str, t.Any]) -> str:
    words = str(document.get("message") or document.get("error") or "no message")
    cause = str(document.get("cause") or "")
    code = document.get("errorCode", document.get("code", "?"))
    return printable(f"code {code}, {words}" + (f": {cause}" if cause else ""), limit=200)


def _is_index(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


# What is wished, and what follows from what is there


@dataclass(frozen=True)
class Wish:
    """What a key shall be.

    Attributes:
        key: C(/a/b), no empty segment, no slash at its end.
        value: the text it shall hold; None: it shall not exist.
        replace: another value may be replaced.
        ttl: seconds a written value lives; None: for ever.
        expected_value, expected_index: what is there must be this, or nothing is written.
    """

    key: str
    value: str | None
    replace: bool = False
    ttl: int | None = None
    expected_value: str | None = None
    expected_index: int | None = None


@dataclass(frozen=True)
class Decision:
    """What to do: C(none), C(create), C(replace), C(delete), or C(refuse) with a sentence that says why."""

    action: str
    sentence: str = ""


def decide(wish: Wish, node: Node) -> Decision:
    """Return what to do about a wish where the key is as given (any kind but C(error))."""
    guarded = wish.expected_value is not None or wish.expected_index is not None
    if node.kind == "directory":
        return Decision(
            "refuse",
            f"'{wish.key}' is a directory, and a directory is never replaced or removed here. "
            "Look at what is in it, and remove it by hand or choose another key.",
        )
    if node.kind == "absent":
        if wish.value is None:
            return Decision("none")
        if guarded:
            return Decision(
                "refuse",
                f"'{wish.key}' does not exist, so it is not what was expected there. "
                "Leave out expected_value and expected_index to create it.",
            )
        return Decision("create")
    if wish.value is not None:
        settled = equal(wish.value, node.value) and node.expires == (wish.ttl is not None)
        if settled or not wish.replace:
            return Decision("none")
    if wish.expected_index not in (None, node.index):
        return Decision(
            "refuse",
            f"'{wish.key}' was last written at index {node.index}, not at the expected {wish.expected_index}. "
            "Look at what it holds now, then decide again.",
        )
    if wish.expected_value is not None and not equal(wish.expected_value, node.value):
        return Decision(
            "refuse",
            f"'{wish.key}' does not hold the expected value (it was last written at index {node.index}). "
            "Look at what it holds now, then decide again.",
        )
    return Decision("delete" if wish.value is None else "replace")


def differs(wish: Wish, node: Node) -> bool:
    """Return whether the key is not as wished; a time to live does not count."""
    if wish.value is None:
        return node.kind != "absent"
    return node.kind != "value" or not equal(wish.value, node.value)


def equal(one: str, other: str) -> bool:
    """Return whether two values say the same: the same text, or two equal JSON objects or arrays."""
    if one == other:
        return True
    text = canonical(one)
    return text is not None and text == canonical(other)


def canonical_json(document: t.Any) -> str:
    """Return the one JSON text of a dict or list: sorted keys, no spaces. ValueError or TypeError: there is none."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(text: str) -> str | None:
    """Return the one JSON text of what is an object or array in JSON, or None where it is neither."""
    # compared as text, since to Python 1, 1.0 and true are equal
    try:
        document = json.loads(text)
        return canonical_json(document) if isinstance(document, (dict, list)) else None
    except (ValueError, TypeError, RecursionError):
        return None


# What to send


@dataclass(frozen=True)
class Request:
    """One HTTP request: method, path below the endpoint (v3: below the API's base path), body."""

    method: str
    path: str
    body: str = ""


def read_request_v2(key: str) -> Request:
    return Request("GET", f"/v2/keys{quote(key)}?quorum=true")


def read_request_v3(key: str) -> Request:
    return _post("/kv/range", key=_base64(key))


def login_request_v3(username: str, password: str) -> Request:
    return _post("/auth/authenticate", name=username, password=password)


def lease_request_v3(lease: int, ttl: int) -> Request:
    return _post("/lease/grant", ID=str(lease), TTL=str(ttl))


def write_request_v2(wish: Wish, node: Node) -> Request:
    """Return the one atomic write that makes the wish true: only if the key is still as it was read."""
    guard = "prevExist=false" if node.kind == "absent" else f"prevIndex={_guarding_index(node)}"
    path = f"/v2/keys{quote(wish.key)}?{guard}"
    if wish.value is None:
        return Request("DELETE", path)
    ttl = "" if wish.ttl is None else f"&ttl={wish.ttl}"
    return Request("PUT", path, f"value={quote(wish.value, safe='')}{ttl}")


def write_request_v3(wish: Wish, node: Node, *, lease: int = 0) -> Request:
    """Return the same as a transaction. A written value hangs on the lease, if one is given (not 0)."""
    key = _base64(wish.key)
    compare: dict[str, str] = {"key": key, "result": "EQUAL"}
    if node.kind == "absent":
        compare.update(target="CREATE", create_revision="0")
    else:
        compare.update(target="MOD", mod_revision=str(_guarding_index(node)))
    operation: dict[str, t.Any]
    if wish.value is None:
        operation = {"request_delete_range": {"key": key}}
    else:
        put = {"key": key, "value": _base64(wish.value)}
        operation = {"request_put": dict(put, lease=str(lease)) if lease else put}
    return _post("/kv/txn", compare=[compare], success=[operation])


def _guarding_index(node: Node) -> int:
    if node.index < 1:
        raise AssertionError("etcd takes index 0 for no guard at all")
    return node.index


def _post(path: str, **document: t.Any) -> Request:
    return Request("POST", path, json.dumps(document))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


# What an answer to a write means


@dataclass(frozen=True)
class Written:
    """What became of a write.

    Attributes:
        outcome: C(done); C(lost): the key was no longer as it was read, nothing was written; C(refused): nothing
            was written; C(unknown): it may have been written.
        sentence: what was seen, unless it was done; a full sentence, printable.
    """

    outcome: str
    sentence: str = ""


_LOST = "Another writer came first."


def wrote_v2(reply: Reply) -> Written:
    document = reply.json()
    if document is not None and reply.status in (200, 201) and "node" in document:
        return Written("done")
    if document is not None and document.get("errorCode") in (100, 101, 102, 105):
        return Written("lost", _LOST)
    sentence = read_v2(reply).sentence or _not_etcd(reply).sentence
    return Written("refused" if 300 <= reply.status < 500 else "unknown", sentence)


def wrote_v3(reply: Reply) -> Written:
    document = reply.json()
    if document is not None and reply.status == 200 and "header" in document:
        return Written("done") if document.get("succeeded") is True else Written("lost", _LOST)
    sentence = error_v3(reply).sentence
    return Written("refused" if 300 <= reply.status < 500 else "unknown", sentence)
