"""What the layers of a model put out."""
