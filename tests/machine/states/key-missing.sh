# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: nobody has written flannel's network config; docker gave up waiting for flanneld
# row: 24, 40
# within: 180 s

# The start time-out stays systemd's own 90 s: this is the incident as it happened.
setup() {
  configure_flannel
  with_etcd2 use_etcd2
  enable_units "$MEMBER" docker
}

symptom() {
  journal_has flanneld.service '100: Key not found (/coreos.com/network)' &&
    docker_gave_up && docker_hangs
}
