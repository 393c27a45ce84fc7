"""Whether a cell gives the same result again: what each run of it showed, the first difference, its cause."""
