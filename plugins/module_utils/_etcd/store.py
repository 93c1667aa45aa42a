# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""etcd as a host reaches it: one round trip reads a key, one writes it. curl is all that the host needs for it."""

from __future__ import annotations

import base64
import secrets
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd import api as etcd
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    printable,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host, Section

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


# Reading


def look(host: Host, connection: Connection, endpoints: t.Sequence[str], key: str, warnings: list[str]) -> Store:
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
                failures.append(f"{endpoint}: {found.node.sentence} {_next_step(found.node, connection)}".strip())
        elif f"peer_{number}" in answer:
            reply = etcd.parse_reply(answer[f"peer_{number}"].out)
            cluster_id = etcd.identity(reply).cluster_id if reply else ""
        else:
            cluster_id = ""
            failures.append(f"{endpoint}: {found}")
        for other, other_id in clusters.items():
            if cluster_id and other_id != cluster_id:
                raise several_clusters(endpoint, cluster_id, f"{other_id} of {other}")
        if cluster_id:
            clusters[endpoint] = cluster_id
    if store is None:
        raise RemediationError(
            f"'{key}' could not be read from etcd, and nothing was changed. {' '.join(failures)}",
            endpoints=list(endpoints),
        )
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
    # the last base path that was tried is the one that counts
    base = next((b for b in ("v3alpha", "v3beta", "v3", "v2") if f"read_{number}_{b}" in answer), None)
    if not isinstance(version, str) or base is None:
        return (
            f"What listens there is not etcd 2 or later: it answers HTTP {reply.status} "
            f"'{printable(reply.body, limit=80)}'. Correct endpoints."
        )
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
    "v2-off": "Use api: v3, if the readers of the key do; flannel does from 0.18 on.",
    "v3-off": "Use api: v2, or name an etcd of version 3.0 or later.",
    "no-quorum": "Bring the other members back first.",
    "auth": "Check username and password, and what that user may do.",
    "parent-is-value": "Choose another key, or remove that value by hand.",
    "redirect": "Name that address among the endpoints.",
}


def _next_step(node: etcd.Node, connection: Connection) -> str:
    if node.error == "auth" and not connection.username:
        return "Give username and password."
    if node.error == "v3-off" and connection.api == "auto":
        return "Its v2 API is off as well: switch one of them on."
    return _NEXT_STEPS.get(node.error, "")


def several_clusters(endpoint: str, cluster_id: str, other: str) -> RemediationError:
    return RemediationError(
        f"{endpoint} belongs to the cluster {cluster_id}, and not to the cluster {other}: the endpoints are not of "
        "one etcd, and nothing was changed. Name only the members of one cluster."
    )


# Writing


def write(host: Host, connection: Connection, store: Store, wish: etcd.Wish, node: etcd.Node) -> Attempt:
    """Send the one write, once, and read the key again, all in one round trip."""
    v2 = store.api == "v2"
    # an id of our own choice, so that the transaction need not wait for etcd's; unused it ends by itself
    lease = secrets.randbits(62) + 1 if wish.ttl is not None and not v2 else 0
    request = etcd.write_request_v2(wish, node) if v2 else etcd.write_request_v3(wish, node, lease=lease)
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
            "WRITE_METHOD": request.method,
            "WRITE_PATH": request.path,
            "WRITE": request.body,
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


def _quoted(text: str) -> str:
    """Return a text as curl's config file format quotes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
