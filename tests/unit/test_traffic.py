"""Who wrote to whom, as the ledger tells it, while its run goes on and afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from creator.errors import EnvironmentFault
from creator.ledger.history import load_history
from creator.ledger.store import FILE_NAME, Ledger
from creator.ledger.traffic import AGENTS, Edge, load_traffic
from creator.outputs import REPORT_FILE, SUMMARY_FILE, write_outputs
from creator.reporting.report import NO_HISTORY
from tests.unit.outcomes import HOSTILE, RUN_ID, outcome
from tests.unit.recorded import Recorded


def wrote(ledger: Ledger, source: str, target: str, ending: str = "ok", type: str = "RefineRequest") -> None:
    ledger.record_message(source, target, type, size_bytes=10, latency_s=0.1, outcome=ending)


def test_messages_are_added_up_and_those_of_the_house_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Recorded()
    ledger, directory = run.record.ledger, run.record.directory
    for source, target, ending in [("ada", "bo", "ok"), ("ada", "bo", "HandlerFailed"), ("bo", "ada", "ok")]:
        wrote(ledger, source, target, ending)
    wrote(ledger, "ada", HOSTILE, "RecipientNotFound", "OpinionRequest")
    for source, target in [("ada", "model_gateway"), ("bo", "model_gateway"), ("world", "ada"), ("trial_1", "ada")]:
        wrote(ledger, source, target, type="ModelRequest")
    wrote(ledger, "creator", "model_gateway", "BudgetUsedUp")
    found = load_traffic(directory)  # the run still writes
    assert sorted((one.source, one.count, one.failed) for one in found.between) == [
        ("ada", 1, 1),
        ("ada", 2, 1),
        ("bo", 1, 0),
    ]
    assert (found.pairs, found.messages, found.failed) == (3, 4, 2)
    assert found.endings == {"ok": 2, "HandlerFailed": 1, "RecipientNotFound": 1}
    assert found.kinds == {"RefineRequest": 3, "OpinionRequest": 1}
    assert Edge(AGENTS, "model_gateway", 2, 0) in found.house
    assert Edge("creator", "model_gateway", 1, 1) in found.house
    run.agent(1, "ada")
    run.agent(2, "bo")
    page = (run.end().directory / REPORT_FILE).read_text("utf-8")
    assert "2 agents exchanged 3 requests in 2 pairings" in page
    assert NO_HISTORY not in page


def test_a_run_without_a_ledger_or_with_a_damaged_one_has_its_reports_all_the_same(tmp_path: Path) -> None:
    directory = tmp_path / RUN_ID
    (directory / "ideas").mkdir(parents=True)
    for data in (None, b"no database at all" * 100):
        if data is not None:
            (directory / FILE_NAME).write_bytes(data)
        with pytest.raises(EnvironmentFault):
            load_history(directory)
        write_outputs(outcome(directory))
        assert NO_HISTORY in (directory / REPORT_FILE).read_text("utf-8")
        assert "The ledger could not be read" in (directory / SUMMARY_FILE).read_text("utf-8")
