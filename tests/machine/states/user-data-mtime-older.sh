# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: new user-data was moved in late; its mtime is older than the run, its ctime is not
# row: 2
# within: 60 s

setup() {
  seed_user_data 1 | have_user_data
  seed_user_data 2 | write_file /var/lib/uploaded
  touch -d '1 hour ago' /var/lib/uploaded
}

# Uploaded an hour ago, moved after the run: within a file system mv keeps the mtime.
after_boot() {
  wait_until user_data_applied
  later
  mv /var/lib/uploaded "$USER_DATA"
}

symptom() {
  user_data_applied && user_data_runs 1 && [ ! -e /etc/test.txt ] &&
    [ "$(stat -c %Y "$USER_DATA")" -lt "$(user_data_run_at)" ] &&
    [ "$(stat -c %Z "$USER_DATA")" -gt "$(user_data_run_at)" ]
}
