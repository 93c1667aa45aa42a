# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the probe that asks etcd, run by a real shell with a real curl against servers on this machine."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.probe import _ETCD_SH, _PROBE_SH
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Completed, ask


class Shell:
    def run(self, script: str) -> Completed:
        done = subprocess.run(["/bin/sh", "-s"], input=script, capture_output=True, text=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)


class Server(HTTPServer):
    status = 200
    index = 7
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/version" else self.server.status)
        self.send_header("X-Etcd-Index", str(self.server.index))
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made = [Server(("127.0.0.1", 0), Handler) for _number in range(2)]
    for server in made:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


def ask_etcd(*endpoints: str) -> Answer:
    variables = {"READS": "/v2/keys/config?quorum=true", "BODY": "", "CA": "", "CERT": "", "CERT_KEY": ""}
    return ask(Shell(), _ETCD_SH + "ask_etcd", variables={**variables, "ENDPOINTS": ",".join(endpoints)})


def test_the_first_endpoint_that_answers_is_the_only_one_asked(servers: list[Server]) -> None:
    # a high index once looked like a server error
    servers[0].index = 512
    answer = ask_etcd(servers[0].url + "/", servers[1].url)
    assert servers[0].asked == ["/version", "/v2/keys/config?quorum=true"]
    assert servers[1].asked == []
    assert "key-0" in answer and "key-1" not in answer


def test_an_endpoint_that_fails_is_passed_over_as_flanneld_does(servers: list[Server]) -> None:
    servers[0].status = 503
    answer = ask_etcd("http://127.0.0.1:1", servers[0].url, servers[1].url)
    assert "HTTP/1.0 503" in answer["key-1"].out
    assert "HTTP/1.0 200" in answer["key-2"].out
    assert "Connection refused" in answer["version-0"].err or "connect" in answer["version-0"].err


def test_a_key_that_is_absent_is_an_answer(servers: list[Server]) -> None:
    servers[0].status = 404
    answer = ask_etcd(servers[0].url, servers[1].url)
    assert "HTTP/1.0 404" in answer["key-0"].out
    assert servers[1].asked == []


def test_the_users_own_settings_of_curl_are_not_used(
    servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".curlrc").write_text("output = /dev/null\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "HTTP/1.0 200" in ask_etcd(servers[0].url)["key-0"].out


def test_a_script_that_runs_docker_is_found_out_and_its_password_is_not(tmp_path: Path) -> None:
    wrapper = tmp_path / "flannel-wrapper"
    wrapper.write_text(
        "#!/bin/sh\n# docker run in a remark\nmkdir -p /var/lib/docker\nsystemctl restart docker\n"
        "exec /usr/bin/docker \\\n  --host x \\\n  run -e FLANNELD_ETCD_PASSWORD=hunter2 flannel:0.14\n"
        '"$DOCKER" run x\n${DOCKER} run x\n'
    )
    shown = "Id=docker.service\nExecStart={ path=/bin/no ; }\n\n"
    shown += f"ExecStart={{ path={wrapper} ; }}\nId=flanneld.service\nX=y"
    functions = _PROBE_SH[_PROBE_SH.index("# hide [SED") : _PROBE_SH.index("is_active()")]
    body = _PROBE_SH[_PROBE_SH.index("  begin wrapper") : _PROBE_SH.index("  finish wrapper 0")] + "finish wrapper 0"
    answer = ask(Shell(), f"{functions}\n{body}", variables={"SHOWN": shown})
    assert answer["wrapper"].out.splitlines() == [
        *(str(wrapper), "7", "exec /usr/bin/docker    --host x    run -e FLANNELD_ETCD_PASSWORD= flannel:0.14"),
        *(str(wrapper), "8", '"$DOCKER" run x'),
        *(str(wrapper), "9", "${DOCKER} run x"),
    ]


@pytest.mark.parametrize("script", [_ETCD_SH, _PROBE_SH])
def test_every_curl_is_told_so_first(script: str) -> None:
    """It is obeyed as the first argument alone."""
    calls = re.findall(r"\bcurl (\S+)", script)
    assert calls and set(calls) == {"-q"}
