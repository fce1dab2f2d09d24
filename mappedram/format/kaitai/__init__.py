"""The parsers and writers that kaitai-struct-compiler generated from `spec/`. Do not edit."""
