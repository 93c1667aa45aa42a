# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the run waits for flanneld, which waits for its network config
# row: 5
# within: 60 s

setup() {
  sed "s/etcd2/$MEMBER/" /.machine/user-data/flannel-no-key.yml | have_user_data
}

symptom() {
  is "$USER_DATA_SERVICE" activating && is flanneld activating && is docker inactive &&
    journal_has flanneld.service '100: Key not found (/coreos.com)' &&
    journalctl -b -q --no-pager -u "$USER_DATA_SERVICE" -o cat | grep 'unit command' | tail -n 1 |
    grep -q -F 'Calling unit command "start" on "flanneld.service"'
}
