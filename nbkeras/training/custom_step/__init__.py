"""``%%train_step`` and ``%%test_step``: one writes the body of a step, and it is tried before training."""
