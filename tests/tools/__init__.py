"""Tests of the tools that set up, run and prove the tests."""
