"""The FAQ's questions of the section Training, one recipe a file."""
