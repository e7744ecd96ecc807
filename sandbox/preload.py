"""Imported once by the process that cells are forked from, so that a cell starts with everything imported.

That process is started anew by Python, so it has to be confined by itself: it must end with the supervisor, and its
memory, which holds what every cell is told, must not be readable for cells of the same user.
"""

from sandbox.cell import confine_process

confine_process()
