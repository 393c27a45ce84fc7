"""The FAQ's questions of the section General, one recipe a file."""
