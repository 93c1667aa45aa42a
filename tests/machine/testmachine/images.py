# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images, each made once and found again by a digest of all that goes into it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from .console import MachineError, say, step
from .engine import LABEL
from .parts import build_cloudinit, build_parts, locked
from .paths import HOME, ROOTFS
from .release import File, Release, render_files

__all__ = ["ensure_image", "prune"]

# Where each built program goes on the machine; a second path becomes a link to the first.
_PROGRAMS = {
    "etcd": ("/usr/bin/etcd2", "/usr/bin/etcd"),
    "etcdctl": ("/usr/bin/etcdctl",),
    "flannel": ("/opt/bin/flanneld",),
    "coreos-cloudinit": ("/usr/bin/coreos-cloudinit",),
}


def ensure_image(client: docker.DockerClient, release: Release, *, python: bool = False) -> str:
    """Return the name of the release's image, built when the cache has none of this digest.

    With `python`, the variant that has Python 3 on it.
    """
    with locked("image"):
        # One half waits for the network, the other for the compiler.
        with ThreadPoolExecutor(max_workers=2) as pool:
            compiled = pool.submit(lambda: build_parts() | build_cloudinit(release.cloudinit))
            debian = pool.submit(_ensure_debian, client, release.base)
            programs, (packages, busybox) = compiled.result(), debian.result()
        if release.etcd3:
            packages = _build(client, "etcd3", packages, release.base, "Adding etcd 3 (once)")
        name = _ensure_release(client, release, packages, busybox, programs)
        return _ensure_python(client, name) if python else name


def prune(client: docker.DockerClient) -> None:
    """Remove every image of ours that no container uses; they are made again when needed."""
    with locked("image"):
        names = [tag for image in client.images.list() for tag in image.tags if tag.startswith(f"{LABEL}/")]
        # Those that others are built from cannot go before them.
        for name in sorted(names, key=_depth):
            try:
                client.images.remove(name)
                say(f"Removed {name}.")
            except APIError as exc:
                if exc.status_code != 409:
                    raise
                say(f"Kept {name}: it is in use.")
        client.images.prune(filters={"dangling": True, "label": LABEL})


def _depth(name: str) -> int:
    order = ("python", "machine", "etcd3", "busybox", "packages", "base")
    return next(place for place, kind in enumerate(order) if name.startswith(f"{LABEL}/{kind}"))


def _ensure_debian(client: docker.DockerClient, suite: str) -> tuple[str, str]:
    base = _ensure_base(client, suite)
    packages = _build(client, "packages", base, suite, "Installing Debian's packages (once)")
    busybox = _build(client, "busybox", packages, suite, "Making the busybox image (once)")
    return packages, busybox


def _ensure_base(client: docker.DockerClient, suite: str) -> str:
    """Return a bare Debian: the engine's or the registry's own, else one made by mmdebstrap."""
    official, ours = f"debian:{suite}", f"{LABEL}/base:{suite}"
    for name in (ours, official):
        if _exists(client, name):
            return name
    try:
        client.images.pull("debian", tag=suite)
        return official
    except APIError:
        pass  # No registry in reach, which is common enough; the packages are.
    if not shutil.which("mmdebstrap"):
        raise MachineError(
            f"The image {official} cannot be pulled and mmdebstrap is missing: install Debian's"
            " mmdebstrap (`make setup` does it)."
        )
    with (
        step(f"Making a bare Debian {suite} (once)"),
        tempfile.TemporaryDirectory(prefix=f"{LABEL}-") as scratch,
    ):
        archive = Path(scratch) / "base.tar"
        run = subprocess.run(
            ["mmdebstrap", "--variant=minbase", suite, str(archive)],
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            raise MachineError(f"mmdebstrap {suite} failed; it said:\n{run.stderr.strip()}")
        repository, tag = ours.split(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return ours


def _ensure_release(
    client: docker.DockerClient,
    release: Release,
    packages: str,
    busybox: str,
    programs: dict[str, Path],
) -> str:
    files = list(_rootfs_files(release, programs))
    name = _name(f"machine-{release.name}", "release", packages, busybox, _digest(files))
    if not _exists(client, name):
        files.append(File("/usr/share/oem/busybox.tar", _saved(client, busybox, "busybox:latest")))
        with step(f"Making the image of release {release.name} (once)"):
            _docker_build(client, name, "release", packages, {"rootfs.tar": _archive(files)})
    return name


def _ensure_python(client: docker.DockerClient, machine: str) -> str:
    return _build(client, "python", machine, machine.split(":")[1], "Adding Python (once)")


def _saved(client: docker.DockerClient, name: str, loaded_as: str) -> bytes:
    """What `docker save` gives, but so that `docker load` names the image `loaded_as`.

    A tag in the engine would do the same and shadow an image that is not ours.
    """
    saved = io.BytesIO(b"".join(client.images.get(name).save()))
    renamed = io.BytesIO()
    with tarfile.open(fileobj=saved) as old, tarfile.open(fileobj=renamed, mode="w") as new:
        for entry in old:
            source = old.extractfile(entry)
            content = source.read() if source else b""
            if entry.name == "repositories":
                continue
            if entry.name == "manifest.json":
                manifest = json.loads(content)
                manifest[0]["RepoTags"] = [loaded_as]
                content = json.dumps(manifest).encode()
                entry.size = len(content)
            new.addfile(entry, io.BytesIO(content) if source else None)
    return renamed.getvalue()


def _rootfs_files(release: Release, programs: dict[str, Path]) -> Iterable[File]:
    yield from render_files(release)
    for tree in (ROOTFS, *(ROOTFS.with_name(f"{ROOTFS.name}-{layer}") for layer in release.layers)):
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                # Not the checkout's own mode, which depends on the umask it was made with.
                mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                yield File(f"/{path.relative_to(tree)}", path.read_bytes(), mode)
    for program, (place, *links) in _PROGRAMS.items():
        yield File(place, programs[program].read_bytes(), 0o755)
        for link in links:
            yield File(link, link=place)


def _build(client: docker.DockerClient, recipe: str, base: str, about: str, text: str) -> str:
    name = _name(recipe, recipe, base, about)
    if not _exists(client, name):
        with step(text):
            _docker_build(client, name, recipe, base, {})
    return name


def _name(image: str, recipe: str, *parts: str) -> str:
    content = "\0".join([_dockerfile(recipe), *parts])
    return f"{LABEL}/{image}:{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _dockerfile(recipe: str) -> str:
    return (HOME / "image" / f"Dockerfile.{recipe}").read_text()


def _exists(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _docker_build(client: docker.DockerClient, name: str, recipe: str, base: str, extra: dict[str, bytes]) -> None:
    context = [File("/Dockerfile", _dockerfile(recipe).encode())]
    context += [File(f"/{path}", content) for path, content in extra.items()]
    said: list[str] = []
    for line in client.api.build(
        fileobj=io.BytesIO(_archive(context)),
        custom_context=True,
        tag=name,
        buildargs={"BASE": base},
        labels={LABEL: "image"},
        rm=True,
        forcerm=True,
        decode=True,
    ):
        said.append(line.get("stream", ""))
        if "error" in line:
            tail = "".join(said).strip().splitlines()[-25:]
            raise MachineError(f"Building the image {name} failed: {line['error']}\n" + "\n".join(tail))


def _digest(files: Iterable[File]) -> str:
    total = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.content).hexdigest()
        total.update(f"{file.path}\0{file.mode:o}\0{file.link}\0{content}\0".encode())
    return total.hexdigest()


def _archive(files: Iterable[File]) -> bytes:
    """A tar archive, owned by root and without times, so that equal files give equal archives."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.mode = file.mode
            if file.link is not None:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
                archive.addfile(entry)
            else:
                entry.size = len(file.content)
                archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
