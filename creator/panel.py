"""The panel of judges: which models sit in it, and how the tournament asks one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from creator.agents.judge import shown_parts
from creator.agents.messages import Compare, Preference
from creator.errors import UsageError
from creator.ideas.form import IdeaForm
from creator.models.backend import Backend
from creator.models.choose import choose_backend
from creator.settings import SpawnSettings
from sandbox.errors import MessagingError
from sandbox.protocol import JUDGE, Idea
from sandbox.runtime import HardenedRuntime


def judge_backends(
    settings: SpawnSettings, own: Backend, environ: Mapping[str, str], progress: Callable[[str], None]
) -> list[Backend]:
    """The models that the user wants as judges, not yet opened; the same spec twice is one backend twice.

    Args:
        settings: What the user asked for.
        own: The model of the run, which may be named as a judge too.
        environ: Where keys are looked up.
        progress: Called with a line for what takes long.

    Raises:
        UsageError: A spec cannot be understood, or its model cannot judge.
        EnvironmentFault: A provider's key is missing.
    """
    known = {settings.model: own}
    for spec in settings.judge_model:
        if spec in known:
            continue
        base_url = settings.base_url if spec.startswith("openai:") else None
        known[spec] = choose_backend(
            spec, base_url, environ, max_concurrency=settings.model_concurrency, progress=progress
        )
    judges = [known[spec] for spec in settings.judge_model]
    for backend in judges:
        if not backend.judges:
            raise UsageError(f"--judge-model {backend.name} cannot judge: name a capable model, such as openai:NAME")
    return judges


def seated(settings: SpawnSettings, own: Backend, judges: Sequence[Backend]) -> list[Backend]:
    """The model of each seat: the judges in turn, by default one seat for each; none when nobody can judge.

    Args:
        settings: Of the run.
        own: The model of the run, which judges when no other is named.
        judges: The models that were named.
    """
    models = list(judges) or ([own] if own.judges else [])
    if not settings.tournament or not models:
        return []
    return list(islice(cycle(models), settings.judges or len(models)))


def seat_names(count: int) -> list[str]:
    """``judge`` for one, else ``judge 1`` and so on."""
    return [JUDGE] if count == 1 else [f"{JUDGE} {number}" for number in range(1, count + 1)]


@dataclass(frozen=True)
class RuntimeJudge:
    """One seat of the panel, asked over the runtime.

    Attributes:
        name: The seat's.
        model: Its model's name.
        seat: Which, from 0.
        form: What an idea consists of: no more than the judge reads is sent.
        runtime: The trusted side's.
        deadline: Seconds for one comparison.
    """

    name: str
    model: str
    seat: int
    form: IdeaForm
    runtime: HardenedRuntime
    deadline: float

    async def compare(self, first: Idea, second: Idea) -> Preference:
        """Which of two ideas it prefers.

        Raises:
            MessagingError: It gave no answer.
        """
        shown = [Idea(**shown_parts(idea, self.form)) for idea in (first, second)]
        message = Compare(seat=self.seat, first=shown[0], second=shown[1])
        answer = await self.runtime.request(message, JUDGE, timeout=self.deadline)
        if not isinstance(answer, Preference):
            raise MessagingError("the judge answered with something else than a preference")
        return answer
