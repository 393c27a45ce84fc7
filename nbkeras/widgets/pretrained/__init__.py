"""Pretrained models as a notebook shows them: tables, downloads, predictions with names."""
