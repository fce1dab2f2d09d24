"""Parsers and writers that kaitai-struct-compiler generates from `spec/*.ksy`. Do not edit.

To change one, change its `.ksy` file and run `python -m tools.generate`. Nothing written by hand
belongs here.
"""
