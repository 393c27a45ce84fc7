"""The notebook's grammar: one file per family of magics."""
