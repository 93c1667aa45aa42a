# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What stays the same on a machine that nobody touches, a line each. Left out is what a broken
# machine does by itself: flanneld starts over and over, and touches its environment file.
export LC_ALL=C
for unit in etcd.service etcd2.service docker.service; do
  echo "$unit $(systemctl show "$unit" --property=StateChangeTimestampMonotonic)"
done
echo "flanneld.service $(systemctl show flanneld.service --property=ActiveEnterTimestampMonotonic)"
systemctl show 'user-cloudinit@*.service' --property=Id --property=ExecMainStartTimestampMonotonic
systemctl list-unit-files --no-legend --no-pager | sort
# The index counts every write. etcd 0.4 knows the second port only.
for port in 2379 4001; do
  curl --silent --max-time 5 --dump-header - --output /dev/null "http://127.0.0.1:$port/v2/keys/" | grep '^X-Etcd-Index'
done
find /etc /home /opt /root /usr -xdev -newer /.machine/booted -type l -printf '%p -> %l\n' | sort
find /etc /home /opt /root /usr -xdev -newer /.machine/booted -type f -exec sha256sum {} + | sort
# What user-data brings, and what is remembered of it.
for place in /run/systemd/system /run/container-linux-remediation /var/lib/container-linux-remediation /var/lib/coreos-vagrant; do
  [ ! -e "$place" ] || find "$place" -xdev -type f -exec sha256sum {} +
done | sort
