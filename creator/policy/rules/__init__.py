"""The rules of the policy: what each asks, why, and an example of either side."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.calls import CALL_RULES
from creator.policy.rules.contract import CONTRACT_RULES
from creator.policy.rules.imports import IMPORT_RULES
from creator.policy.rules.rule import Example, Rule
from creator.policy.rules.running import RUNNING_RULES
from creator.policy.rules.source import SOURCE_RULES

__all__ = ["RULES", "Example", "Rule"]

RULES: Final[dict[str, Rule]] = {
    rule.id: rule for rule in (*SOURCE_RULES, *IMPORT_RULES, *CALL_RULES, *RUNNING_RULES, *CONTRACT_RULES)
}
"""Every rule by its id, in the order in which they are listed."""
