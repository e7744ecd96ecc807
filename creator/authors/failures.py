"""What was wrong with a module, as its author is told: short, exact, with the line it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from creator.policy import Finding
from creator.text import clean, clean_lines

Stage = Literal["model", "source", "policy", "trial"]
"""Where a try failed: no module in the answer, no Python, refused by the policy, or did not do its work."""

SHOWN: Final = 5
"""Findings of the policy that are told; the others may be gone with them."""
MESSAGE_LENGTH: Final = 300
LINE_LENGTH: Final = 140
TRIAL_LINES: Final = 12
TRIAL_LENGTH: Final = 1_500


class FailedTry(Exception):
    """One module that could not be used.

    Attributes:
        stage: Where it failed.
        finding: What is wrong, in bounded lines of visible text.
        source: The module, as far as there is one; the finding's line numbers are its.
    """

    def __init__(self, stage: Stage, finding: str, source: str = "") -> None:
        super().__init__(f"{stage}: {finding}")
        self.stage: Stage = stage
        self.finding = finding
        self.source = source


def refused(findings: Sequence[Finding], source: str) -> FailedTry:
    """A module that the policy refused."""
    lines = source.split("\n")
    told = [_told(one, lines) for one in findings[:SHOWN]]
    if len(findings) > SHOWN:
        told.append(f"and {len(findings) - SHOWN} more")
    is_python = any(not one.rule.startswith(("SOURCE", "SYNTAX")) for one in findings)
    return FailedTry("policy" if is_python else "source", "\n".join(told), source)


def _told(finding: Finding, lines: Sequence[str]) -> str:
    told = f"line {finding.line}, {finding.rule}: {clean(finding.message, MESSAGE_LENGTH)}"
    line = clean(lines[finding.line - 1], LINE_LENGTH) if finding.line <= len(lines) else ""
    return f"{told}\n    {line}" if line else told


def failed_trial(reason: str, source: str) -> FailedTry:
    """A module that did not do its work when it was tried; of a long reason the first line and the last ones stay."""
    lines = [one for one in clean_lines(reason, 4 * TRIAL_LENGTH).split("\n") if one.strip()]
    if len(lines) > TRIAL_LINES:
        lines = [lines[0], "…", *lines[2 - TRIAL_LINES :]]
    each = TRIAL_LENGTH // max(len(lines), 1)
    told = "\n".join(one if len(one) <= each else one[: each - 1] + "…" for one in lines)
    return FailedTry("trial", told or "it failed without a reason", source)
