# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: nobody has set up flannel, and docker runs without it
# within: 60 s

setup() {
  with_etcd2 use_etcd2
  enable_units etcd2 docker
}

symptom() {
  docker_answers && is flanneld inactive
}
