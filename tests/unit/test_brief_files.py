"""Lists of the user's own for briefs: added to the shipped ones or in their place, and mistakes told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from creator.brief_files import MAX_BYTES, load_brief_data
from creator.briefs import brief_data, draw_briefs
from creator.errors import UsageError
from creator.settings import SpawnSettings
from creator.spawning import spawn
from tests.conftest import RecordedProgress

BAKERIES: dict[str, Any] = {
    "sector": "bakeries",
    "word": "Crust",
    "topics": ["unsold bread", "night shifts"],
    "customers": ["village bakers", "hotel buyers"],
}


def written(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "briefs.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_without_a_file_the_shipped_lists_are_drawn_from() -> None:
    assert load_brief_data(None) is brief_data()


def test_what_a_file_holds_comes_to_the_shipped_lists(tmp_path: Path) -> None:
    lists = {"technologies": ["smell sensors"], "roles": ["baker"], "temperaments": ["sleepy"], "first_names": ["Brot"]}
    data = load_brief_data(written(tmp_path, {"sectors": [BAKERIES], **lists}))
    shipped = brief_data()
    assert len(data.sectors) == len(shipped.sectors) + 1
    assert data.sectors[-1].sector == "bakeries"
    for name, (item,) in lists.items():
        assert getattr(data, name) == (*getattr(shipped, name), item)


def test_a_file_may_take_the_place_of_what_it_names(tmp_path: Path) -> None:
    data = load_brief_data(written(tmp_path, {"replace": True, "sectors": [BAKERIES], "technologies": ["scales"]}))
    briefs = draw_briefs(20, 1, data)
    assert {(one.sector, one.technology) for one in briefs} == {("bakeries", "scales")}
    assert {one.customer for one in briefs} == {"village bakers", "hotel buyers"}
    assert data.temperaments == brief_data().temperaments
    assert all(one.persona.endswith(" Crust") for one in briefs)


def test_a_sector_that_is_shipped_too_takes_its_place(tmp_path: Path) -> None:
    data = load_brief_data(written(tmp_path, {"sectors": [{"sector": "Dental Care", "topics": ["fear"]}]}))
    assert len(data.sectors) == len(brief_data().sectors)
    assert [one.topics for one in data.sectors if one.sector.casefold() == "dental care"] == [("fear",)]
    assert "solo dentists" in data.customers_in("dental care")


def test_a_sector_needs_no_customers_and_no_word(tmp_path: Path) -> None:
    data = load_brief_data(
        written(tmp_path, {"replace": True, "sectors": [{"sector": "ski schools", "topics": ["ice"]}]})
    )
    (sector,) = data.sectors
    assert sector.customers == ("small businesses in ski schools",)
    assert sector.word == "Schools"


def test_texts_are_cleaned_and_repetitions_left_out(tmp_path: Path) -> None:
    sector = {"sector": " car\n\x1b[31m washing ", "topics": ["queues", "Queues", "wax\u202e"]}
    data = load_brief_data(written(tmp_path, {"replace": True, "sectors": [sector]}))
    assert data.sectors[0].sector == "car washing"
    assert data.sectors[0].topics == ("queues", "wax")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{", "are no JSON"),
        ("[" * 50_000, "are no JSON"),
        ([], "write an object with lists"),
        ({"sector": []}, "'sector' is unknown, there are: replace, sectors, technologies"),
        (
            {"sectors": [{"sector": "x", "topics": ["y"], "clients": ["z"]}]},
            "there are: sector, topics, word, customers",
        ),
        ({"sectors": []}, "'sectors': list should have at least 1 item"),
        ({"sectors": [{"sector": "x"}]}, "'sectors.0.topics': field required"),
        ({"sectors": [{"sector": "\u200b", "topics": ["y"]}]}, "'sectors.0.sector': write 1 to 80 characters, not 0"),
        ({"technologies": ["x" * 81]}, "'technologies.0': write 1 to 80 characters, not 81"),
        ({"technologies": [1]}, "'technologies.0': input should be a valid string"),
        ({"roles": ["x"] * 1_001}, "'roles': list should have at most 1000 items"),
        ({"replace": "yes"}, "'replace': input should be a valid boolean"),
        (" " * (MAX_BYTES + 1), "are longer than 1,000,000 bytes"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, value: object, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_brief_data(written(tmp_path, value))
    text = str(caught.value)
    assert told in text
    assert "briefs.json" in text
    assert "\n" not in text
    assert len(text) < 500


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Cannot read the briefs .*No such file"):
        load_brief_data(tmp_path / "none.json")


async def test_a_run_with_too_few_combinations_does_not_begin(tmp_path: Path) -> None:
    few = {"replace": True, "sectors": [BAKERIES], "technologies": ["scales"], "temperaments": ["calm"]}
    output, briefs = tmp_path / "generated", written(tmp_path, few)
    settings = SpawnSettings(count=3, model="openai:x", base_url="http://127.0.0.1:9/v1", output=output, briefs=briefs)
    with pytest.raises(UsageError, match=r"allow only 2 combinations of .* for 3 agents"):
        await spawn(settings, RecordedProgress(), environ={})
    assert not output.exists()
