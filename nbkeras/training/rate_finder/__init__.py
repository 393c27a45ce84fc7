"""The learning-rate range test: the loss at rates that rise from batch to batch, and what follows from it."""
