"""Wishes: what is known of an agent before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from creator.agents.messages import Created
from creator.breeding.heritage import Heritage
from creator.briefs import Brief

USER: Final = "user"
"""Who asks for an agent when it is a person; no agent can have this name."""


@dataclass(frozen=True)
class Fate:
    """What became of an agent that came to no idea, in a run that is played again.

    Attributes:
        reason: Why it came to none, in one line.
        written: Whether its module was left behind; else nothing is written now either.
        lived: Whether it came to life; else it is not started now either.
    """

    reason: str
    written: bool = False
    lived: bool = False


@dataclass(frozen=True)
class Wish:
    """An agent that shall be born.

    Attributes:
        number: Of its birth, from 1; it tells the births of a run apart.
        brief: What it shall be.
        template: What it is filled from, or what a model that writes code gets as its example.
        parents: Agents that it stems from.
        draft: Its module, when it is there already; nothing is written then.
        generation: 0 unless it is bred from the best of the generation before.
        asked_by: Who wishes for it: an agent's name, ``user``, or nobody.
        heritage: What it takes over from its parents; None unless it is bred.
        restart: Whether it lived before, in an earlier life of the run: then nobody is asked about its draft again, and
            when that does not start the agent is written anew.
        tries: How many tries at its birth there were in an earlier life of the run.
        talks: How many conversations there were then that came to no idea.
        name: What it has to be called, in a run that is played again; None for a name of the author's choice.
        feedback: Why the try before failed.
        fate: What became of it in the run that is played again, when it came to no idea; None otherwise.
    """

    number: int
    brief: Brief
    template: str
    parents: tuple[str, ...] = ()
    draft: Created | None = None
    generation: int = 0
    asked_by: str = ""
    heritage: Heritage | None = None
    restart: bool = False
    tries: int = 0
    talks: int = 0
    name: str | None = None
    feedback: str = ""
    fate: Fate | None = None
