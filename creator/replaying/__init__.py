"""Runs that are played again: from the record of what models answered, with no model, in the sandbox like any other."""
