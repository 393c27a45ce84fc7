"""The run log: a SQLite file that several kernels write at once, and that outlives them all."""
