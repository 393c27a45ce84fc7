"""Measures nbkeras against its bars and its peers: ``python -m tests.benchmarks``."""
