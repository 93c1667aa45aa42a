# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real etcd processes on 127.0.0.1, and ways for them to go wrong."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.container_linux.remediation.tests.machine.testmachine.parts import build_parts

FETCH_ETCD = Path(__file__).resolve().parents[2] / "tools" / "fetch-etcd"


def etcd_2() -> Path:
    """etcd 2.3.8, the last with the v2 API alone."""
    return build_parts()["etcd"]


def etcd_3() -> Path:
    """Debian's etcd 3, which serves v3, and v2 when told to."""
    done = subprocess.run([FETCH_ETCD], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip()) / "etcd"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Etcd:
    """One running member."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    tls: ssl.SSLContext | None = None

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10,
    ) -> dict[str, Any]:
        """Ask it straight, past the code under test. A body that is no text is sent as JSON."""
        data = None
        sent = dict(headers or {})
        if isinstance(body, str):
            data = body.encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=sent)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls)
        )
        try:
            with opener.open(request, timeout=timeout) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        return dict(json.loads(text or b"{}"))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(
    binary: Path,
    folder: Path,
    *options: str,
    members: int = 1,
    scheme: str = "http",
    tls: ssl.SSLContext | None = None,
) -> Iterator[list[Etcd]]:
    """A cluster that serves, and is gone afterwards."""
    clients = [f"{scheme}://127.0.0.1:{free_port()}" for _member in range(members)]
    peers = [f"http://127.0.0.1:{free_port()}" for _member in range(members)]
    cluster = ",".join(f"m{number}={peer}" for number, peer in enumerate(peers))
    started: list[Etcd] = []
    try:
        for number, (client, peer) in enumerate(zip(clients, peers, strict=True)):
            data = folder / f"m{number}"
            data.mkdir(parents=True)
            command = [str(binary), "--name", f"m{number}", "--data-dir", str(data)]
            command += ["--listen-client-urls", client, "--advertise-client-urls", client]
            command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
            # a token of its own gives each cluster an id of its own
            command += ["--initial-cluster", cluster, "--initial-cluster-token", str(folder), *options]
            with (folder / f"m{number}.log").open("wb") as log:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            started.append(Etcd(f"m{number}", client, process, tls))
        for etcd in started:
            _wait_for(etcd, folder / f"{etcd.name}.log")
        yield started
    finally:
        for etcd in started:
            etcd.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(etcd: Etcd, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and etcd.process.poll() is None:
        with suppress(OSError, ValueError):
            if etcd.call("GET", "/health", timeout=2).get("health") == "true":
                return
        time.sleep(0.05)
    raise RuntimeError(f"etcd did not become healthy:\n{log.read_text(errors='replace')[-4000:]}")


@dataclass
class Authority:
    """A certificate authority made on the spot, with a certificate for a server and one for a client."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test CA", "-days", "2")
        (self.folder / "key.pem").rename(self.folder / "ca-key.pem")
        (self.folder / "cert.pem").rename(self.folder / "ca.pem")
        self._issue("server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._issue("client", "extendedKeyUsage=clientAuth\n")

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.load_cert_chain(self.file("client.pem"), self.file("client-key.pem"))
        return context

    def server_options(self) -> list[str]:
        options = {"cert-file": "server.pem", "key-file": "server-key.pem", "trusted-ca-file": "ca.pem"}
        return ["--client-cert-auth", *(f"--{name}={self.file(file)}" for name, file in options.items())]

    def _issue(self, name: str, extensions: str) -> None:
        (self.folder / f"{name}.ext").write_text(extensions)
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        (self.folder / "key.pem").rename(self.folder / f"{name}-key.pem")
        authority = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"]
        files = ["-in", "cert.pem", "-out", f"{name}.pem", "-extfile", f"{name}.ext"]
        self._openssl("x509", "-req", "-days", "2", *authority, *files)

    def _run(self, *arguments: str) -> None:
        self._openssl(*arguments, "-keyout", "key.pem", "-out", "cert.pem")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


Fate = Callable[[BaseHTTPRequestHandler], str]


@dataclass
class Wire:
    """A way to a real etcd on which requests can get lost: C(fate) names what becomes of each.

    Of v3's base paths it knows one alone, where C(base) names it.
    C(pass); C(slow): passes after a while; C(lose-request): never arrives; C(lose-answer): arrives, and the answer
    is lost; C(close): passes, and from then on nothing is accepted any more.
    """

    target: str
    fate: Fate
    base: str = ""
    seen: list[str] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[str]:
        """Return the address to use in the place of etcd's own."""
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                with suppress(ConnectionError):
                    super().handle_one_request()

            def _any(self) -> None:
                self.close_connection = True
                fate = wire.fate(self)
                wire.seen.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if fate == "lose-request":
                    return
                if fate == "slow":
                    time.sleep(0.3)
                if fate == "close":
                    server.socket.shutdown(socket.SHUT_RDWR)
                there = http.client.HTTPConnection(wire.target.removeprefix("http://"), timeout=20)
                path = self.path
                if wire.base and path.startswith("/v3"):
                    known = path.startswith(f"/{wire.base}/")
                    path = "/v3/" + path.split("/", 2)[2] if known else "/no such page"
                there.request(self.command, quote(path, safe="/?=&%"), body, dict(self.headers))
                answer = there.getresponse()
                text = answer.read()
                there.close()
                if fate == "lose-answer":
                    return
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "trailer"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_DELETE = _any

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = _Server(("127.0.0.1", 0), Handler)
        with _serving(server):
            yield f"http://127.0.0.1:{server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def web_server(status: int, body: str, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Something on HTTP that is no etcd: it gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST = _any

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    with _serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
