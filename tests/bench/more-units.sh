# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Gives a machine COUNT units more, five to a stack, as a host has them on which somebody deploys
# stacks of services: with drop-ins, timers, links, and dependencies among each other.
set -eu

# unit FILE < CONTENT
unit() {
  mkdir -p "$(dirname "/etc/systemd/system/$1")"
  cat >"/etc/systemd/system/$1"
}

# link UNIT TARGET: as `systemctl enable` does
link() {
  mkdir -p "/etc/systemd/system/$2.wants"
  ln -sf "/etc/systemd/system/$1" "/etc/systemd/system/$2.wants/$1"
}

stack() {
  unit "$1-db.service" <<EOF
[Unit]
Description=Database of $1
RequiresMountsFor=/var/lib/$1
After=network.target local-fs.target

[Service]
ExecStart=/bin/sleep infinity
Restart=always

[Install]
WantedBy=multi-user.target
EOF
  unit "$1-db.service.d/10-memory.conf" <<EOF
[Service]
MemoryLimit=512M
EOF
  unit "$1-api.service" <<EOF
[Unit]
Description=API of $1
Documentation=https://example.org/$1
Requires=$1-db.service
After=network.target $1-db.service

[Service]
Environment=NAME=$1
ExecStart=/bin/sleep infinity
Restart=on-failure

[Install]
WantedBy=multi-user.target
EOF
  unit "$1-api.service.d/20-order.conf" <<EOF
[Unit]
# it registers itself there
Wants=etcd2.service
After=etcd2.service \\
  docker.service
EOF
  unit "$1-web.service" <<EOF
[Unit]
Description=Web server of $1
BindsTo=$1-api.service
PartOf=$1-db.service
After=$1-api.service $1-db.service

[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
EOF
  unit "$1-backup.service" <<EOF
[Unit]
Description=Backup of $1
Requisite=$1-db.service
After=$1-db.service
Before=$1-web.service

[Service]
Type=oneshot
ExecStart=/bin/true
EOF
  unit "$1-backup.timer" <<EOF
[Unit]
Description=Daily backup of $1

[Timer]
OnCalendar=daily
Persistent=true

[Install]
WantedBy=timers.target
EOF
  link "$1-web.service" multi-user.target
  link "$1-backup.timer" timers.target
}

number=0
while [ "$number" -lt "$((COUNT / 5))" ]; do
  number=$((number + 1))
  stack "stack$number"
done
systemctl daemon-reload
