"""Performance, measured as ratios."""
