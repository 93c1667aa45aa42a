# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: an old link starts etcd.service; etcd2, which holds the key, is dead
# row: 15
# within: 90 s
# units: etcd.service etcd2.service

setup() {
  limit_start_timeout 10s
  configure_flannel
  with_etcd2 set_network '{ "Network": "10.1.0.0/16" }'
  enable_units docker
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -s /usr/lib/systemd/system/etcd.service \
    /etc/systemd/system/multi-user.target.wants/etcd.service
}

symptom() {
  is etcd active && is etcd2 inactive &&
    journal_has flanneld.service '100: Key not found (/coreos.com)' &&
    docker_gave_up && docker_hangs
}
