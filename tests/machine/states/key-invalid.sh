# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the network config is not JSON; its quotes were lost on the way
# row: 26
# within: 90 s

setup() {
  limit_start_timeout 10s
  configure_flannel
  with_etcd2 set_network '{ Network: 10.1.0.0/16 }'
  enable_units "$MEMBER" docker
}

symptom() {
  docker_gave_up && docker_hangs
}
