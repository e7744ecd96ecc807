"""Review: a person sees each module before it goes live, and decides.

The review on a terminal is `creator.review.terminal.TerminalReviewer`; nothing else here needs rich.
"""

from creator.review.base import Candidate, LaterReviewer, Reviewer, Verdict

__all__ = ["Candidate", "LaterReviewer", "Reviewer", "Verdict"]
