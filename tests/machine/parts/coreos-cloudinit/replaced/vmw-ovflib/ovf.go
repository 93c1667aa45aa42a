// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package ovf answers as a machine without an OVF environment.
package ovf

// OvfEnvironment is what the hypervisor told the machine: here, nothing.
type OvfEnvironment struct {
	Properties map[string]string
}

// ReadEnvironment reads an OVF document; none is understood.
func ReadEnvironment([]byte) *OvfEnvironment { return &OvfEnvironment{} }
