"""Exporting a generated agent: as an AutoGen component, or as a script of its own that needs no sandbox.

A module is read as text and syntax tree. Nothing of it is imported or run here.
"""

from creator.exporting.component import component_of
from creator.exporting.script import script_of

__all__ = ["component_of", "script_of"]
