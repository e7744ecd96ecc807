"""What runs inside the sandbox: the messages, the kit for generated modules, the supervisor and its cells.

Nothing here imports ``creator``: this package and its few dependencies are all that the container image holds.
"""
