"""``runs show``: a run on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from creator.cli import _completing
from creator.cli._runs_facts import changed_settings, summary
from creator.cli._shared import PROGRAM, open_run, option_for, print_json, reading_options, stdout_console
from creator.run_states import RESUMABLE, state_of

if TYPE_CHECKING:
    from rich.console import Console

    from creator.ledger.accounts import Accounts
    from creator.ledger.view import RunView

_IDEAS: Final = 5
_AGENTS: Final = 5
_MODELS: Final = 5
_FAILURES: Final = 8
_SETTINGS: Final = 20


@click.command("show")
@click.argument("run", required=False, shell_complete=_completing.runs)
@reading_options
def show(run: str | None, output: str | None, as_json: bool) -> None:
    """Show RUN [default: latest] on one page: what it worked on, what it came to, what it spent, what went wrong."""
    view = open_run(output, run)
    settings, unread_settings = _settings(view)
    accounts, unread_accounts = _accounts(view)
    if as_json:
        print_json(_document(view, settings, accounts, [one for one in (unread_settings, unread_accounts) if one]))
        return
    console = stdout_console()
    _print_facts(console, view, settings, unread_settings, accounts)
    _print_ideas(console, view)
    _print_spending(console, view, accounts, unread_accounts)
    _print_failures(console, view)
    _print_next(console, view)


def _settings(view: RunView) -> tuple[dict[str, Any], str]:
    """The settings that are not the usual ones, and why they cannot be read."""
    from creator.errors import EnvironmentFault

    try:
        return changed_settings(view.outcome.directory), ""
    except EnvironmentFault as error:
        return {}, str(error)


def _accounts(view: RunView) -> tuple[Accounts | None, str]:
    """Who spent what, and why that cannot be read."""
    from creator.errors import EnvironmentFault
    from creator.ledger.accounts import load_accounts

    try:
        return load_accounts(view.outcome.directory), ""
    except (EnvironmentFault, OSError) as error:
        return None, str(error)


def _document(view: RunView, settings: dict[str, Any], accounts: Accounts | None, unread: list[str]) -> dict[str, Any]:
    from dataclasses import asdict

    from creator.reporting.standings import Standings

    outcome = view.outcome
    return {
        **summary(outcome.directory.name, view),
        "isolation_line": outcome.isolation_line,
        "seed": accounts and accounts.seed,
        "settings": settings,
        "best_ideas": [
            {"number": idea.number, "title": idea.final.title, "author": idea.author}
            for idea in Standings(outcome).ideas[:_IDEAS]
        ],
        "failures": [*({"agent": one.name, "reason": one.reason} for one in outcome.failed)]
        + [{"agent": None, "reason": reason} for reason in outcome.failures],
        "spending": accounts
        and {
            "phases": [asdict(one) for one in accounts.phases],
            "agents": [asdict(one) for one in accounts.agents],
            "models": [asdict(one) for one in accounts.models],
        },
        "unread": unread,
    }


def _print_facts(
    console: Console, view: RunView, settings: dict[str, Any], unread: str, accounts: Accounts | None
) -> None:
    """What it worked on, with what, and where it stands: a line each."""
    from rich.table import Table
    from rich.text import Text

    from creator.cli._runs_tables import cost_in_short, setting_text, state_text, took, when
    from creator.text import clean

    outcome = view.outcome
    state = state_text(state_of(view))
    reason = outcome.limit or outcome.reason.removeprefix(f"{state_of(view)}: ")
    if reason:
        state.append(f": {clean(reason, 400)}", "default")
    changed = [f"{clean(name, 40)} {setting_text(value)}" for name, value in list(settings.items())[:_SETTINGS]]
    changed += [f"and {len(settings) - _SETTINGS} more"] if len(settings) > _SETTINGS else []
    agents = [f"{len(outcome.live):,} live", f"{len(outcome.failed):,} failed"]
    agents += [f"{len(outcome.pending):,} pending"] if outcome.pending else []
    cost = "price unknown" if outcome.cost is None else cost_in_short(outcome.cost)
    rows: dict[str, str | Text] = {
        "Run": outcome.directory.name,
        "State": state,
        "Objective": clean(outcome.objective, 600),
        "Started": f"{when(outcome.started)} UTC, took {took(outcome.elapsed_s)}",
        "Model": clean(outcome.model, 200),
        "Sandbox": clean(outcome.isolation_line or outcome.sandbox, 300),
        "Seed": "not on record" if accounts is None or accounts.seed is None else str(accounts.seed),
        "Settings": clean(unread, 300) or ("; ".join(changed) or "the usual ones"),
        "Agents": ", ".join(agents),
        "Ideas": f"{len(outcome.ideas):,} of {_number(outcome.asked)}",
        "Spent": f"{_number(outcome.prompt_tokens)} tokens read, {_number(outcome.completion_tokens)} written, {cost}",
    }
    table = Table.grid(padding=(0, 2))
    for label, value in rows.items():
        table.add_row(Text(label, "bold"), value if isinstance(value, Text) else Text(value))
    console.print(table)


def _number(number: int) -> str:
    """A number as it is, or in short when no run can have reached it."""
    from creator.cli._tables import short

    return f"{number:,}" if number < 10**12 else short(number)


def _print_ideas(console: Console, view: RunView) -> None:
    from creator.cli._tables import as_text, ideas_table
    from creator.reporting.conclusions import conclusions
    from creator.reporting.standings import Standings

    standings = Standings(view.outcome)
    if standings.ideas:
        console.print(ideas_table(standings, standings.ideas[:_IDEAS]))
    for sentence in conclusions(view.outcome):
        console.print(as_text(sentence))


def _print_spending(console: Console, view: RunView, accounts: Accounts | None, unread: str) -> None:
    from rich.text import Text

    from creator.cli._runs_tables import shares_table
    from creator.text import clean

    if accounts is None:
        console.print(Text(f"Who spent what cannot be read: {clean(unread, 400)}"))
        return
    for title, shares, most in (
        ("Phase", accounts.phases, len(accounts.phases)),
        ("Account", accounts.agents, _AGENTS),
        ("Model", accounts.models, _MODELS),
    ):
        if shares:
            console.print()
            console.print(shares_table(title, shares[:most], view.outcome.started))
        if len(shares) > most:
            console.print(f"and {len(shares) - most:,} more")


def _print_failures(console: Console, view: RunView) -> None:
    from rich.text import Text

    from creator.text import clean

    outcome = view.outcome
    lines = [f"{clean(one.name, 64)}: {clean(one.reason, 300) or 'no reason given'}" for one in outcome.failed]
    lines += [clean(failure, 300) for failure in outcome.failures]
    if lines:
        console.print()
    for line in lines[:_FAILURES]:
        console.print(Text.assemble(("failed  ", "bold red"), line))
    if len(lines) > _FAILURES:
        console.print(f"        and {len(lines) - _FAILURES:,} more")


def _print_next(console: Console, view: RunView) -> None:
    from rich.text import Text

    name = view.outcome.directory.name
    steps = [f"ideas {name}"] if view.outcome.ideas else []
    steps += [f"agents {name}"] if view.outcome.agents else []
    steps += [f"runs resume {name}"] if state_of(view) in RESUMABLE else []
    console.print()
    for place, step in enumerate(steps):
        line = f"{PROGRAM} {step}{option_for(view.outcome.directory.parent)}"
        console.print(Text.assemble((f"{'' if place else 'Next':<6}", "bold"), line), soft_wrap=True)
