"""Make every committed file that is derived from another one, or check that it is fresh.

A module makes the files of one kind from `spec/`. What is made when the site is built belongs in
`tools/docs`.
"""
