// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

module github.com/coreos/go-systemd

go 1.19

require (
	github.com/coreos/go-systemd/v22 v22.5.0
	github.com/godbus/dbus/v5 v5.0.4
)
