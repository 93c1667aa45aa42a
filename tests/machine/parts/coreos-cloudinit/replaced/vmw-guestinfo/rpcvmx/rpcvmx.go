// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package rpcvmx answers as a machine that does not run under VMware.
package rpcvmx

import "errors"

// Config is the guestinfo store.
type Config struct{}

// NewConfig returns a store in which nothing can be read.
func NewConfig() *Config { return &Config{} }

// String would return the value of key.
func (*Config) String(key string, defaultValue string) (string, error) {
	return defaultValue, errors.New("VMware guestinfo is not available on this machine")
}
