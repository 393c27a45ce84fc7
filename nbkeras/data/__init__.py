"""Pipelines of `tf.data`: arrays in an order of their own each epoch."""
