"""Decisions that are made in another terminal, and whoever waits for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from creator.decisions import Decisions
from creator.ledger.store import Ledger


async def test_a_decision_reaches_who_waits_for_exactly_that_module(tmp_path: Path) -> None:
    wanted: list[tuple[str, str]] = []

    def regenerate(name: str, why: str) -> bool:
        wanted.append((name, why))
        return name == "ada"

    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        decisions = Decisions(ledger, regenerate)
        waiting = asyncio.create_task(decisions.of("ada", "a" * 64))
        await asyncio.sleep(0)
        assert not decisions.look()
        ledger.record_decision("ada", "b" * 64, "approved")
        assert not decisions.look(), "that was another module"
        ledger.record_decision("ada", "a" * 64, "rejected", "too loud")
        assert decisions.look()
        row = await waiting
        assert (row.decision, row.why) == ("rejected", "too loud")
        assert not decisions.look(), "each is told once"
        assert (await decisions.of("ada", "b" * 64)).decision == "approved"
        ledger.record_decision("nobody", "", "regenerate", "x")
        assert not decisions.look()
        ledger.record_decision("ada", "", "regenerate", "bolder")
        assert decisions.look()
        assert wanted == [("nobody", "x"), ("ada", "bolder")]


async def test_one_who_stopped_waiting_is_not_woken(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        decisions = Decisions(ledger, lambda name, why: False)
        waiting = asyncio.create_task(decisions.of("ada", "a" * 64))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        ledger.record_decision("ada", "a" * 64, "approved")
        assert not decisions.look()
        assert (await decisions.of("ada", "a" * 64)).decision == "approved"
