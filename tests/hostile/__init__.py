"""Every verb on files that are made to hurt: no crash, bounded time and memory.

They take minutes and run with `-m hostile`. A single damaged structure belongs with the room that
reads it.
"""
