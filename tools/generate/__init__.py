"""Generate all committed files that are derived from others, or check that they are up to date.

A module makes the files of one kind from `spec/`. Files made when the site is built belong in
`tools/docs`.
"""
