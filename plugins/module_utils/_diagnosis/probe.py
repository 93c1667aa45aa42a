# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""One read-only look at the whole chain, from etcd to docker: the script, and what it answers.

Nothing here judges: `rules` does.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t
from dataclasses import replace

from ansible_collections.container_linux.remediation.plugins.module_utils import _network
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.case import Case
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.seen import (
    UNITS,
    Member,
    Observation,
    split_url,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._etcd import api as _etcd
from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.settings import (
    DEFAULTS,
    parse_settings,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import parse_jobs, parse_show
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Graph
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import look

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.settings import Settings
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties

ETCD_UNITS = UNITS[5:]

_PROPERTIES = (
    "Id Names LoadState ActiveState SubState Result UnitFileState Job MainPID FragmentPath DropInPaths Type NRestarts "
    "Requires RequiresOverridable Requisite RequisiteOverridable BindsTo Wants RequiredBy WantedBy Environment "
    "EnvironmentFiles ExecStart Listen ActiveEnterTimestampMonotonic ActiveExitTimestampMonotonic"
)

# Not the client of etcd_key, which logs in, writes and takes answers of any size: a look needs no secret, and what it
# costs is what a healthy host costs.
#
# Asks every endpoint in turn for its version and for the key, until one answers for the key; flanneld, too, goes on
# to the next one where nothing or an HTTP 5xx comes back. READS holds the paths to try: that of v2, or, with a BODY,
# those of v3's gateway, which moved from release to release. With -q curl reads no .curlrc of the user's.
_ETCD_SH = r"""
fetch() {
  curl -q -gsSi --noproxy '*' --proto '=http,https' --connect-timeout 2 --max-time "$1" \
    ${CA:+--cacert "$CA"} ${CERT:+--cert "$CERT"} ${CERT_KEY:+--key "$CERT_KEY"} ${3:+--data "$3"} --url "$2" |
    head -c 65536
}

# The three digits of an HTTP answer's status, or nothing where it is no HTTP.
http_status() {
  case $1 in
    HTTP/*) printf '%.3s' "${1#* }" ;;
  esac
}

ask_etcd() {
  begin asked
  printf '%s\n' "$READS" "$BODY" "$CA" "$CERT" "$CERT_KEY" "$ENDPOINTS"
  finish asked 0
  NUMBER=0
  set -f
  IFS=', '
  for ENDPOINT in $ENDPOINTS; do
    unset IFS
    begin "version-$NUMBER"
    FOUND=$(fetch 3 "${ENDPOINT%/}/version")
    printf '%s' "$FOUND"
    finish "version-$NUMBER" 0
    begin "key-$NUMBER"
    for READ in ${FOUND:+$READS}; do
      FOUND=$(fetch 9 "${ENDPOINT%/}$READ" "$BODY")
      [ "$(http_status "$FOUND")" = 404 ] || break
    done
    printf '%s' "$FOUND"
    finish "key-$NUMBER" 0
    case $(http_status "$FOUND") in
      "" | 5*) ;;
      *) break ;;
    esac
    NUMBER=$((NUMBER + 1))
    [ "$NUMBER" -lt 8 ] || break
  done
  set +f
  unset IFS
}
"""

# What flanneld's settings really are is worked out in Python. The script only guesses them, by the last mention of
# each option, to be able to ask etcd in the same round trip; a wrong guess costs a second one.
_PROBE_SH = (
    _ETCD_SH
    + r"""
LINE='
'

# hide [SED OPTION...]: passes text on without the credentials of its URLs
hide() {
  sed -e 's,://[^/@ ]*@,://,g' "$@"
}

# no_secrets: passes text on without passwords either: in an environment, on a command line
no_secrets() {
  hide -e 's/"[A-Z_]*PASSWORD=\(\\.\|[^"\\]\)*"//g' -e 's/\([A-Z_]*PASSWORD=\)[^ ]*/\1/g' \
    -e 's/\(-password[= ]\)[^ ]*/\1/g'
}

pick() {
  printf '%s\n' "$SHOWN" | sed -n "$@"
}

is_active() {
  case $STATES in
    *"$LINE$1${LINE}active$LINE"*) return 0 ;;
  esac
  return 1
}

mentioned() {
  case $SETTINGS in
    *"FLANNELD_$1="* | *"-$2"*)
      printf '%s\n' "$SETTINGS" | sed -n \
        -e "s/.*FLANNELD_$1=[\"']\{0,1\}\([^ \"']*\).*/\1/p" \
        -e "s/.*-$2[= ]\([^ ]*\).*/\1/p" | tail -n 1
      ;;
  esac
}

# show NAME FILE: a file that takes no time to read, as a section
show() {
  begin "$1"
  cat "$2"
  finish "$1" "$?"
}

ask_docker() {
  begin "$1"
  curl -q -gsSi --max-time 3 --unix-socket "$SOCKET" "http://docker$2"
  STATUS=$?
  finish "$1" "$STATUS"
  return "$STATUS"
}

show os /etc/os-release
begin units
# shellcheck disable=SC2086 # properties and units are lists of words
SHOWN=$(timeout -k 1 15 systemctl show --no-pager $PROPERTIES $CHAIN | no_secrets)
printf '%s\n' "$SHOWN"
finish units 0
section jobs 10 systemctl list-jobs --no-legend --no-pager --full

STATES=$LINE$(pick -e 's/^Id=//p' -e 's/^ActiveState=//p')$LINE

# A client on the socket of a docker that is down starts it, so only one that is up is asked.
PINGED=1
if is_active docker.service; then
  # docker.socket is the only socket asked for
  SOCKET=$(pick -e 's,^ListenStream=\(/.*\)$,\1,p' -e 's,^Listen=\(/.*\) (Stream)$,\1,p' | head -n 1)
  SOCKET=${SOCKET:-/var/run/docker.sock}
  DEADLINE=
  until ask_docker ping /_ping; do
    NOW=$(date +%s)
    DEADLINE=${DEADLINE:-$((NOW + WAIT))}
    [ "$NOW" -lt "$DEADLINE" ] || break
    sleep 0.5
  done
  PINGED=$STATUS
fi

SEEN=
SETTINGS=$(pick -e 's/^Environment=//p' -e 's/^ExecStart=//p')
set -f
for FILE in /run/flannel/options.env \
  $(pick -e 's/^EnvironmentFiles\{0,1\}=\(.*\) (ignore_errors=.*/\1/p' \
    -e 's,^Environment=.*FLANNEL_ENV_FILE=\([^ ]*\).*,\1,p' -e 's,^ExecStart=.* --env-file=\(/[^ ]*\).*,\1,p'); do
  case $SEEN in
    *" $FILE "*) continue ;;
  esac
  SEEN="$SEEN $FILE "
  if [ -f "$FILE" ]; then
    begin "file:$FILE"
    TEXT=$(head -c 65536 "$FILE" | hide -e '/PASSWORD/d')
    printf '%s\n' "$TEXT"
    finish "file:$FILE" 0
    SETTINGS="$SETTINGS
$TEXT"
  fi
done
set +f
ENDPOINTS=$(mentioned ETCD_ENDPOINTS etcd-endpoints)
ENDPOINTS=${ENDPOINTS:-$DEFAULT_ENDPOINTS}
PREFIX=$(mentioned ETCD_PREFIX etcd-prefix)
READS=$(printf '/v2/keys/%s/config?quorum=true' "${PREFIX:-$DEFAULT_PREFIX}" | tr -s /)
BODY=
CA=$(mentioned ETCD_CAFILE etcd-cafile)
CERT=$(mentioned ETCD_CERTFILE etcd-certfile)
CERT_KEY=$(mentioned ETCD_KEYFILE etcd-keyfile)
ask_etcd

SUBNET=$(mentioned SUBNET_FILE subnet-file)
SUBNET=${SUBNET:-$DEFAULT_SUBNET}
LEASE=
begin lease
# what is no plain file might never end
[ ! -f "$SUBNET" ] || LEASE=$(head -c 65536 "$SUBNET")
printf '%s\n' "$LEASE"
finish lease 0
show routes /proc/net/route
begin addresses
ADDRESSES=$(cat /proc/net/fib_trie)
printf '%s\n' "$ADDRESSES"
finish addresses 0
# Where docker's bridge is not the one of the lease, it matters whether containers run.
BRIDGE=${LEASE##*FLANNEL_SUBNET=}
case $ADDRESSES in
  *"|-- ${BRIDGE%%/*}$LINE"*) ;;
  *) [ "$PINGED" -ne 0 ] || ask_docker containers /containers/json ;;
esac

if [ "$PINGED" -ne 0 ] || ! is_active flanneld.service; then
  for UNIT in docker.service flanneld.service etcd2.service etcd.service; do
    begin "journal:$UNIT"
    timeout -k 1 10 journalctl -b -q --no-pager -o short-iso -n 25 -u "$UNIT" | hide
    finish "journal:$UNIT" 0
  done
  # the kernel takes a while to list its sockets
  begin listeners
  grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6
  finish listeners 0
  begin sockets
  # shellcheck disable=SC2046 # a list of paths; with a second one, ls names each
  ls -l /proc/self/fd $(pick -e 's,^MainPID=\([1-9][0-9]*\)$,/proc/\1/fd,p')
  finish sockets 0
  section stores 5 ls -d /var/lib/etcd/member /var/lib/etcd2/member
  # A script of the operating system may start flanneld in docker. Of each line that does, joined with those that it
  # continues, the file, the number and the text.
  begin wrapper
  set -f
  for FILE in $(pick -e '/./{H;$!d' -e '}' \
    -e 'x;/\nId=flanneld\.service\n/s/.*\nExecStart={ path=\([^ ;]*\) .*/\1/p'); do
    if [ -f "$FILE" ] && [ "$(head -c 2 "$FILE" | tr -d '\0')" = '#!' ]; then
      head -c 65536 "$FILE" | sed -n -e '/^[[:blank:]]*#/d' -e ':line' -e '/\\$/{N;s/\\\n/ /;b line' -e '}' \
        -e '/docker["'\''}]*[[:blank:]]\(.*[[:blank:]]\)\{0,1\}run[[:blank:]]/b told' \
        -e '/\$[{]*DOCKER[A-Z_]*["'\''}]*[[:blank:]]\(.*[[:blank:]]\)\{0,1\}run[[:blank:]]/b told' \
        -e '/docker\.sock/b told' -e d -e ':told' -e '=;p' | no_secrets | while read -r NUMBER && IFS= read -r TEXT; do
        printf '%s\n%s\n%s\n' "$FILE" "$NUMBER" "$TEXT"
      done
    fi
  done
  set +f
  finish wrapper 0
  # systemd says so of each unit whose start it gave up because another one failed; nothing tries them again
  SAID=$(timeout -k 1 10 journalctl -b -q --no-pager -o cat _PID=1 |
    sed -n -e "/failed with result 'dependency'/p" -e '/ordering cycle/p' | sort -u | head -n 200)
  begin said
  printf '%s\n' "$SAID"
  finish said 0
  begin left
  LEFT=$(printf '%s\n' "$SAID" |
    sed -n "s,.*Job \([A-Za-z0-9:_.@\\-]*\)/start failed with result 'dependency'.*,\1,p" | sort -u | head -n 50)
  # shellcheck disable=SC2086 # a list of units
  [ -z "$LEFT" ] || timeout -k 1 10 systemctl show --no-pager \
    -p Id -p LoadState -p ActiveState -p Requires -p RequiresOverridable \
    -p Requisite -p RequisiteOverridable -p BindsTo -- $LEFT
  finish left 0
fi
"""
)


_V3_BASES = ("v3", "v3beta", "v3alpha")


def observe(host: Host, *, wait: int = 0) -> Observation:
    """Look at a host, in one round trip.

    One more is needed where something is wrong, for the files behind the units' dependencies, and one more where
    flanneld's settings hide behind variables of its unit.

    Args:
        host: the host.
        wait: seconds to wait for the API of a docker that is up.

    Raises:
        RemediationError: the host could not be asked.
    """
    variables = {
        "PROPERTIES": " ".join(f"-p {name}" for name in _PROPERTIES.split()),
        "CHAIN": " ".join(UNITS),
        "WAIT": str(wait),
        "DEFAULT_ENDPOINTS": DEFAULTS["etcd-endpoints"],
        "DEFAULT_PREFIX": DEFAULTS["etcd-prefix"],
        "DEFAULT_SUBNET": DEFAULTS["subnet-file"],
    }
    answer = ask(host, _PROBE_SH, variables=variables, needs=("systemctl", "journalctl", "curl", "sed", "grep"))
    units = _units(answer)
    files = {name[5:]: section.out for name, section in answer.items() if name.startswith("file:")}
    settings = parse_settings(units["flanneld.service"], files)
    wanted = _etcd_variables(settings)
    if answer["asked"].out.splitlines() != list(wanted.values()) and not settings.uses_kubernetes:
        answer.update(ask(host, _ETCD_SH + "ask_etcd", variables=wanted, needs=("curl",)))
    addresses = _network.parse_addresses(answer["addresses"].out)
    routes = _network.parse_routes(answer["routes"].out)
    members = () if settings.uses_kubernetes else _members(answer, settings)
    seen = Observation(
        os=parse_env_file(answer["os"].out),
        units=units,
        jobs=parse_jobs(answer["jobs"].out),
        pinged=_pinged(answer),
        containers=_containers(answer),
        settings=settings,
        files=files,
        lease=_lease(answer["lease"].out),
        routes=[*routes, *_network.host_routes(addresses, routes)],
        members=members,
        local_etcd=any(_is_local(url, addresses) for url in settings.endpoints),
        serving=_serving(answer, units, members, addresses),
        journal={
            name[8:]: [clean(line) for line in section.out.splitlines()]
            for name, section in answer.items()
            if name.startswith("journal:")
        },
        stores=_lines(answer, "stores"),
        gave_up=parse_show(answer["left"].out) if "left" in answer else (),
        cyclic=[line for line in map(clean, _lines(answer, "said")) if "ordering cycle" in line],
        runs_docker=_told(_lines(answer, "wrapper")),
    )
    if not Case(seen).something_is_wrong:
        return seen
    return replace(seen, graph=Graph(look(host, UNITS), UNITS))


def _lines(answer: Answer, name: str) -> list[str]:
    """The lines of a section that only a host in trouble has."""
    return [line for line in answer[name].out.splitlines() if line] if name in answer else []


def _told(lines: t.Sequence[str]) -> list[tuple[str, str]]:
    """Where a script runs docker, and the line that does, from lines with the file, the number and the text in turn."""
    return [(f"{file}:{number}", text.strip()) for file, number, text in zip(lines[::3], lines[1::3], lines[2::3])]


def _units(answer: Answer) -> dict[str, Properties]:
    shown = parse_show(answer["units"].out)
    if len(shown) != len(UNITS):
        section = answer["units"]
        raise RemediationError(
            f"systemctl told of {len(shown)} units where {len(UNITS)} were asked for, and said "
            f"'{printable(section.err)}'. Check that systemd runs on this host and that the user may ask it."
        )
    return dict(zip(UNITS, shown))


def _etcd_variables(settings: Settings) -> dict[str, str]:
    """The variables of `ask_etcd`, in the order in which the script prints them."""
    v3 = settings.api == "v3"
    request = _etcd.read_request_v3(settings.key) if v3 else _etcd.read_request_v2(settings.key)
    return {
        "READS": " ".join(f"/{base}{request.path}" for base in _V3_BASES) if v3 else request.path,
        "BODY": request.body,
        "CA": settings["etcd-cafile"],
        "CERT": settings["etcd-certfile"],
        "CERT_KEY": settings["etcd-keyfile"],
        "ENDPOINTS": settings["etcd-endpoints"],
    }


def _pinged(answer: Answer) -> str:
    section = answer.get("ping")
    if section is None:
        return ""
    reply = _etcd.parse_reply(section.out)
    if reply is None:
        return f"no answer: {printable(section.err) or 'nothing came back'}"
    return "OK" if reply.status == 200 else f"HTTP {reply.status} '{printable(reply.body, limit=80)}'"


def _containers(answer: Answer) -> int | None:
    reply = _etcd.parse_reply(answer["containers"].out) if "containers" in answer else None
    try:
        # a chunked answer's trailers may follow its body
        listed = json.JSONDecoder().raw_decode(reply.body.lstrip())[0] if reply else None
    except (ValueError, RecursionError):
        return None
    return len(listed) if isinstance(listed, list) else None


def _lease(text: str) -> _network.Lease | None:
    variables = parse_env_file(text)
    try:
        return _network.Lease(
            network=ipaddress.IPv4Network(variables["FLANNEL_NETWORK"], strict=False),
            subnet=ipaddress.IPv4Interface(variables["FLANNEL_SUBNET"]),
        )
    except (KeyError, ValueError):
        return None


def _members(answer: Answer, settings: Settings) -> list[Member]:
    members = []
    read = _etcd.read_v3 if settings.api == "v3" else _etcd.read_v2
    for number, url in enumerate(settings.endpoints):
        if f"key-{number}" not in answer:
            break
        version, key = answer[f"version-{number}"], answer[f"key-{number}"]
        reply = _etcd.parse_reply(key.out)
        members.append(
            Member(
                url=printable(url),
                version=_version(version.out),
                status=reply.status if reply else 0,
                node=read(reply) if reply else None,
                said=printable(key.err or version.err),
            )
        )
    return members


def _version(text: str) -> str:
    reply = _etcd.parse_reply(text)
    document = reply.json() if reply else None
    return printable(str(document.get("etcdserver", "")), limit=40) if document else ""


def _is_local(url: str, addresses: t.Sequence[ipaddress.IPv4Address]) -> bool:
    return split_url(url).hostname in {"localhost", "127.0.0.1", "::1", *map(str, addresses)}


def _serving(
    answer: Answer,
    units: t.Mapping[str, Properties],
    members: t.Sequence[Member],
    addresses: t.Sequence[ipaddress.IPv4Address],
) -> str:
    """Return the unit whose process listens where the last member asked answers, or nothing.

    Where all is well nobody looked for the listener: it is then the one etcd unit that is up.
    """
    if not members or not _is_local(members[-1].url, addresses):
        return ""
    if "listeners" not in answer:
        active = {units[name]["Id"] for name in ETCD_UNITS if units[name].get("ActiveState") == "active"}
        return active.pop() if len(active) == 1 else ""
    inodes = _network.parse_listeners(answer["listeners"].out).get(members[-1].port, set())
    sockets = _network.parse_sockets(answer["sockets"].out)
    for name in ETCD_UNITS:
        pid = int(units[name].get("MainPID", "0") or 0)
        if pid and inodes & sockets.get(pid, set()):
            return units[name]["Id"]
    return ""
