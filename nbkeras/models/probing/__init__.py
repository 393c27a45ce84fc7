"""Gradients of a model: of its loss by the weights of each layer, of a score by the inputs."""
