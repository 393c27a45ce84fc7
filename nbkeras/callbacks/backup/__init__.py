"""Exact backups of a training: what is kept, where, and how a run goes on from it."""
