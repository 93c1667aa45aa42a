# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's settings for the reference that antsibull-docs generates from the plugins and roles."""

from __future__ import annotations

project = "container_linux.remediation"
author = "container_linux.remediation contributors"
copyright = f"2026 {author}"
html_title = project

extensions = ["sphinx_antsibull_ext"]
root_doc = "index"

html_theme = "alabaster"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"

# References into Ansible's own documentation cannot be resolved without the network: they stay text.
suppress_warnings = ["ref.ref"]
