"""The layers of a model as a tree that one walks through, and as a table that stays."""
