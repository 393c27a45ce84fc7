"""Views of runs: the live monitor, static pictures, tables, text for terminals."""
