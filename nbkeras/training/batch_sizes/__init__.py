"""Batch sizes tried in a process of their own: which fit into memory, and how fast each is."""
