"""The prices of the models that a run uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from creator.errors import UsageError
from creator.models.choose import PROVIDERS
from creator.models.providers import KEYS
from creator.settings import SpawnSettings
from creator.spending.prices import PriceOf, load_prices, price_of
from creator.text import clean


def prices_for(settings: SpawnSettings, environ: Mapping[str, str]) -> PriceOf:
    """What gives the price of a run's models.

    Args:
        settings: Of the run.
        environ: Where addresses of servers may stand that take the place of the providers' own.

    Raises:
        UsageError: The user's file of prices cannot be used.
    """
    elsewhere = {provider for provider in KEYS if environ.get(f"{provider.upper()}_BASE_URL")}
    if settings.base_url is not None:
        spec = (settings.model or "").partition(":")[0]
        elsewhere |= {"openai", spec if spec in PROVIDERS else "openai"}  # judges of OpenAI's are on it, too
    return price_of(load_prices(settings.prices), elsewhere)


def embedding_model(settings: SpawnSettings, model: str) -> str | None:
    """The name by which the price of a run's embeddings is known; None where nothing is embedded.

    Args:
        settings: Of the run.
        model: The name of its model, whose provider embeds too.
    """
    return None if settings.embeddings is None else f"{model.partition(':')[0]}:{settings.embeddings}"


def require_prices(settings: SpawnSettings, models: Iterable[str], find: PriceOf) -> None:
    """Find out before a run whether a limit on its cost can be kept.

    Args:
        settings: Of the run.
        models: The names of the run's model first, then of its judges.
        find: Gives prices.

    Raises:
        UsageError: A limit is given, and a price unknown.
    """
    if settings.max_cost is None:
        return
    names = list(models)
    names += [name for name in [embedding_model(settings, names[0])] if name is not None]
    for name in names:
        if find(name) is None:
            example = f'{{"{name}": {{"prompt": 0.5, "completion": 1.5}}}}'
            raise UsageError(
                f"--max-cost needs the price of {clean(name, 100)}, which is unknown: give it with --prices FILE,"
                f" a JSON file such as {clean(example, 200)}"
            )
