"""The static policy: what a generated module may contain, checked before anything of it runs.

It is a gate, not the wall: it makes mistakes early, cheap and reviewable, for a model that gets the findings as
feedback and for a person who reads them. The wall is the sandbox.
"""

from creator.policy.check import check_module
from creator.policy.findings import Finding
from creator.policy.rules import RULES, Example, Rule
from creator.policy.source import MAX_SOURCE_BYTES

__all__ = ["MAX_SOURCE_BYTES", "RULES", "Example", "Finding", "Rule", "check_module"]
