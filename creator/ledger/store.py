"""Writing the ledger.

Each ``record_…`` call has committed when it returns, so that what is announced afterwards is on record even when the
process is killed; `Ledger.durable` waits until a power loss cannot take it either. With a write-ahead log a commit is
one short write, well under a millisecond, so the calls are plain functions; they may come from any thread.
"""

from __future__ import annotations

from typing import Final

from creator.ledger import agents, births, calls, choices, events, facts, ideas, judging, people
from creator.ledger.births import BirthRow
from creator.ledger.calls import AnswerRow, SpentRow
from creator.ledger.choices import ChoiceRow
from creator.ledger.file import LedgerFile
from creator.ledger.judging import ComparisonRow
from creator.ledger.people import Decision, DecisionRow, EditRow, WishRow

__all__ = [
    "FILE_NAME",
    "AnswerRow",
    "BirthRow",
    "ChoiceRow",
    "ComparisonRow",
    "Decision",
    "DecisionRow",
    "EditRow",
    "Ledger",
    "SpentRow",
    "WishRow",
]

FILE_NAME: Final = "ledger.sqlite"


class Ledger(LedgerFile):
    """The open ledger of one run, with all that can be written into it and asked of it while the run goes on.

    Each method stands in the module of its table; all of them raise `EnvironmentFault` when the file fails.
    """

    record_fact = facts.record_fact
    facts = facts.facts

    record_event = events.record_event
    record_message = events.record_message
    count_events = events.count_events
    count_messages = events.count_messages

    record_births = births.record_births
    record_attempt = births.record_attempt
    record_blueprint = births.record_blueprint
    findings = births.findings
    births = births.births  # last of its module, whose name it takes in this class

    record_agent = agents.record_agent
    forget_agent = agents.forget_agent

    record_decision = people.record_decision
    decisions_after = people.decisions_after
    record_edit = people.record_edit
    withdraw_edits = people.withdraw_edits
    refuse_edit = people.refuse_edit
    take_edit = people.take_edit
    edits_after = people.edits_after
    record_wish = people.record_wish
    wishes_after = people.wishes_after

    record_choice = choices.record_choice
    choice = choices.choice
    choices = choices.choices

    record_call = calls.record_call
    answer = calls.answer
    answers = calls.answers
    failures = calls.failures
    spent = calls.spent

    record_idea = ideas.record_idea
    last_text = ideas.last_text

    record_comparison = judging.record_comparison
    comparisons = judging.comparisons
    record_ratings = judging.record_ratings
