"""What a person asks for in words, and how it reaches a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.ledger.store import Ledger, WishRow
from creator.requests import Requests, split_request


@pytest.mark.parametrize(
    ("text", "role", "sector"),
    [
        ("a pricing expert for clinics", "pricing expert", "clinics"),
        ("An Expert in pricing FOR the Clinics", "Expert in pricing", "Clinics"),
        ("a buyer for bakeries in Lisbon", "buyer for bakeries", "Lisbon"),
        ("  the\tcritic\n", "critic", "business"),
        ('"a critic in farming."', "critic", "farming"),
        ("someone to find the price", "someone to find the price", "business"),
        ("for clinics", "for clinics", "business"),
        ("a information designer", "information designer", "business"),
        ("\x1b[31ma nurse\x1b[0m for \u202eclinics", "nurse", "clinics"),
        (" ", "", "business"),
        ("", "", "business"),
    ],
)
def test_a_wish_is_split_at_its_last_for_or_in(text: str, role: str, sector: str) -> None:
    assert split_request(text) == (role, sector)


@given(st.text(max_size=2_000))
def test_any_text_is_split_into_two_bounded_lines(text: str) -> None:
    for part in split_request(text):
        assert len(part) <= 400
        assert part == part.strip()
        assert part.isprintable()


async def test_each_wish_is_handed_over_once(tmp_path: Path) -> None:
    seen: list[WishRow] = []

    def take(row: WishRow) -> bool:
        seen.append(row)
        return row.role != "refused"

    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_wish("old", "of an earlier part of the run")
        requests = Requests(ledger, take)
        assert not requests.look()
        ledger.record_wish("clinics", "refused")
        assert not requests.look(), "nobody is begun"
        ledger.record_wish("clinics", "pricing expert", "what visits cost")
        ledger.record_wish("clinics", "refused")
        assert requests.look()
        assert not requests.look()
    assert [(row.sector, row.role, row.topic) for row in seen] == [
        ("clinics", "refused", ""),
        ("clinics", "pricing expert", "what visits cost"),
        ("clinics", "refused", ""),
    ]
