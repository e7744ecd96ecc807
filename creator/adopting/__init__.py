"""Adopting foreign agents: AutoGen modules of the usual course's kind, rewritten onto `sandbox.kit`.

A module is only read here, never run. The rewrite is small and visible, and names what it could not do.
"""

from creator.adopting.adoption import Adoption, adopt, persona_of

__all__ = ["Adoption", "adopt", "persona_of"]
