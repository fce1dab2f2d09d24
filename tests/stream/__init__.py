"""Tests of streams without mapped-ram."""
