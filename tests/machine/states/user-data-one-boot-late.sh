# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: `vagrant reload --provision` brought new user-data after the old one had been applied
# row: 1
# within: 90 s

setup() {
  forget_addresses
}

# vagrant up
earlier_boot() {
  wait_until is "$USER_DATA_WATCH" active
  vagrant_says_addresses
  seed_user_data 1 | vagrant_provisions
  wait_until user_data_applied
}

# vagrant reload --provision
after_boot() {
  wait_until user_data_applied
  later
  vagrant_says_addresses
  seed_user_data 2 | vagrant_provisions
}

# What the story saw: the new file is there, the service has run well but before it, and the path
# has seen nothing since.
symptom() {
  grep -q '^  - path: /etc/test.txt' "$USER_DATA" && [ ! -e /etc/test.txt ] &&
    user_data_applied && [ "$(about SubState "$USER_DATA_SERVICE")" = exited ] &&
    [ "$(user_data_run_at)" -lt "$(stat -c %Z "$USER_DATA")" ] &&
    user_data_runs 1 && seed_in_force
}
