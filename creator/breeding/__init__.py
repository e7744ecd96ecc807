"""Breeding: who descends from the authors of the best ideas, what it takes over, and whether it is new."""
