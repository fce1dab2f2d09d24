"""Tests of files that do not tell everything: unknown is never taken for zero.

Whatever the reason is: a cut file, a metadump, a shared block. Tests of one reason alone stand with
its room.
"""
