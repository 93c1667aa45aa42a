# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: a directory stands where flannel's network config should be
# row: 25
# within: 90 s

make_the_mistake() {
  use_etcd2 && make_directory /coreos.com/network/config
}

setup() {
  limit_start_timeout 10s
  configure_flannel
  with_etcd2 make_the_mistake
  enable_units "$MEMBER" docker
}

symptom() {
  docker_gave_up && docker_hangs
}
