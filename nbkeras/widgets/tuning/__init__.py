"""Views of a search: its trials as a table, their values and their results as pictures."""
