# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the states are written with. Sourced at the first boot, before systemd runs, and by every
# look at the state's symptom.

# /.machine/cluster, if there, holds the member's own ETCD_... lines.
etcd_cluster=/.machine/cluster

# write_file PATH < CONTENT
write_file() {
  mkdir -p "$(dirname "$1")"
  cat > "$1"
}

# enable_units UNIT...: as the user's cloud-config has done it, before this boot.
enable_units() {
  systemctl --root=/ enable "$@" 2>/dev/null
}

write_cluster_drop_in() {
  [ -e "$etcd_cluster" ] || return 0
  { echo '[Service]'; sed 's/^/Environment=/' "$etcd_cluster"; } |
    write_file /etc/systemd/system/etcd2.service.d/40-etcd-cluster.conf
}

# limit_start_timeout TIME: so that a test need not wait for systemd's own 90 s.
limit_start_timeout() {
  printf '[Manager]\nDefaultTimeoutStartSec=%s\n' "$1" |
    write_file /etc/systemd/system.conf.d/40-start-timeout.conf
}

# The user's own files, as the install scripts for Kubernetes on CoreOS left them: it is this
# drop-in, not the release, that makes docker require flanneld.
configure_flannel() {
  write_file /etc/systemd/system/docker.service.d/40-flannel.conf <<'EOF'
[Unit]
Requires=flanneld.service
After=flanneld.service
EOF
  write_file /etc/systemd/system/flanneld.service.d/40-ExecStartPre-symlink.conf <<'EOF'
[Service]
ExecStartPre=/usr/bin/ln -sf /etc/flannel/options.env /run/flannel/options.env
EOF
  address=$(hostname -i)
  write_file /etc/flannel/options.env <<EOF
FLANNELD_IFACE=${address%% *}
FLANNELD_ETCD_ENDPOINTS=http://127.0.0.1:2379
EOF
}

# with_etcd2 COMMAND...: runs it beside etcd2 on etcd2's own data, before the boot. The command is
# tried again until it succeeds: in a cluster the others may have gone on to their boot meanwhile,
# and there is no quorum until they are back.
with_etcd2() (
  set -a
  # shellcheck disable=SC2034  # read by etcd
  ETCD_DATA_DIR=/var/lib/etcd2 ETCD_NAME=$(cat /etc/machine-id)
  # shellcheck source=/dev/null
  [ ! -e "$etcd_cluster" ] || . "$etcd_cluster"
  set +a
  setpriv --reuid=etcd --regid=etcd --clear-groups /usr/bin/etcd2 > /run/etcd2.log 2>&1 &
  pid=$!
  deadline=$(($(date +%s) + 60))
  until curl -fs -m 5 -o /dev/null http://127.0.0.1:2379/health && "$@"; do
    if [ "$(date +%s)" -ge "$deadline" ] || ! kill -0 "$pid"; then
      tail -n 20 /run/etcd2.log >&2
      return 1
    fi
    sleep 0.1
  done
  kill "$pid"
  wait "$pid" || :
  rm -f /run/etcd2.log
)

# make_directory KEY: succeeds too when it is there.
make_directory() {
  etcdctl mkdir "$1" >/dev/null 2>&1 || etcdctl ls "$1"
}

# Another program's key: /coreos.com exists, so etcd is in use and only flannel's part is missing.
use_etcd2() {
  make_directory /coreos.com/updateengine
}

# set_network TEXT: the key as a user would have set it.
set_network() {
  use_etcd2 && etcdctl set /coreos.com/network/config "$1" >/dev/null
}

journal_has() {
  journalctl -b -q --no-pager -u "$1" -o cat | grep -q -F -e "$2"
}

docker_gave_up() {
  journal_has docker.service "Job docker.service/start failed with result 'dependency'"
}

docker_hangs() {
  timeout 5 docker version >/dev/null 2>&1
  [ $? = 124 ]
}

docker_answers() {
  timeout 5 docker version >/dev/null 2>&1
}

is() {
  [ "$(systemctl is-active "$1")" = "$2" ]
}
