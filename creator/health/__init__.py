"""What works on this machine, what is missing, and what can be done about it."""
