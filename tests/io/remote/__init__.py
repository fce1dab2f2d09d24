"""Remote files, from servers that the tests start.

`serving` has a server that misbehaves on request and counts; nginx and moto's S3 are real ones. The
verbs of the command line on URLs belong in `tests/cli`.
"""
