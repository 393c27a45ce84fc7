"""Pretrained models: what there is, what of it is on this machine, and models built on it."""
