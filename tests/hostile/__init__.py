"""Every verb on hostile files: no crash, bounded time and memory.

These tests take minutes and run with `-m hostile`. A test of one damaged structure belongs to the
room that reads it.
"""
