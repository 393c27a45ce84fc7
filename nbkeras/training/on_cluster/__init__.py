"""A cell on the workers of a cluster: what ``%%fit`` is in the notebook."""
