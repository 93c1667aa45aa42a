// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package dbus offers the 2014 interface of go-systemd, as coreos-cloudinit calls it, over
// today's go-systemd. What matters is kept: the unit commands wait for the result of their job.
package dbus

import (
	"context"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Property is a property of a transient unit.
type Property = systemd.Property

// EnableUnitFileChange is one link that enabling a unit has made.
type EnableUnitFileChange = systemd.EnableUnitFileChange

// Conn is a connection to the systemd of this machine.
type Conn struct {
	conn *systemd.Conn
}

// New connects to systemd.
func New() (*Conn, error) {
	conn, err := systemd.NewWithContext(context.Background())
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn}, nil
}

// command starts a job and returns its result ("done", "dependency", "timeout" …).
type command func(context.Context, string, string, chan<- string) (int, error)

func wait(run command, name string, mode string) (string, error) {
	// The library sends the result without waiting for a reader, so the channel must have room.
	result := make(chan string, 1)
	if _, err := run(context.Background(), name, mode, result); err != nil {
		return "", err
	}
	return <-result, nil
}

// StartUnit starts a unit and waits for the result of its job.
func (c *Conn) StartUnit(name string, mode string) (string, error) {
	return wait(c.conn.StartUnitContext, name, mode)
}

// StopUnit stops a unit and waits for the result of its job.
func (c *Conn) StopUnit(name string, mode string) (string, error) {
	return wait(c.conn.StopUnitContext, name, mode)
}

// RestartUnit restarts a unit and waits for the result of its job.
func (c *Conn) RestartUnit(name string, mode string) (string, error) {
	return wait(c.conn.RestartUnitContext, name, mode)
}

// ReloadUnit reloads a unit and waits for the result of its job.
func (c *Conn) ReloadUnit(name string, mode string) (string, error) {
	return wait(c.conn.ReloadUnitContext, name, mode)
}

// TryRestartUnit restarts a running unit and waits for the result of its job.
func (c *Conn) TryRestartUnit(name string, mode string) (string, error) {
	return wait(c.conn.TryRestartUnitContext, name, mode)
}

// ReloadOrRestartUnit reloads a unit, or restarts one that cannot reload, and waits for the result.
func (c *Conn) ReloadOrRestartUnit(name string, mode string) (string, error) {
	return wait(c.conn.ReloadOrRestartUnitContext, name, mode)
}

// ReloadOrTryRestartUnit is ReloadOrRestartUnit for a unit that runs, else nothing.
func (c *Conn) ReloadOrTryRestartUnit(name string, mode string) (string, error) {
	return wait(c.conn.ReloadOrTryRestartUnitContext, name, mode)
}

// StartTransientUnit starts a unit that has no file and waits for the result of its job.
func (c *Conn) StartTransientUnit(
	name string, mode string, properties ...Property,
) (string, error) {
	result := make(chan string, 1)
	_, err := c.conn.StartTransientUnitContext(
		context.Background(), name, mode, properties, result)
	if err != nil {
		return "", err
	}
	return <-result, nil
}

// EnableUnitFiles enables units, for this boot only when runtime is true.
func (c *Conn) EnableUnitFiles(
	files []string, runtime bool, force bool,
) (bool, []EnableUnitFileChange, error) {
	return c.conn.EnableUnitFilesContext(context.Background(), files, runtime, force)
}

// Reload makes systemd read its unit files again.
func (c *Conn) Reload() error {
	return c.conn.ReloadContext(context.Background())
}

// PropDescription sets the description of a transient unit.
func PropDescription(text string) Property {
	return Property{Name: "Description", Value: dbus.MakeVariant(text)}
}

// PropExecStart sets the command of a transient unit.
func PropExecStart(words []string, uncleanIsFailure bool) Property {
	return systemd.PropExecStart(words, uncleanIsFailure)
}
