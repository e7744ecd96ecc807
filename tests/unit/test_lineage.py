from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from creator.outcome import IdeaOutcome, IdeaVersion, Remark
from creator.reporting.lineage import Lineage
from tests.unit.outcomes import idea, ranked_outcome


def lineage(*versions: tuple[str, int, list[int]], remarks: list[Remark] | None = None) -> Lineage:
    """Of an idea of ada's with these texts: writer, id and parents."""
    texts = [IdeaVersion(author=who, idea=idea("x"), id=id, parents=parents) for who, id, parents in versions]
    return Lineage(IdeaOutcome(number=1, author="ada", versions=texts, remarks=remarks or []))


def drawn(found: Lineage) -> list[tuple[int, int | None]]:
    """Each text in the order of drawing, and which it stands under."""
    return [(text.place, text.under) for text in found.walk()]


def test_a_panel_is_drawn_as_a_tree_with_its_merged_text_under_the_last_parent(tmp_path: Path) -> None:
    found = Lineage(ranked_outcome(tmp_path).ideas[17])
    assert drawn(found) == [(1, None), (2, 1), (3, 1), (4, 3)]
    assert [text.kind for text in found.texts] == ["author's own text", "refinement", "refinement", "merged text"]
    assert [text.origin for text in found.texts] == ["", "from text 1", "from text 1", "from texts 2 and 3"]
    assert [text.depth for text in found.texts] == [0, 1, 1, 2]
    assert [text.final for text in found.texts] == [False, False, False, True]
    assert found.texts[3].others == (2,)
    assert [[remark.kind for remark in text.remarks] for text in found.texts] == [
        ["critique"],
        ["pro"],
        [],
        ["verdict"],
    ]
    assert found.texts[3].heading == "text 4, merged text by agent_number_18, hop 2, from texts 2 and 3"


def test_an_authors_answer_is_a_revision() -> None:
    found = lineage(("ada", 5, []), ("ada", 6, [5]))
    assert [text.kind for text in found.texts] == ["author's own text", "revision"]


def test_texts_of_earlier_releases_follow_each_other() -> None:
    found = lineage(("ada", 0, []), ("bo", 0, []), ("cy", 0, []))
    assert drawn(found) == [(1, None), (2, 1), (3, 2)]
    assert [text.depth for text in found.texts] == [0, 1, 2]


def test_parents_that_are_not_on_record_are_said_to_be_so() -> None:
    found = lineage(("ada", 1, []), ("bo", 2, [77]), ("cy", 3, [1, 2, 88, 3]))
    assert drawn(found) == [(1, None), (2, None), (3, 2)]
    assert found.texts[1].origin == "from a text that is not on record"
    assert found.texts[2].origin == "from texts 1 and 2 and a text that is not on record"
    assert found.texts[2].unknown_parents == 2


def test_a_circle_is_cut_and_every_text_is_drawn_once() -> None:
    found = lineage(("ada", 1, [3]), ("bo", 2, [1]), ("cy", 3, [2]))
    assert drawn(found) == [(1, None), (2, 1), (3, 2)]
    assert found.texts[0].others == (3,)


def test_remarks_about_texts_that_are_not_on_record_are_kept() -> None:
    remarks = [
        Remark(author="bo", kind="contra", about=9, content="?"),
        Remark(author="bo", kind="pro", about=1, content="!"),
    ]
    found = lineage(("ada", 1, []), remarks=remarks)
    assert found.loose == remarks[:1]
    assert found.texts[0].remarks == (remarks[1],)


def test_the_graph_has_texts_and_remarks_as_nodes(tmp_path: Path) -> None:
    graph = Lineage(ranked_outcome(tmp_path).ideas[17]).graph()
    names = [node["id"] for node in graph["nodes"]]
    assert names == ["text-1", "text-2", "text-3", "text-4", "remark-1", "remark-2", "remark-3"]
    assert {(edge["from"], edge["to"]) for edge in graph["edges"] if edge["kind"] == "parent"} == {
        ("text-1", "text-2"),
        ("text-1", "text-3"),
        ("text-2", "text-4"),
        ("text-3", "text-4"),
    }
    assert [(edge["from"], edge["to"]) for edge in graph["edges"] if edge["kind"] == "about"] == [
        ("remark-1", "text-1"),
        ("remark-2", "text-2"),
        ("remark-3", "text-4"),
    ]


@given(st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)), min_size=1, max_size=8))
def test_whatever_is_claimed_each_text_is_drawn_once_and_under_one_before_it(
    claims: list[tuple[int, list[int]]],
) -> None:
    found = lineage(*(("bo", id, parents) for id, parents in claims))
    seen: set[int] = set()
    for text in found.walk():
        assert text.under is None or text.under in seen
        assert text.place not in seen
        assert text.depth == (0 if text.under is None else found.texts[text.under - 1].depth + 1)
        seen.add(text.place)
    assert seen == set(range(1, len(claims) + 1))
