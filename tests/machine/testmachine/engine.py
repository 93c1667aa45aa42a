# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine and what is shared by all machines in it."""

from __future__ import annotations

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from .console import MachineError

__all__ = ["GATEWAY", "LABEL", "NETWORK", "SUBNET", "connect", "ensure_network", "remove_network"]

# Every container, image and network of ours carries it, so that nothing else is ever removed.
LABEL = "container-linux-remediation"

NETWORK = "container-linux-remediation"

# Not Docker's default 172.17.0.0/16: the docker0 inside would take the outer address, and SSH dies.
SUBNET = "198.51.100.0/24"
GATEWAY = "198.51.100.1"


def connect() -> docker.DockerClient:
    """Return a client of the engine that answers, else raise a MachineError."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException as exc:
        raise MachineError(
            f"The Docker engine does not answer; start it (as root: `make setup`), or set DOCKER_HOST: {exc}"
        ) from exc
    return client


def ensure_network(client: docker.DockerClient) -> Network:
    """Return the machines' network, made when it is not there."""
    for network in client.networks.list(names=[f"^{NETWORK}$"]):
        return network
    pool = IPAMPool(subnet=SUBNET, gateway=GATEWAY)
    try:
        return client.networks.create(
            NETWORK,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[pool]),
            labels={LABEL: "network"},
            check_duplicate=True,
        )
    except APIError as exc:
        raise MachineError(
            f"The Docker network {NETWORK} ({SUBNET}) could not be made: {exc.explanation};"
            f" is another network on {SUBNET}?"
        ) from exc


def remove_network(client: docker.DockerClient) -> None:
    """Remove the machines' network; leave it when something still uses it."""
    try:
        network = client.networks.get(NETWORK)
        if not network.containers:
            network.remove()
    except NotFound:
        return
    except APIError as exc:
        if exc.status_code != 403:
            raise
