"""Mixed precision around a training: what a cell is asked for, what is faster here, and what it means."""
