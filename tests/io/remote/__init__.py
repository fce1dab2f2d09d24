"""Remote files, from servers that the tests start.

`serving` has a server that misbehaves on request and counts; `nginx` starts a real one, moto has an
S3. The verbs of the command line on URLs belong in `tests/cli`.
"""
