// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package netlink has the one call that coreos-cloudinit makes before it restarts networkd.
package netlink

import (
	"fmt"
	"net"
	"os/exec"
)

// NetworkLinkDown takes the interface down.
func NetworkLinkDown(iface *net.Interface) error {
	out, err := exec.Command("ip", "link", "set", "dev", iface.Name, "down").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip link set dev %s down: %v: %s", iface.Name, err, out)
	}
	return nil
}
