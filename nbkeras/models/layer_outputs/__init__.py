"""The outputs of layers inside a model, for any data."""
