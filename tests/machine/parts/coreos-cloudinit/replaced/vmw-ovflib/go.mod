// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

module github.com/sigma/vmw-ovflib

go 1.19
