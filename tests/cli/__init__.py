"""Tests of the command line: options, exit statuses, text and JSON, outputs that fail.

Tests of a verb that belongs to one room, such as `repair`, stand with that room.
"""
