# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the states are written with. Sourced at the first boot, before systemd runs, and by every
# look at the state's symptom.

# /.machine/cluster, if there, holds the member's own ETCD_... lines.
etcd_cluster=/.machine/cluster

# The etcd of this release that holds flannel's key, its data and the program that runs it.
if [ -e /usr/lib/systemd/system/etcd2.service ]; then
  MEMBER=etcd2 MEMBER_DATA=/var/lib/etcd2 MEMBER_PROGRAM=/usr/bin/etcd2
else
  MEMBER=etcd-member MEMBER_DATA=/var/lib/etcd MEMBER_PROGRAM=/usr/bin/etcd3
fi

USER_DATA=/var/lib/coreos-vagrant/vagrantfile-user-data
USER_DATA_SERVICE='user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'
USER_DATA_WATCH=coreos-cloudinit-vagrant-user.path

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
    write_file "/etc/systemd/system/$MEMBER.service.d/40-etcd-cluster.conf"
}

# The key that lets Vagrant in comes from the OEM's cloud-config at each boot. It is kept as that
# does, so that a user-data with other keys locks Vagrant out here as it does there.
know_vagrant_key() {
  mkdir -p /home/core/.ssh/authorized_keys.d
  cp -p /home/core/.ssh/authorized_keys /home/core/.ssh/authorized_keys.d/coreos-cloudinit
  chown core: /home/core/.ssh/authorized_keys.d
  sed -i "s|@@VAGRANT_KEY@@|$(cat /home/core/.ssh/authorized_keys)|" /usr/share/oem/cloud-config.yml
}

# The machine's addresses, as Vagrant has told it: by an earlier boot, unless the state forgets it.
know_addresses() {
  address=$(hostname -i)
  write_file /etc/environment <<EOF
COREOS_PUBLIC_IPV4=${address%% *}
COREOS_PRIVATE_IPV4=${address%% *}
EOF
}

# The first boot of a box: nobody has told it anything yet.
forget_addresses() {
  : > /etc/environment
}

# limit_start_timeout TIME: so that a test need not wait for systemd's own 90 s.
limit_start_timeout() {
  printf '[Manager]\nDefaultTimeoutStartSec=%s\n' "$1" |
    write_file /etc/systemd/system.conf.d/40-start-timeout.conf
  # From 1409 on flanneld has a time of its own.
  if grep -q '^TimeoutStartSec=' /usr/lib/systemd/system/flanneld.service; then
    printf '[Service]\nTimeoutStartSec=%s\n' "$1" |
      write_file /etc/systemd/system/flanneld.service.d/40-start-timeout.conf
  fi
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

# with_etcd2 COMMAND...: runs it beside etcd2 (or what this release has instead) on its own data, before
# the boot. The command is tried again until it succeeds: in a cluster the others may have gone on to
# their boot meanwhile, and there is no quorum until they are back.
with_etcd2() (
  set -a
  # shellcheck disable=SC2034  # read by etcd
  ETCD_DATA_DIR=$MEMBER_DATA ETCD_NAME=$(cat /etc/machine-id)
  # shellcheck source=/dev/null
  [ ! -e "$etcd_cluster" ] || . "$etcd_cluster"
  set +a
  setpriv --reuid=etcd --regid=etcd --clear-groups "$MEMBER_PROGRAM" > /run/member.log 2>&1 &
  pid=$!
  deadline=$(($(date +%s) + 60))
  until curl -fs -m 5 -o /dev/null http://127.0.0.1:2379/health && "$@"; do
    if [ "$(date +%s)" -ge "$deadline" ] || ! kill -0 "$pid"; then
      tail -n 20 /run/member.log >&2
      return 1
    fi
    sleep 0.1
  done
  kill "$pid"
  wait "$pid" || :
  rm -f /run/member.log
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

# What Vagrant does at each `up` and `reload` when the machine lets it in: it says the addresses.
# The box's own plugin also makes a .network unit of each private network; this machine's network is
# the engine's affair, so there is none.
vagrant_says_addresses() {
  address=$(hostname -i)
  write_file /var/tmp/networks.yml <<EOF
#cloud-config

write_files:
  - path: /etc/environment
    content: |
      COREOS_PUBLIC_IPV4=${address%% *}
      COREOS_PRIVATE_IPV4=${address%% *}
coreos:
  units:
EOF
  systemctl start system-cloudinit@var-tmp-networks.yml.service
}

# vagrant_provisions < USER-DATA: with its file provisioner as core, then its shell provisioner as
# root. /tmp is another file system, so that this mv makes a new file and then fills it.
vagrant_provisions() {
  setpriv --reuid=core --regid=core --clear-groups sh -c 'cat > /tmp/vagrantfile-user-data'
  mkdir -p /var/lib/coreos-vagrant
  mv /tmp/vagrantfile-user-data "$USER_DATA"
}

# seed_user_data 1|2: the story's own, or where there is no etcd 0.4 and no fleet any more,
# what is left of it without them.
seed_user_data() {
  if [ -e /usr/lib/systemd/system/fleet.service ]; then
    cat "/.machine/user-data/seed-$1.yml"
  else
    cat "/.machine/user-data/seed-$1-without-etcd.yml"
  fi
}

# Whether what both of the seed's user-data ask for is there.
seed_in_force() {
  is docker-tcp.socket active && [ -e /etc/systemd/system/sockets.target.wants/docker-tcp.socket ] &&
    { [ ! -e /usr/lib/systemd/system/fleet.service ] || etcd_and_fleet_in_force; }
}

etcd_and_fleet_in_force() {
  address=$(hostname -i)
  is etcd active && is fleet active &&
    grep -q -F "ETCD_ADDR=${address%% *}:4001" /run/systemd/system/etcd.service.d/20-cloudinit.conf &&
    grep -q -F "FLEET_PUBLIC_IP=${address%% *}" /run/systemd/system/fleet.service.d/20-cloudinit.conf
}

# have_user_data < USER-DATA: as an earlier `vagrant up` has left it.
have_user_data() {
  write_file "$USER_DATA"
  chown core: "$USER_DATA"
}

# Whether the stock path has run the service in this boot and both stand still.
user_data_applied() {
  is "$USER_DATA_SERVICE" active && [ "$(about SubState "$USER_DATA_WATCH")" = running ]
}

# Whether this boot has come to the user-data that was there when it began, if any: a real machine has
# long before Vagrant comes with another.
boot_has_met_user_data() {
  ! is "$USER_DATA_WATCH" failed || return 0
  is "$USER_DATA_WATCH" active || return 1
  [ ! -s "$USER_DATA" ] || [ "$(about SubState "$USER_DATA_WATCH")" != waiting ]
}

# wait_until COMMAND...: whoever calls has set a time limit.
wait_until() {
  until "$@"; do sleep 0.2; done
}

# In seconds, because that is all that a real host's stat and systemd have in common.
user_data_run_at() {
  date -d "$(about ExecMainStartTimestamp "$USER_DATA_SERVICE")" +%s
}

# Let a second pass, so that what comes next is later by any clock.
later() {
  sleep 1.1
}

# user_data_says TEXT: its log of this boot has it.
user_data_says() {
  journal_has "$USER_DATA_SERVICE" "$1"
}

# user_data_runs COUNT: so often it has been applied in this boot.
user_data_runs() {
  [ "$(journalctl -b -q --no-pager -u "$USER_DATA_SERVICE" -o cat |
    grep -c -F 'Fetching user-data from datasource')" = "$1" ]
}

# about PROPERTY UNIT
about() {
  systemctl show -p "$1" "$2" | sed "s/^$1=//"
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
