"""Models: which of their layers learn, how fast, and what they hold."""
