"""Ideas: their form, plain checks, near-duplicates, and the order in which a judge prefers them."""
