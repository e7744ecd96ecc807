"""Other assistants as users: runs, agents and ideas over the Model Context Protocol, within a budget of the person's.

What an assistant is told comes from models in the end, so it is cleaned, bounded and marked as data; what an assistant
asks for is checked like any input, and paid for from totals that only the person who starts the server sets.
"""

from creator.assistants.purse import Limits
from creator.assistants.serving import serve

__all__ = ["Limits", "serve"]
