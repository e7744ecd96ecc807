"""The providers whose keys are looked up in the environment. Nothing is imported here, so that start-up may read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("OPENAI_API_KEY", "gpt-4.1-mini"),
    "anthropic": ("ANTHROPIC_API_KEY", "claude-haiku-4-5"),
}
"""By provider: the variable that holds its key, and the model when none is named."""
