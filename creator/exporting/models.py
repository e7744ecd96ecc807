"""The model of an agent outside: the one that it was made with, where that can be had there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from creator.models.providers import KEYS
from creator.text import clean


@dataclass(frozen=True)
class OutsideModel:
    """Which model an exported agent asks.

    Attributes:
        provider: Whose it is, such as ``openai``.
        name: What the provider calls it.
        note: What to know of the choice, as a sentence; empty when it is the model that the agent was made with.
    """

    provider: str
    name: str
    note: str = ""


def outside_model(spec: str, providers: Collection[str]) -> OutsideModel:
    """The model for a spec such as ``openai:gpt-4.1-mini``; OpenAI's default where ``providers`` lack it.

    Args:
        spec: The model as the run has recorded it.
        providers: Those that the exported form can ask.
    """
    provider, _, name = clean(spec, 200).partition(":")
    if provider in providers and name:
        return OutsideModel(provider, name)
    stand_in = KEYS["openai"][1]
    return OutsideModel(
        "openai",
        stand_in,
        f"{stand_in} stands in for {clean(spec, 200) or 'a model'!r}, which the agent was made with.",
    )
