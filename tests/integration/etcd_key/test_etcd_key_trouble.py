# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd_key where something is wrong: endpoints, networks, certificates, users, quorum, options."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.etcd_key.front_ends import (
    MODULE,
    FrontEnd,
    Result,
    action,
    logic,
    module,
    playbook,
)
from ansible_collections.container_linux.remediation.tests.integration.etcd_key.servers import (
    Authority,
    Etcd,
    Wire,
    etcd_2,
    etcd_3,
    free_port,
    running,
    silent,
    web_server,
)


def assert_failed(result: Result, *words: str) -> None:
    assert result.get("failed"), result
    assert not result.get("changed")
    for word in words:
        assert word in result["msg"]
    assert "\n" not in result["msg"]
    assert result["msg"].endswith(".")


# Endpoints


@pytest.mark.parametrize("front_end", [logic, action, module])
def test_nothing_listens(key: str, front_end: FrontEnd) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    assert_failed(front_end(key=key, value="x", endpoints=[endpoint]), endpoint, "curl: (7)", "nothing was changed")


def test_each_endpoint_that_failed_is_named(key: str) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with silent() as mute, web_server(200, "<html>\x1b[31mhello\n</html>") as page:
        begin = time.monotonic()
        result = logic(key=key, value="x", endpoints=[gone, mute, page], timeout=1)
        assert time.monotonic() - begin < 10
    assert_failed(result, gone, "curl: (7)", mute, "within the 1 s of timeout", page, "is not etcd", "<html>")
    assert "\x1b" not in result["msg"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, "", "is not etcd"),
        (200, "[1, 2]", "is not etcd"),
        (200, '{"etcdserver": 3}', "is not etcd"),
        (200, '{"etcdserver": "2.3.8"}', "does not answer as etcd does"),
        (200, '{"etcdserver": "2.3.8", "node": {"value": 5}}', "does not answer as etcd does"),
        (200, '{"etcdserver": "2.3.8", "node": {"value": "x", "modifiedIndex": 0}}', "does not answer as etcd does"),
        (200, '{"etcdserver": "2.3.8", "node": []}', "does not answer as etcd does"),
        (500, '{"etcdserver": "2.3.8"}', "does not answer as etcd does"),
        (200, "[" * 100_000, "is not etcd"),
        (200, '{"\\u0065tcdserver": "2.3.8"}', "is not etcd"),
        (200, '{"etcdserver"' + "x" * 5_000_000, "more than 4 MB"),
    ],
)
def test_an_answer_that_makes_no_sense(key: str, status: int, body: str, words: str) -> None:
    with web_server(status, body) as page:
        for api in ("v2", "v3"):
            assert_failed(logic(key=key, value="x", endpoints=[page], api=api), page, words)


def test_a_redirect_is_not_followed(two: Etcd, key: str) -> None:
    with web_server(307, '{"etcdserver": "0.4.9"}', {"Location": f"{two.url}/v2/keys{key}"}) as page:
        result = logic(key=key, value="x", endpoints=[page], api="v2")
    assert_failed(result, "sends requests elsewhere", two.url)
    assert logic(key=key, state="absent", endpoints=[two.url])["changed"] is False


def test_the_first_endpoint_that_answers_is_used(etcd: Etcd, key: str) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    result = logic(key=key, value="x", endpoints=[gone, etcd.url])
    assert (result["changed"], result["endpoint"]) == (True, etcd.url)
    assert any(gone in warning for warning in result["warnings"])


def test_endpoints_of_several_clusters_are_refused(two: Etcd, three: Etcd, both: Etcd, key: str) -> None:
    for first, second in ((two, both), (both, two)):
        result = logic(key=key, value="x", endpoints=[first.url, second.url])
        assert_failed(result, "not of one etcd", first.url, second.url)
    assert_failed(logic(key=key, value="x", endpoints=[three.url, both.url], api="v3"), "not of one etcd")
    for server in (two, three, both):
        assert logic(key=key, state="absent", endpoints=[server.url])["changed"] is False


def test_a_proxy_of_the_environment_is_not_used(two: Etcd, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert module(key=key, value="x", endpoints=[two.url])["changed"] is True


def test_an_etcd_with_neither_api_is_told_so(three: Etcd, key: str) -> None:
    with Wire(three.url, lambda request: "pass", base="v4").open() as endpoint:
        assert_failed(logic(key=key, value="x", endpoints=[endpoint]), "Its v2 API is off as well")


@pytest.mark.parametrize("base", ["v3", "v3beta", "v3alpha"])
def test_each_release_has_its_own_path_to_v3(three: Etcd, key: str, base: str) -> None:
    # the paths of older releases, in front of a newer one
    with Wire(three.url, lambda request: "pass", base=base).open() as endpoint:
        options: dict[str, Any] = {"key": key, "value": "x", "endpoints": [endpoint]}
        assert logic(**options, ttl=60)["action"] == "created"
        assert logic(**options)["ttl"] > 50
        assert logic(**options, policy="replace")["ttl"] is None


# A network that loses things


def writes(fate: str) -> Callable[[BaseHTTPRequestHandler], str]:
    """This fate for requests that write, and none for others."""
    return lambda request: fate if is_write(f"{request.command} {request.path}") else "pass"


def is_write(line: str) -> bool:
    return line.startswith(("PUT ", "DELETE ")) or line.endswith("/txn")


def test_a_write_whose_answer_is_lost_is_read_again(etcd: Etcd, key: str) -> None:
    wire = Wire(etcd.url, writes("lose-answer"))
    with wire.open() as endpoint:
        result = logic(key=key, value="x", endpoints=[endpoint])
    assert (result["changed"], result["value"]) == (True, "x")
    assert any("was lost" in warning for warning in result["warnings"])
    assert len([line for line in wire.seen if is_write(line)]) == 1


def test_a_write_that_is_lost_is_not_sent_again(etcd: Etcd, key: str) -> None:
    wire = Wire(etcd.url, writes("lose-request"))
    with wire.open() as endpoint:
        assert_failed(logic(key=key, value="x", endpoints=[endpoint]), "could not be written", "Run again")
    assert len([line for line in wire.seen if is_write(line)]) == 1
    assert logic(key=key, state="absent", endpoints=[etcd.url])["changed"] is False


def test_seconds_that_pass_are_no_write(etcd: Etcd, key: str) -> None:
    logic(key=key, value="x", ttl=60, endpoints=[etcd.url])

    def lose_late(request: BaseHTTPRequestHandler) -> str:
        if is_write(f"{request.command} {request.path}"):
            time.sleep(1.1)
            return "lose-request"
        return "pass"

    with Wire(etcd.url, lose_late).open() as endpoint:
        result = logic(key=key, value="x", policy="replace", endpoints=[endpoint])
    assert_failed(result, "could not be written")
    assert result["ttl"] < 60


def test_an_unsent_write_goes_to_the_next_endpoint(etcd: Etcd, key: str) -> None:
    with Wire(etcd.url, closes_when_read).open() as endpoint:
        result = logic(key=key, value="x", endpoints=[endpoint, etcd.url])
    assert (result["changed"], result["endpoint"]) == (True, etcd.url)
    assert any("no longer when the key was to be written" in warning for warning in result["warnings"])


def test_an_unsent_write_without_a_next_endpoint_says_so(etcd: Etcd, key: str) -> None:
    with Wire(etcd.url, closes_when_read).open() as endpoint:
        result = logic(key=key, value="x", endpoints=[endpoint])
    assert_failed(result, "no longer when", "nothing was written")
    assert logic(key=key, state="absent", endpoints=[etcd.url])["changed"] is False


def closes_when_read(request: BaseHTTPRequestHandler) -> str:
    """Close behind the last request of the look that comes before a write."""
    return "close" if request.path.endswith(("/stats/self", "/member/list")) else "pass"


# Quorum


@contextmanager
def two_of_three_stopped(binary: Path, folder: Path) -> Iterator[list[Etcd]]:
    with running(binary, folder, members=3) as members:
        assert logic(key="/before", value="x", endpoints=[m.url for m in members])["action"] == "created"
        for member in members[1:]:
            member.stop()
        yield members


@pytest.mark.parametrize("binary", [etcd_2, etcd_3])
def test_without_quorum_nothing_is_read_or_written(folder: Path, binary: Callable[[], Path]) -> None:
    with two_of_three_stopped(binary(), folder / f"no-quorum-{binary.__name__}") as members:
        result = logic(key="/before", value="x", endpoints=[members[0].url])
        assert_failed(result, "It has no quorum", "Bring the other members back first")
        result = logic(key="/before", value="y", endpoints=[members[1].url, members[0].url], timeout=2)
        assert_failed(result, members[1].url, "curl: (7)", members[0].url, "within the 2 s of timeout")


# TLS


@pytest.fixture(scope="module", params=[etcd_2, etcd_3])
def tls_etcd(request: pytest.FixtureRequest, folder: Path, authority: Authority) -> Iterator[Etcd]:
    """etcd that shows a certificate and wants one."""
    name = f"tls-{request.param.__name__}"
    options, context = authority.server_options(), authority.context()
    with running(request.param(), folder / name, *options, scheme="https", tls=context) as members:
        yield members[0]


@pytest.mark.parametrize("front_end", [logic, action, module])
def test_tls_with_a_client_certificate(tls_etcd: Etcd, authority: Authority, key: str, front_end: FrontEnd) -> None:
    files = {"ca_cert": "ca.pem", "client_cert": "client.pem", "client_key": "client-key.pem"}
    options: dict[str, Any] = {name: authority.file(file) for name, file in files.items()}
    options |= {"key": f"{key}/{front_end.__name__}", "value": "x", "endpoints": [tls_etcd.url]}
    assert front_end(**options)["action"] == "created"
    assert front_end(**options)["changed"] is False


def test_tls_that_fails_names_the_files(tls_etcd: Etcd, authority: Authority, key: str) -> None:
    wish: dict[str, Any] = {"key": key, "value": "x", "endpoints": [tls_etcd.url]}
    ca, cert, private = (authority.file(name) for name in ("ca.pem", "client.pem", "client-key.pem"))
    assert_failed(logic(**wish), "TLS failed", "no certificate files given")
    assert_failed(logic(**wish, ca_cert=ca), "TLS failed", f"ca_cert {ca}")
    assert_failed(logic(**wish, validate_certs=False), "TLS failed")
    assert_failed(logic(**wish, ca_cert="/no/such.pem"), "TLS failed", "/no/such.pem")
    assert_failed(logic(**wish, ca_cert=ca, client_cert="/no/cert.pem", client_key=private), "TLS", "/no/cert.pem")
    assert_failed(logic(**wish, ca_cert=ca, client_cert=cert, client_key=authority.file("ca-key.pem")), "TLS", cert)
    unchecked = logic(**wish, validate_certs=False, client_cert=cert, client_key=private)
    assert unchecked["action"] == "created"


def test_a_file_name_may_hold_anything(tls_etcd: Etcd, authority: Authority, key: str, tmp_path: Path) -> None:
    odd = tmp_path / 'a:b "c" $(id) \\d'
    odd.mkdir()
    options: dict[str, Any] = {"ca_cert": "ca.pem", "client_cert": "client.pem", "client_key": "client-key.pem"}
    for option, file in options.items():
        (odd / file).write_bytes((authority.folder / file).read_bytes())
        options[option] = str(odd / file)
    assert logic(key=key, value="x", endpoints=[tls_etcd.url], **options)["action"] == "created"


def test_plain_http_to_a_tls_port_and_back(tls_etcd: Etcd, two: Etcd, key: str) -> None:
    assert_failed(logic(key=key, value="x", endpoints=[tls_etcd.url.replace("https", "http")]))
    assert_failed(logic(key=key, value="x", endpoints=[two.url.replace("http", "https")]), "TLS failed")


# Users

# another one in each run: the argument lists of this machine are searched for it
WORD = f"secret-{secrets.token_hex(4)}"
PASSWORD = f"{WORD} \"\\' $(id) ü:&%"


@pytest.fixture(scope="module", params=["2", "3"])
def guarded(request: pytest.FixtureRequest, folder: Path) -> Iterator[Etcd]:
    """etcd that lets nobody in but root."""
    if request.param == "2":
        with running(etcd_2(), folder / "auth-2") as (etcd,):
            etcd.call("PUT", "/v2/auth/users/root", {"user": "root", "password": PASSWORD})
            etcd.call("PUT", "/v2/auth/enable")
            revoked = {"role": "guest", "revoke": {"kv": {"read": ["*", "/*"], "write": ["*", "/*"]}}}
            etcd.call("PUT", "/v2/auth/roles/guest", revoked, {"Authorization": basic("root", PASSWORD)})
            yield etcd
    else:
        with running(etcd_3(), folder / "auth-3") as (etcd,):
            etcd.call("POST", "/v3/auth/user/add", {"name": "root", "password": PASSWORD})
            etcd.call("POST", "/v3/auth/user/add", {"name": "nobody", "password": "nobody's"})
            etcd.call("POST", "/v3/auth/role/add", {"name": "root"})
            etcd.call("POST", "/v3/auth/user/grant", {"user": "root", "role": "root"})
            etcd.call("POST", "/v3/auth/enable", {})
            yield etcd


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("front_end", [logic, action, module])
def test_a_user_is_let_in(guarded: Etcd, key: str, front_end: FrontEnd) -> None:
    options: dict[str, Any] = {"key": key, "value": "x", "endpoints": [guarded.url], "username": "root"}
    result = front_end(**options, password=PASSWORD)
    assert result["action"] == "created"
    assert PASSWORD not in str(result)
    assert front_end(**options, password=PASSWORD)["changed"] is False
    replaced = front_end(**{**options, "value": "y"}, password=PASSWORD, policy="replace", ttl=60)
    assert replaced["action"] == "replaced"


@pytest.mark.parametrize("front_end", [logic, action, module])
def test_the_wrong_user_is_not(guarded: Etcd, key: str, front_end: FrontEnd) -> None:
    options: dict[str, Any] = {"key": key, "value": "x", "endpoints": [guarded.url]}
    assert_failed(front_end(**options), "does not let this user in", "Give username and password")
    wrong = front_end(**options, username="root", password="wrong-9c1")
    assert_failed(wrong, "does not let this user in", "Check username and password")
    assert "wrong-9c1" not in str(wrong)


def test_a_user_without_rights_is_told_so(guarded: Etcd, key: str) -> None:
    result = logic(key=key, value="x", endpoints=[guarded.url], username="nobody", password="nobody's")
    assert_failed(result, "does not let this user in")


def test_a_user_where_authentication_is_off(two: Etcd, three: Etcd, key: str) -> None:
    user: dict[str, Any] = {"username": "root", "password": PASSWORD}
    assert logic(key=key, value="x", endpoints=[two.url], **user)["action"] == "created"
    result = logic(key=key, value="x", endpoints=[three.url], **user)
    assert result["action"] == "created"
    assert any("authentication switched off" in warning for warning in result["warnings"])


# Secrets


def test_neither_password_nor_value_stands_in_an_argument_list(guarded: Etcd, key: str, tmp_path: Path) -> None:
    secret = f"value-{secrets.token_hex(4)}"
    options: dict[str, Any] = {"value": secret, "username": "root", "password": PASSWORD}
    with watched() as seen, Wire(guarded.url, lambda request: "slow").open() as endpoint:
        for front_end in (logic, module):
            result = front_end(key=f"{key}/{front_end.__name__}", endpoints=[endpoint], ttl=60, **options)
            assert result["action"] == "created"
        task = {MODULE: {"key": f"{key}/play", "endpoints": [endpoint], **options}, "no_log": True}
        printed = playbook(tmp_path, "-vvv", "--diff", tasks=[task])
    assert any("curl -q --config -" in line for line in seen), "the watch sees what runs"
    encoded = basic("root", PASSWORD).removeprefix("Basic ")
    for word in (secret, WORD, encoded, key):
        assert not [line for line in seen if word in line]
    assert secret not in printed
    assert "changed=1" in printed


def test_a_password_is_not_printed(guarded: Etcd, key: str, tmp_path: Path) -> None:
    options = {"key": key, "value": "x", "endpoints": [guarded.url], "username": "root", "password": PASSWORD}
    printed = playbook(tmp_path, "-vvv", "--diff", tasks=[{MODULE: options}])
    assert "changed=1" in printed
    assert WORD not in printed
    assert basic("root", PASSWORD).removeprefix("Basic ") not in printed


@contextmanager
def watched() -> Iterator[set[str]]:
    """Collect the argument lists of all processes meanwhile."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
