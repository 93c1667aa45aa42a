// Copyright (c) 2026 container_linux.remediation contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Builds coreos-cloudinit as Container Linux shipped it, the release's version of it: the one named
// below is replaced by the one that is asked for (testmachine/parts.py). Most libraries it was built with in 2014
// can no longer be had as modules; the small ones under replaced/ stand in for them.
module container_linux/coreos-cloudinit-build

go 1.19

require github.com/coreos/coreos-cloudinit v1.11.0

require (
	github.com/cloudsigma/cepgo v0.0.0
	github.com/coreos/go-systemd v0.0.0
	github.com/coreos/yaml v0.0.0-20141224210557-6b16a5714269
	github.com/dotcloud/docker v0.0.0
	github.com/sigma/vmw-guestinfo v0.0.0
	github.com/sigma/vmw-ovflib v0.0.0
)

replace (
	github.com/cloudsigma/cepgo => ./replaced/cepgo
	github.com/coreos/go-systemd => ./replaced/go-systemd
	github.com/dotcloud/docker => ./replaced/docker
	github.com/sigma/vmw-guestinfo => ./replaced/vmw-guestinfo
	github.com/sigma/vmw-ovflib => ./replaced/vmw-ovflib
)
