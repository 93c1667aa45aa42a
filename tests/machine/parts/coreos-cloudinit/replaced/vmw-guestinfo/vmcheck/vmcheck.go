// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package vmcheck answers as a machine that does not run under VMware.
package vmcheck

// IsVirtualWorld tells whether VMware's backdoor is there.
func IsVirtualWorld() bool { return false }
