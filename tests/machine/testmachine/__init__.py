# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds and starts machines that look like Container Linux and fail the way those fail."""
