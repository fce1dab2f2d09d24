"""Tests of files that do not tell everything: unknown is never taken for zero.

Whatever the reason is belongs here: a cut file, a metadump, a shared block.
"""
