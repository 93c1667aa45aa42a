# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What etcd_key does: one round trip to read, and only where something must change a second one to write."""

from __future__ import annotations

import base64
import json
import re
import secrets
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils import _etcd as etcd
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    clean,
    printable,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host, Section

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

# curl's exit statuses that say that the request was never sent: the name, or the connection.
_NEVER_SENT = (6, 7)
_TIMED_OUT = (28, 124, 137)
_TOO_LONG = 23
_TLS = (35, 51, 53, 54, 58, 59, 60, 66, 77, 80, 82, 83)

# Everything that a request holds reaches curl through pipes, written by a printf that is part of the shell: keys,
# values and passwords stand in no argument list. Its settings come by standard input, in its config file format, and
# the body by a pipe of its own, since curl takes no config line of more than 100 kB.
_CURL_SH = r"""
AUTHORIZATION=$BASIC

# request METHOD URL BODY: leaves curl's exit status in RC, what it printed in ANSWER, the HTTP status in CODE
request() {
  DATA=
  [ -z "$3" ] || DATA='data-binary = "@/dev/fd/3"'
  ANSWER=$(
    exec 5>&1
    RC=$({
      {
        printf '%s\n' "$COMMON" "request = \"$1\"" "url = \"$2\"" "$AUTHORIZATION" "$DATA" | {
          exec 4<&0
          printf '%s' "$3" | timeout -k 1 "$SECONDS_EACH" curl -q --config - 3<&0 <&4 4<&- 5>&- 6>&-
        }
        printf '%s' "$?" >&6
      } | head -c 4000000 >&5
    } 6>&1)
    exit "$RC"
  )
  RC=$?
  # only ever cut from a short text: a shell takes hours to cut a pattern from an answer of some megabytes
  CODE=$(printf '%.30s' "$ANSWER")
  CODE=${CODE#HTTP/* }
  CODE=$(printf '%.3s' "$CODE")
}

# fetch SECTION METHOD URL BODY: the same, and its answer as a section
fetch() {
  begin "$1"
  request "$2" "$3" "$4"
  printf '%s\n' "$ANSWER"
  finish "$1" "$RC"
}

# pick NAME: the word or number that the last answer's JSON has under a name
pick() {
  printf '%s\n' "$ANSWER" | sed -n "s/.*\"$1\": *\"\([A-Za-z0-9._-]*\)\".*/\1/p"
}

# login SECTION URL: has the next requests carry a token; the token itself stays on the host
login() {
  begin "$1"
  AUTHORIZATION=
  request POST "$2/auth/authenticate" "$LOGIN"
  WORD=$(pick token)
  if [ "$CODE" = 200 ] && [ -n "$WORD" ]; then
    AUTHORIZATION="header = \"Authorization: $WORD\""
  else
    printf '%s\n' "$ANSWER"
  fi
  finish "$1" "$RC"
}

# lease SECTION URL: how long the value of the last answer lives on, if it does not live for ever
lease() {
  LEASE=$(pick lease)
  [ -z "$LEASE" ] || fetch "$1" POST "$2/kv/lease/timetolive" "{\"ID\":\"$LEASE\"}"
}
"""

# Asks the endpoints in their order until one answers for sure. The others are then asked only which cluster they
# belong to, and hardly waited for.
_PROBE_SH = (
    _CURL_SH
    + r"""
set -f
NUMBER=0
FOUND=
for SERVER in $ENDPOINTS; do
  NUMBER=$((NUMBER + 1))
  case $FOUND in
    v2)
      fetch "peer_$NUMBER" GET "$SERVER/v2/members" ''
      continue
      ;;
    v3*)
      fetch "peer_$NUMBER" POST "$SERVER/$FOUND/cluster/member/list" '{}'
      continue
      ;;
  esac
  AUTHORIZATION=$BASIC
  fetch "version_$NUMBER" GET "$SERVER/version" ''
  case $ANSWER in
    *'"etcdserver"'*) ;;
    *) continue ;;
  esac
  if [ "$API" != v3 ]; then
    fetch "read_${NUMBER}_v2" GET "$SERVER$READ_V2_PATH" ''
    case $API$CODE$ANSWER in
      auto404*'"errorCode"'*) FOUND=v2 ;;
      auto404*) ;;
      auto[234]* | v2[234]*) FOUND=v2 ;;
      *) continue ;;
    esac
    [ -z "$FOUND" ] || fetch "self_$NUMBER" GET "$SERVER/v2/stats/self" ''
  fi
  if [ -z "$FOUND" ]; then
    for BASE in v3 v3beta v3alpha; do
      [ -z "$LOGIN" ] || login "login_${NUMBER}_$BASE" "$SERVER/$BASE"
      fetch "read_${NUMBER}_$BASE" POST "$SERVER/$BASE/kv/range" "$READ_V3"
      [ "$CODE" = 404 ] || break
    done
    case $CODE in
      [234]*) FOUND=$BASE ;;
      *) continue ;;
    esac
    lease "lease_$NUMBER" "$SERVER/$BASE"
    fetch "self_$NUMBER" POST "$SERVER/$BASE/cluster/member/list" '{}'
  fi
  COMMON="$COMMON
connect-timeout = 1
max-time = 2"
done
"""
)

# One write, sent once, and the key as it is after it, whatever became of the write.
_WRITE_SH = (
    _CURL_SH
    + r"""
BLOCKED=
[ -z "$LOGIN" ] || login login "$API_URL"
if [ -n "$GRANT" ]; then
  fetch grant POST "$API_URL/lease/grant" "$GRANT"
  [ "$CODE" = 200 ] || BLOCKED=yes
fi
if [ -z "$BLOCKED" ]; then
  fetch write "$WRITE_METHOD" "$API_URL$WRITE_PATH" "$WRITE"
  case $RC in
    6 | 7) ;;
    *)
      fetch read "$READ_METHOD" "$API_URL$READ_PATH" "$READ"
      [ "$API" = v2 ] || lease lease "$API_URL"
      ;;
  esac
fi
"""
)


@dataclass(frozen=True)
class Connection:
    """How to reach etcd from the host: validated options. Paths are the host's."""

    endpoints: tuple[str, ...]
    api: str
    timeout: int
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    validate_certs: bool = True
    username: str = ""
    password: str = ""

    def config(self) -> str:
        """Return the lines of curl's config that every request begins with."""
        lines = [
            "silent",
            "show-error",
            "include",
            "globoff",
            "http1.1",
            'noproxy = "*"',
            'proto = "=http,https"',
            'header = "Expect:"',
            f"max-time = {self.timeout}",
            f"connect-timeout = {min(self.timeout, 5)}",
        ]
        if self.ca_cert:
            lines.append(f"cacert = {_quoted(self.ca_cert)}")
        if self.client_cert:
            # in this one option a colon would begin a passphrase
            certificate = self.client_cert.replace("\\", "\\\\").replace(":", "\\:")
            lines += [f"cert = {_quoted(certificate)}", f"key = {_quoted(self.client_key)}"]
        if not self.validate_certs:
            lines.append("insecure")
        return "\n".join(lines)

    def basic(self) -> str:
        """Return the line that tells v2 the user, or nothing."""
        if not self.username:
            return ""
        words = base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")
        return f'header = "Authorization: Basic {words}"'

    def login(self) -> str:
        """Return the body that logs in to v3, or nothing."""
        return etcd.login_request_v3(self.username, self.password).body if self.username else ""


@dataclass(frozen=True)
class Store:
    """The store that answered: an endpoint, its API, and who it is.

    Attributes:
        endpoint: C(http://host:port).
        base: the API's base path: C(v2), C(v3), C(v3beta) or C(v3alpha).
        version: etcd's version.
        who: the member that answered, and its cluster.
        node: the key, as it was read with quorum.
    """

    endpoint: str
    base: str
    version: str
    who: etcd.Identity
    node: etcd.Node

    @property
    def api(self) -> str:
        return self.base[:2]


@dataclass(frozen=True)
class Attempt:
    """What became of one write.

    Attributes:
        outcome: as in Written, or C(never-sent).
        sentence: why it is not C(done).
        node: the key as it was read after it; None: it could not be read.
    """

    outcome: str
    sentence: str
    node: etcd.Node | None


def ensure(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Bring the key to the wished state. Raises RemediationError."""
    wish = wished(params)
    connection = connected(params)
    left = connection.endpoints
    cluster = ""
    warnings: list[str] = []
    while True:
        store = _probe(host, connection, left, wish.key, warnings)
        if cluster and store.who.cluster_id != cluster:
            raise _several_clusters(store.endpoint, store.who.cluster_id, cluster)
        node = store.node
        for _attempt in range(_ATTEMPTS):
            decision = etcd.decide(wish, node)
            if decision.action == "refuse":
                raise RemediationError(decision.sentence, **_facts(wish.key, store, node))
            if decision.action == "none" or check_mode:
                return _result(wish, store, node, decision.action, check_mode=check_mode, warnings=warnings)
            attempt = _write(host, connection, store, wish, node)
            if attempt.outcome == "never-sent":
                break
            if _happened(attempt, wish, node, warnings):
                after = attempt.node
                return _result(wish, store, node, decision.action, after=after, warnings=warnings)
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


# Reading


def _probe(host: Host, connection: Connection, endpoints: t.Sequence[str], key: str, warnings: list[str]) -> Store:
    """Read the key with quorum from the first endpoint that can tell. Raises RemediationError."""
    read_v2, read_v3 = etcd.read_request_v2(key), etcd.read_request_v3(key)
    answer = ask(
        host,
        _PROBE_SH,
        needs=["curl", "head", "sed"],
        variables={
            "ENDPOINTS": " ".join(endpoints),
            "API": connection.api,
            "COMMON": connection.config(),
            "SECONDS_EACH": str(connection.timeout + 2),
            "BASIC": connection.basic(),
            "READ_V2_PATH": read_v2.path,
            "READ_V3": read_v3.body,
            "LOGIN": connection.login(),
        },
    )
    failures: list[str] = []
    clusters: dict[str, str] = {}
    store: Store | None = None
    for number, endpoint in enumerate(endpoints, start=1):
        found = _store(answer, number, endpoint, connection)
        if isinstance(found, Store):
            cluster_id = found.who.cluster_id
            if found.node.kind != "error":
                store = store or found
            else:
                failures.append(f"{endpoint}: {found.node.sentence}{_next_step(found.node, connection)}")
        elif f"peer_{number}" in answer:
            reply = etcd.parse_reply(answer[f"peer_{number}"].out)
            cluster_id = etcd.identity(reply).cluster_id if reply else ""
        else:
            cluster_id = ""
            failures.append(f"{endpoint}: {found}")
        for other, other_id in clusters.items():
            if cluster_id and other_id != cluster_id:
                raise _several_clusters(f"{endpoint}", cluster_id, f"{other_id} of {other}")
        if cluster_id:
            clusters[endpoint] = cluster_id
    if store is None:
        raise RemediationError(_unanswered(key, failures), endpoints=list(endpoints))
    warnings += [f"Another endpoint was asked first. {failure}" for failure in failures]
    if _login_was_off(answer):
        warnings.append(f"{store.endpoint} has authentication switched off: username and password were not checked.")
    return store


def _store(answer: Answer, number: int, endpoint: str, connection: Connection) -> Store | str:
    """Return what one endpoint told, or in a sentence why it told nothing."""
    section = answer.get(f"version_{number}")
    if section is None:
        return "It was not asked."
    reply = etcd.parse_reply(section.out)
    if section.rc != 0 or reply is None:
        return _no_answer(section, connection)
    version = (reply.json() or {}).get("etcdserver")
    if not isinstance(version, str):
        return (
            f"What listens there is not etcd 2 or later: it answers HTTP {reply.status} "
            f"'{printable(reply.body, limit=80)}'. Correct endpoints."
        )
    base = next(b for b in ("v3alpha", "v3beta", "v3", "v2") if f"read_{number}_{b}" in answer)
    section = answer[f"read_{number}_{base}"]
    reply = etcd.parse_reply(section.out)
    if section.rc != 0 or reply is None:
        return _no_answer(section, connection)
    node = _read(reply, base, answer.get(f"lease_{number}"))
    who = etcd.identity(reply)
    self_reply = etcd.parse_reply(answer[f"self_{number}"].out) if f"self_{number}" in answer else None
    if self_reply is not None:
        told = etcd.identity(self_reply)
        who = etcd.Identity(who.cluster_id, who.member_id or told.member_id, told.member_name)
    login = answer.get(f"login_{number}_{base}")
    if login is not None and node.kind == "error":
        login_reply = etcd.parse_reply(login.out)
        if login_reply is not None and login_reply.status != 200:
            node = etcd.error_v3(login_reply)
    return Store(endpoint, base, printable(version), who, node)


def _read(reply: etcd.Reply, base: str, lease: Section | None) -> etcd.Node:
    if base == "v2":
        return etcd.read_v2(reply)
    node = etcd.read_v3(reply)
    lease_reply = etcd.parse_reply(lease.out) if lease else None
    return replace(node, ttl=etcd.seconds_left(lease_reply)) if lease_reply and node.expires else node


def _login_was_off(answer: Answer) -> bool:
    replies = [etcd.parse_reply(section.out) for name, section in answer.items() if name.startswith("login_")]
    return any(reply is not None and (reply.json() or {}).get("code") == 9 for reply in replies)


def _no_answer(section: Section, connection: Connection) -> str:
    """Return in a sentence why curl has no answer to show."""
    words = printable(section.err) or f"curl ended with status {section.rc}"
    if section.rc in _TIMED_OUT:
        return (
            f"It did not answer within the {connection.timeout} s of timeout ({words}). "
            "Look at etcd and at the network there, or raise timeout."
        )
    if section.rc == _TOO_LONG:
        return "It answers with more than 4 MB, which is no key of etcd's."
    if section.rc in _TLS or "SSL" in words or "alert" in words:
        files = [
            f"{name} {path}"
            for name, path in (
                ("ca_cert", connection.ca_cert),
                ("client_cert", connection.client_cert),
                ("client_key", connection.client_key),
            )
            if path
        ]
        return f"TLS failed ({words}), with {', '.join(files) or 'no certificate files given'}. Check the files."
    if section.rc == 0:
        return f"It does not answer in HTTP ('{printable(section.out, limit=80)}'). Correct endpoints."
    return f"It could not be asked ({words}). Start etcd there, or correct endpoints."


_NEXT_STEPS = {
    "v2-off": " Use api: v3, if the readers of the key do; flannel does from 0.18 on.",
    "v3-off": " Use api: v2, or name an etcd of version 3.0 or later.",
    "no-quorum": " Bring the other members back first.",
    "auth": " Check username and password, and what that user may do.",
    "parent-is-value": " Choose another key, or remove that value by hand.",
    "redirect": " Name that address among the endpoints.",
}


def _next_step(node: etcd.Node, connection: Connection) -> str:
    if node.error == "auth" and not connection.username:
        return " Give username and password."
    return _NEXT_STEPS.get(node.error, "")


def _unanswered(key: str, failures: t.Sequence[str]) -> str:
    what = f"'{key}' could not be read from etcd, and nothing was changed."
    return f"{what} {' '.join(failures)}"


def _several_clusters(endpoint: str, cluster_id: str, other: str) -> RemediationError:
    return RemediationError(
        f"{endpoint} belongs to the cluster {cluster_id}, and not to the cluster {other}: the endpoints are not of "
        "one etcd, and nothing was changed. Name only the members of one cluster."
    )


# Writing


def _write(host: Host, connection: Connection, store: Store, wish: etcd.Wish, node: etcd.Node) -> Attempt:
    """Send the one write, once, and read the key again, all in one round trip."""
    v2 = store.api == "v2"
    # an id of our own choice, so that the transaction need not wait for etcd's; unused it ends by itself
    lease = secrets.randbits(62) + 1 if wish.ttl is not None and not v2 else 0
    write = etcd.write_request_v2(wish, node) if v2 else etcd.write_request_v3(wish, node, lease=lease)
    read = etcd.read_request_v2(wish.key) if v2 else etcd.read_request_v3(wish.key)
    answer = ask(
        host,
        _WRITE_SH,
        needs=["curl", "head", "sed"],
        variables={
            "API": store.api,
            "API_URL": store.endpoint if v2 else f"{store.endpoint}/{store.base}",
            "COMMON": connection.config(),
            "SECONDS_EACH": str(connection.timeout + 2),
            "BASIC": connection.basic() if v2 else "",
            "LOGIN": "" if v2 else connection.login(),
            "GRANT": etcd.lease_request_v3(lease, wish.ttl).body if lease and wish.ttl else "",
            "WRITE_METHOD": write.method,
            "WRITE_PATH": write.path,
            "WRITE": write.body,
            "READ_METHOD": read.method,
            "READ_PATH": read.path,
            "READ": read.body,
        },
    )
    if "write" not in answer:
        reply = etcd.parse_reply(answer["grant"].out)
        sentence = etcd.error_v3(reply).sentence if reply else _no_answer(answer["grant"], connection)
        return Attempt("refused", sentence, None)
    written = _written(answer["write"], connection, v2=v2)
    reply = etcd.parse_reply(answer["read"].out) if "read" in answer and answer["read"].rc == 0 else None
    after = _read(reply, store.base, answer.get("lease")) if reply else None
    return Attempt(written.outcome, written.sentence, after if after and after.kind != "error" else None)


def _written(section: Section, connection: Connection, *, v2: bool) -> etcd.Written:
    if section.rc in _NEVER_SENT:
        return etcd.Written("never-sent", _no_answer(section, connection))
    reply = etcd.parse_reply(section.out)
    if section.rc != 0 or reply is None:
        return etcd.Written("unknown", _no_answer(section, connection))
    return etcd.wrote_v2(reply) if v2 else etcd.wrote_v3(reply)


def _happened(attempt: Attempt, wish: etcd.Wish, before: etcd.Node, warnings: list[str]) -> bool:
    """Return whether the write was done, and warn where that is not plain."""
    if attempt.outcome == "done":
        if attempt.node is None:
            warnings.append(f"etcd confirmed the write of '{wish.key}', but it could not be read again.")
        elif etcd.differs(wish, attempt.node):
            warnings.append(f"Another writer has changed '{wish.key}' since it was written here.")
        return True
    if attempt.outcome == "unknown" and attempt.node is not None:
        there = not etcd.differs(wish, attempt.node) and attempt.node != before
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
    try:
        value = json.loads(node.value)
    except (ValueError, RecursionError):
        value = None
    shown: dict[str, t.Any] = {"value": value if isinstance(value, (dict, list)) else clean(node.value)}
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


def _quoted(text: str) -> str:
    """Return a text as curl's config file format quotes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
