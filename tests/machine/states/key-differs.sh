# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the key holds another valid network; flanneld and docker run with it
# row: 27
# within: 60 s

setup() {
  configure_flannel
  with_etcd2 set_network '{ "Network": "10.2.0.0/16" }'
  enable_units "$MEMBER" docker
}

symptom() {
  docker_answers && is flanneld active && ip -4 addr show docker0 | grep -q 'inet 10\.2\.'
}
