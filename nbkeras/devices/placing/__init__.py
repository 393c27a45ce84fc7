"""Layers on devices of their own, and where the parts of a model really are."""
