"""Finding a TPU, connecting to it, and saying plainly why there is none."""
