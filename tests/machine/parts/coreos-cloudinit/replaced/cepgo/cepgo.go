// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Package cepgo answers as a machine that does not run on CloudSigma.
package cepgo

import "errors"

var errNotAvailable = errors.New("the CloudSigma server context is not available on this machine")

// Cepgo is the client of the server context.
type Cepgo struct{}

// NewCepgo returns a client whose every question fails.
func NewCepgo() *Cepgo { return &Cepgo{} }

// All would return the whole context.
func (*Cepgo) All() (interface{}, error) { return nil, errNotAvailable }

// Key would return one value of the context.
func (*Cepgo) Key(string) (interface{}, error) { return nil, errNotAvailable }

// Meta would return the metadata of the context.
func (*Cepgo) Meta() (map[string]string, error) { return nil, errNotAvailable }

// FetchRaw would return the undecoded answer.
func (*Cepgo) FetchRaw(string) ([]byte, error) { return nil, errNotAvailable }
