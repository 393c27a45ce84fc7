"""A frozen base's outputs, computed once, for the head to train on."""
