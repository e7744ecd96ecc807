import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.text import clean, clean_lines, encodable, markdown_line, markdown_paragraphs, slug


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bPq#0;2;0;0;0\x1b\\sixel", "sixel"),
        ("a\r\nb\tc\x00d\x08", "a b cd"),
        ("safe\u202eevil\u2066x\u2069", "safeevilx"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("line\u2028break\x85next", "line break next"),
        ("half \ud800 pair", "half pair"),
        ("family 👩\u200d👧 é", "family 👩\u200d👧 é"),
        ("z" + "\u0301" * 500, "z" + "\u0301" * 4),
    ],
)
def test_a_terminal_is_shown_plain_text(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(max_size=400), st.integers(min_value=1, max_value=50))
def test_no_text_gets_a_control_character_or_a_line_break_through(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable() or all(c.isprintable() or c in "\u200d\u200c\u00a0" or c.isspace() for c in line)
    assert not any(c in line for c in "\n\r\x1b\x9b\u202e\u2066")


@given(st.text(alphabet="\x1b\x9b[]0;?31mhPX\\\x07\u202ea\n", max_size=60))
def test_taking_escapes_out_makes_no_new_ones(text: str) -> None:
    assert "\x1b" not in clean_lines(text)
    assert "\x9b" not in clean_lines(text)


def test_lines_and_tabs_of_source_code_stay() -> None:
    assert clean_lines("def f():\r\n\treturn '\x1b[2J'\n") == "def f():\n\treturn ''\n"


def test_a_long_text_is_cut_without_being_read_whole() -> None:
    assert clean("x" * 10_000_000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dispatch Desk: 24/7!", "dispatch-desk-24-7"),
        ("../../etc/passwd", "etc-passwd"),
        ("Ünïcödé", "unicode"),
        ("🚚🚚", "idea"),
        ("", "idea"),
        ("-" * 300, "idea"),
        ("word " * 100, "word-word-word-word-word-word-word-word-word-word-word-word"),
        ("w" * 300, "w" * 60),
    ],
)
def test_a_title_becomes_a_safe_file_name(text: str, name: str) -> None:
    assert slug(text) == name


@given(st.text(max_size=300))
def test_every_text_becomes_a_safe_file_name(text: str) -> None:
    name = slug(text)
    assert 0 < len(name) <= 60
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("start", ["#", "##", "-", "+", "*", "1.", "2)", ">", "===", "---", "```", "|", "[x]:", "    "])
def test_no_line_of_a_text_becomes_markup(start: str) -> None:
    for line in markdown_paragraphs(f"first\n{start} second\n\n{start} third").splitlines():
        assert not line.startswith(("#", "-", "+", "*", ">", "=", "`", "|", "[", " ", "1.", "2)")) or line == ""


def test_html_links_and_images_are_shown_as_text() -> None:
    shown = markdown_line("<script>x</script> [a](javascript:b) ![c](http://d) &lt; https://e www.f.example")
    assert "<" not in shown
    assert "\\[a\\](" in shown
    assert "http://" not in shown
    assert "https://" not in shown
    assert "&amp;lt;" in shown


def test_names_stay_readable_in_markdown() -> None:
    assert markdown_line("ada_freight_2") == "ada_freight_2"


def test_unpaired_surrogates_become_encodable() -> None:
    assert encodable("a\ud800b").encode("utf-8") == b"a?b"
