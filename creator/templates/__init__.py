"""Templates: found, rendered into modules, described by the schema of their slots, mixed, and checked."""
