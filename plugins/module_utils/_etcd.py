# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""etcd's v2 and v3 APIs as pure functions: what to send, what an answer means, what to do next."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable


@dataclass(frozen=True)
class Reply:
    """One HTTP answer: status code, headers by lower-case name, body as text."""

    status: int
    headers: t.Dict[str, str]
    body: str

    def json(self) -> t.Optional[t.Dict[str, t.Any]]:
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
    ttl: t.Optional[int] = None
    missing: str = ""
    error: str = ""
    sentence: str = ""


def parse_reply(text: str) -> t.Optional[Reply]:
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


def _error_v2(reply: Reply, document: t.Dict[str, t.Any]) -> Node:
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


def _said(document: t.Dict[str, t.Any]) -> str:
    words = str(document.get("message") or document.get("error") or "no message")
    cause = str(document.get("cause") or "")
    code = document.get("errorCode", document.get("code", "?"))
    return printable(f"code {code}, {words}" + (f": {cause}" if cause else ""), limit=200)


def _is_index(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
