# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the key came late; flanneld has recovered, docker was never tried again
# row: 41
# within: 90 s

setup() {
  limit_start_timeout 10s
  configure_flannel
  with_etcd2 use_etcd2
  enable_units "$MEMBER" docker
}

# Somebody writes the key, but only after docker has given up, and never asks docker for anything.
after_boot() {
  until docker_gave_up; do sleep 0.5; done
  set_network '{ "Network": "10.1.0.0/16" }'
}

symptom() {
  is flanneld active && is docker inactive && docker_gave_up
}
