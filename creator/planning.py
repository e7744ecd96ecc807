"""What is settled about a run before anything of it is made: its models, its templates, and what it may take.

Nothing is asked of a model, and nothing is written: whoever offers a run can plan it to find out whether it can begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from creator.agents.messages import Created
from creator.errors import UsageError
from creator.ideas.likeness import check_embeddings
from creator.library import kept_for
from creator.models.backend import Backend
from creator.models.choose import choose_backend
from creator.outcome import Estimate, RunOutcome
from creator.panel import judge_backends
from creator.settings import SpawnSettings
from creator.spending.estimate import estimate_run, still_expected
from creator.spending.prices import PriceOf
from creator.spending.run_prices import prices_for, require_prices
from creator.templates.finding import choose_templates
from creator.templates.rendering import Template
from creator.text import clean


@dataclass(frozen=True)
class Plan:
    """What is settled about a run.

    Attributes:
        backend: Its model, not yet opened.
        judges: Models that judge, not yet opened; none for the run's own.
        price_of: What models cost.
        templates: What agents are made from, by name.
        kept: Agents of the library that take part.
        estimate: What the whole run was expected to take when it began; None where that is not known.
        expected: What is still to be expected of it.
    """

    backend: Backend
    judges: Sequence[Backend]
    price_of: PriceOf
    templates: dict[str, Template]
    kept: Sequence[Created]
    estimate: Estimate | None
    expected: Estimate | None


def plan_run(
    settings: SpawnSettings,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    earlier: RunOutcome | None = None,
) -> Plan:
    """Settle what a run needs, and find out whether it can begin.

    Args:
        settings: What the user asked for.
        environ: Where provider keys are looked up.
        say: Told in a line of what is remarkable, such as a template that hides another.
        earlier: What the run came to before, when it is gone on with; None for a new one.

    Raises:
        UsageError: The settings don't fit together.
        EnvironmentFault: Something that the run needs is missing.
    """
    backend = choose_backend(
        settings.model,
        settings.base_url,
        environ,
        max_concurrency=settings.model_concurrency,
        progress=say,
    )
    if earlier is not None and backend.name != earlier.model:
        raise UsageError(
            f"Run {earlier.run_id} was made with {clean(earlier.model, 100)}, and would go on with {backend.name}:"
            " give it the same key as then."
        )
    check_embeddings(settings, backend)
    if settings.author == "code" and backend.strategy == "slots":
        raise UsageError(f"--author code needs a capable model, which {backend.name} is not: --model openai:NAME")
    if settings.baseline and backend.strategy == "slots":
        raise UsageError(f"--baseline needs a capable model, which {backend.name} is not: --model openai:NAME")
    judges = judge_backends(settings, backend, environ, say)
    price_of = prices_for(settings, environ)
    require_prices(settings, [backend.name, *(judge.name for judge in judges)], price_of)
    templates = choose_templates(settings.template, settings.templates, say)
    living = {agent.name for agent in earlier.live} if earlier is not None else set[str]()
    kept = kept_for(settings) if set(settings.with_agents) - living else []
    if earlier is not None:
        return Plan(backend, judges, price_of, templates, kept, earlier.estimate, still_expected(earlier))
    estimate = estimate_run(settings, backend, judges, templates.values(), price_of, kept=len(kept))
    return Plan(backend, judges, price_of, templates, kept, estimate, estimate)


def has_to_be_agreed_to(settings: SpawnSettings, estimate: Estimate) -> bool:
    """Whether somebody has to agree before a run begins, because it may cost much.

    Nobody has to who said ``--yes`` or ``--max-cost``, which agrees to that much, nor where the price is unknown.

    Args:
        settings: Of the run.
        estimate: What it may take.
    """
    most = estimate.cost.high if estimate.cost is not None else 0.0
    return most > settings.confirm_above and not settings.yes and settings.max_cost is None
