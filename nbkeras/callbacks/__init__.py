"""Keras callbacks, one per file, each usable in a plain ``model.fit``."""
