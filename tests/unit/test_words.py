"""What changed between two texts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from creator.review.words import Piece, WordChanges
from creator.text import clean_lines


def test_words_that_changed_are_told_and_the_others_stay() -> None:
    found = WordChanges().between("Calls, answered by a person.", "Calls, answered at night by a bot.")
    assert found == [
        Piece("kept", "Calls, answered "),
        Piece("added", "at night "),
        Piece("kept", "by a "),
        Piece("removed", "person"),
        Piece("added", "bot"),
        Piece("kept", "."),
    ]


@given(st.text(max_size=60), st.text(max_size=60))
def test_both_texts_can_be_read_from_the_pieces(old: str, new: str) -> None:
    pieces = WordChanges().between(old, new)

    def read(left_out: str) -> list[str]:
        return "".join(piece.text for piece in pieces if piece.kind != left_out).split()

    assert read("removed") == clean_lines(new).split()
    assert "".join(read("added")) == "".join(clean_lines(old).split())


def test_texts_that_take_too_much_work_are_told_whole() -> None:
    words = WordChanges(most=1_000)
    old, new = "a b " * 500, "b a " * 500
    assert words.between(old, new) == [Piece("removed", old.strip()), Piece("added", new.strip())]
    assert words.between("one two", "one three") == [Piece("removed", "one two"), Piece("added", "one three")]
    assert words.between("the same", "the same") == [Piece("kept", "the same")]
