"""Workers on other hosts, reached through engines of ipyparallel."""
