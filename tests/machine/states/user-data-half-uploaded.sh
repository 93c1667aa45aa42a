# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the path ran the first half of the file; the rest is still on its way
# row: 13
# within: 60 s

# A slow upload straight to its place: a line of comment twice a second for two minutes, then the end.
upload() {
  cat <<'EOF'
#cloud-config

write_files:
  - path: /etc/first.txt
    content: |
      the beginning
EOF
  line=0
  while [ "$line" -lt 240 ]; do
    sleep 0.5
    line=$((line + 1))
    echo "# $line"
  done
  cat <<'EOF'
  - path: /etc/last.txt
    content: |
      the end
EOF
}

setup() {
  mkdir -p "${USER_DATA%/*}"
}

after_boot() {
  wait_until is "$USER_DATA_WATCH" active
  upload > "$USER_DATA" 2>/dev/null < /dev/null &
}

symptom() {
  size=$(stat -c %s "$USER_DATA")
  later
  user_data_applied && user_data_runs 1 && [ -e /etc/first.txt ] && [ ! -e /etc/last.txt ] &&
    [ "$(stat -c %s "$USER_DATA")" -gt "$size" ]
}
