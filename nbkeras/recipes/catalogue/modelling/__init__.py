"""The FAQ's questions of the section Modelling, one recipe a file."""
