# SPDX-License-Identifier: GPL-2.0-only
"""How Sphinx builds these pages: make docs."""

project = "regalloc"
author = "regalloc developers"
copyright = "the " + author

html_theme = "alabaster"
html_theme_options = {"description": "One memory budget for buffer pools"}
html_show_sphinx = False

# "::" after a sentence begins a listing of no language in particular.
highlight_language = "none"
