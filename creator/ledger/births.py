"""Who was to be born, what went wrong on the way, and which modules were made."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from creator.ledger.bounds import LONG, as_json, bounded
from creator.ledger.file import LedgerFile


class BirthRow(NamedTuple):
    """An agent that was to be born."""

    number: int
    """From 1; it tells the births of a run apart."""
    generation: int
    asked_by: str
    """An agent, ``user``, or nobody."""
    template: str
    brief: dict[str, Any]
    """What it was asked to be, as far as that is known: the fields of `creator.briefs.Brief`."""
    parents: list[str]
    heritage: dict[str, Any] | None
    """What it takes over from its parents: the fields of `creator.breeding.heritage.Heritage`."""
    kept: str
    """The kept agent that takes part, by its name in the library; empty when it is to be written."""


def record_births(ledger: LedgerFile, births: Sequence[BirthRow]) -> None:
    """Record who is to be born, before anybody begins to write them; those on record already are left as they are.

    Args:
        ledger: Where.
        births: All or none of them are on record afterwards.

    Raises:
        ValueError: One does not fit.
    """
    with ledger.writing() as rows:
        for birth in births:
            rows.insert(
                "births",
                "ON CONFLICT (number) DO NOTHING",
                number=birth.number,
                at=time.time(),
                generation=birth.generation,
                asked_by=bounded(birth.asked_by),
                template=bounded(birth.template),
                brief=as_json(birth.brief),
                parents=as_json(birth.parents),
                heritage=None if birth.heritage is None else as_json(birth.heritage),
                kept=bounded(birth.kept),
            )


def births(ledger: LedgerFile) -> list[BirthRow]:
    """Who was to be born, by number.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(
        "SELECT number, generation, asked_by, template, brief, parents, heritage, kept FROM births ORDER BY number"
    )
    return [_birth(*row) for row in found]


def _birth(
    number: int,
    generation: int,
    asked_by: str,
    template: str,
    brief: str,
    parents: str,
    heritage: str | None,
    kept: str,
) -> BirthRow:
    taken_over = None if heritage is None else json.loads(heritage)
    return BirthRow(number, generation, asked_by, template, json.loads(brief), json.loads(parents), taken_over, kept)


def record_attempt(ledger: LedgerFile, number: int, attempt: int, stage: str, finding: str) -> None:
    """Record what went wrong, or was mended, on the way to a birth.

    Args:
        ledger: Where.
        number: Of the birth, which is on record.
        attempt: Which try, from 1.
        stage: Where: ``model``, ``source``, ``policy``, ``trial``, ``novelty``, ``author``, ``review``, ``cell`` or
            ``regenerate``.
        finding: What.

    Raises:
        ValueError: The birth is not on record.
    """
    ledger.insert(
        "attempts",
        at=time.time(),
        number=number,
        attempt=attempt,
        stage=bounded(stage),
        finding=bounded(finding, LONG),
    )


def findings(ledger: LedgerFile) -> dict[tuple[int, int], str]:
    """By birth and try: why the try came to nothing, which the author was told with the next one.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read(
        "SELECT number, attempt, finding FROM attempts WHERE stage NOT IN ('author', 'regenerate') ORDER BY id"
    )
    return {(number, attempt): finding for number, attempt, finding in found}


def record_blueprint(ledger: LedgerFile, number: int, name: str, sha256: str, blueprint: Mapping[str, Any]) -> None:
    """Record that a module was put on disk; nothing when it is the birth's latest on record already.

    Args:
        ledger: Where.
        number: Of the birth, which is on record.
        name: The agent.
        sha256: Digest of its module in hexadecimal.
        blueprint: What the module was made from: the fields of `creator.blueprint.Blueprint`.

    Raises:
        ValueError: The birth is not on record.
    """
    row = {"name": bounded(name), "sha256": bounded(sha256), "blueprint": as_json(dict(blueprint))}
    latest = "SELECT name, sha256, blueprint FROM blueprints WHERE number = ? ORDER BY id DESC LIMIT 1"
    with ledger.writing() as rows:
        if rows.execute(latest, number).fetchone() != tuple(row.values()):
            rows.insert("blueprints", at=time.time(), number=number, **row)
