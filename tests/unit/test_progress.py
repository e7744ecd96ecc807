import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from creator.progress import Limits, Progress, SilentProgress, make_progress
from creator.progress.counts import Counts, duration
from creator.progress.plain import PlainProgress
from creator.progress.terminal import RichProgress
from tests.screens import Screen
from tests.unit.outcomes import HOSTILE


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)


def tell(progress: Progress) -> None:
    progress.stage("spawning")
    progress.say(f"sandbox: process {HOSTILE}")
    for name in ("ada", "bo", "cy"):
        progress.agent(name, "written")
        progress.agent(name, "checked")
    progress.agent("ada", "live")
    progress.agent("bo", "live")
    progress.agent("cy", "failed", HOSTILE)
    progress.idea(1, "ada", HOSTILE)
    progress.conversation(1)
    progress.message("ada", "b" * 64, "asked for a better version")
    progress.refined("ada", "b" * 64)
    progress.tokens(100, 50)
    progress.tokens(1_000, 500, 0.0123)
    progress.finish()
    progress.finish()


def test_without_a_terminal_a_line_per_milestone_and_no_control_codes() -> None:
    stream = io.StringIO()
    tell(make_progress(3, quiet=False, stream=stream))
    text = stream.getvalue()
    assert all(line.isprintable() for line in text.splitlines())
    assert "live 2/3: bo" in text
    assert re.search(r"^\[0:00\] failed: cy: # Forged heading", text, flags=re.MULTILINE)
    assert "idea 1/3: # Forged heading" in text
    assert f"message: ada -> {'b' * 64}: asked for a better version" in text
    assert text.count("\n") == 8
    assert text.splitlines()[-1] == "[0:00] ideas 1/3, refined 1, failed 1, 1,000 tokens read, 500 written, $0.0123"


@pytest.mark.parametrize(
    ("limits", "cost", "shown"),
    [
        (Limits(), 0.0123, "12,000 tokens read, 345 written, $0.0123"),
        (Limits(), None, "12,000 tokens read, 345 written, price unknown"),
        (Limits(tokens=50_000), 0.0, "12,345 of 50,000 tokens, $0"),
        (Limits(tokens=50_000, cost=2), 0.0123, "12,345 of 50,000 tokens, $0.0123 of $2.00"),
        (Limits(cost=0.05), 1234.5, "12,000 tokens read, 345 written, $1,234.50 of $0.05"),
        (
            Limits(tokens=10**12, cost=10**6),
            987_654.321,
            "12,345 of 1,000,000,000,000 tokens, $987,654.32 of $1,000,000",
        ),
    ],
)
def test_what_models_cost_is_counted_beside_the_limits(limits: Limits, cost: float | None, shown: str) -> None:
    stream, terminal = io.StringIO(), Terminal()
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    for progress in (make_progress(1, quiet=False, stream=stream, limits=limits), RichProgress(1, console, limits)):
        progress.agent("ada", "live")
        progress.tokens(12_000, 345, cost)
        progress.stage("judging")
        progress.finish()
    assert shown in stream.getvalue().splitlines()[-1]
    assert shown in terminal.shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", plain))


def test_without_a_terminal_judging_is_told_after_each_tenth() -> None:
    stream = io.StringIO()
    progress = make_progress(3, quiet=False, stream=stream)
    progress.judged(0, 0)
    for done in range(85):
        progress.judged(done, 84)
    lines = [line.removeprefix("[0:00] ") for line in stream.getvalue().splitlines()]
    assert len(lines) == 10
    assert (lines[3], lines[-1]) == ("judging 34 of 84 comparisons", "judging 84 of 84 comparisons")
    progress.judged(85, 168)
    assert len(stream.getvalue().splitlines()) == 10
    progress.judged(101, 168)
    assert stream.getvalue().endswith("judging 101 of 168 comparisons\n")


def test_on_a_terminal_judging_is_a_counter() -> None:
    terminal = Terminal()
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    progress = RichProgress(3, console)
    progress.judged(34, 84)
    progress.finish()
    assert re.search(r"judging .* 34 of 84 comparisons", terminal.shown)
    SilentProgress().judged(34, 84)


def test_a_run_that_ends_before_its_first_agent_counts_nothing() -> None:
    stream = io.StringIO()
    progress = make_progress(3, quiet=False, stream=stream)
    progress.stage("starting")
    progress.finish()
    assert stream.getvalue() == "[0:00] starting: the model and the sandbox are being opened\n"


def test_on_a_terminal_the_display_fits_80_columns_and_gives_the_cursor_back() -> None:
    terminal = Terminal()
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    tell(RichProgress(3, console))
    assert terminal.shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", plain))
    assert "\x1b[2J" not in terminal.shown
    assert "owned" not in terminal.shown
    assert "2 of 3 live · 3 written · 1 failed" in plain


def test_a_terminal_gets_the_live_display_and_a_dumb_one_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_progress(1, quiet=False, stream=Terminal()), RichProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_progress(1, quiet=False, stream=Terminal()), PlainProgress)
    assert isinstance(make_progress(1, quiet=True, stream=Terminal()), SilentProgress)


def shown_in_the_middle(columns: int, encoding: str = "utf-8") -> list[str]:
    """What is on the screen in the middle of a run: the lines above the counters, and the counters."""
    now = [0.0]
    terminal = Terminal(encoding)
    console = Console(file=terminal, force_terminal=True, width=columns, color_system=None, markup=False, emoji=False)
    screen = Screen(columns, 24)
    progress = RichProgress(20, console, Limits(50_000, 2.0), clock=lambda: now[0])
    progress.stage("spawning")
    progress.judged(0, 0)
    for number in range(20):
        now[0] += 3
        progress.agent(f"agent_{number}", "live" if number else "failed", "no answer")
        progress.conversation(1)
    for number in range(1, 9):
        now[0] += 3
        progress.message(f"agent_{number}", "bo_clinics", f"asked for a better version {HOSTILE}"[:60])
        progress.refined(f"agent_{number}", "bo_clinics")
        progress.idea(number, f"agent_{number}", f"Žluťoučký idea {number} {HOSTILE}")
        progress.conversation(-1)
        now[0] += 12
        progress.judged(2 * number, 8 * number)
    progress.tokens(12_000, 345, 0.0123)
    progress.say("told last")  # draws all anew
    screen.write(terminal.shown.replace("\n", "\r\n"))  # as a terminal does
    progress.finish()
    assert screen.unknown == []
    return screen.shown


@pytest.mark.parametrize(("columns", "encoding"), [(200, "utf-8"), (80, "utf-8"), (80, "ascii"), (40, "utf-8")])
def test_a_run_is_told_in_words_at_any_width(columns: int, encoding: str) -> None:
    lines = shown_in_the_middle(columns, encoding)
    text = "\n".join(lines)
    words = " ".join(text.split())
    dot, arrow = ("·", "→") if encoding == "utf-8" else ("-", "->")
    assert f"19 of 20 live {dot} 19 written {dot} 1 failed" in words
    assert f"8 of 20 {dot} 12 talking now {dot} 8 refined" in words
    assert "16 of 64 comparisons" in words
    assert "12,345 of 50,000 tokens, $0.0123 of $2.00" in words
    assert re.search(r"time 3:00, [a-z0-9 ]+ to go", words)
    assert f"agent_8 {arrow} bo_clinics: asked for" in words
    assert ("agents think up ideas and ask each other for help" in words) == (columns >= 80)
    assert ("bringing to life" in words) == (columns >= 80)
    assert text.isascii() == (encoding == "ascii")
    assert "owned" not in text
    if columns == 200:
        assert text.count(f"{arrow} bo_clinics") == 6, "the last messages stand beside the counters"
    assert [line for line in lines if line.startswith("idea ")][-1].endswith("agent_8"), "its author is told"


def test_without_colour_there_are_none_and_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    progress = make_progress(3, quiet=False, stream=terminal)
    assert isinstance(progress, RichProgress)
    tell(progress)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m|\x1b\[38", terminal.shown)
    assert "● writing" in terminal.shown or "✓ writing" in terminal.shown


def test_how_long_it_takes_is_told_in_lines_too() -> None:
    now, stream = [0.0], io.StringIO()
    progress = PlainProgress(40, stream, clock=lambda: now[0])
    progress.stage("spawning")
    for number in range(40):
        progress.agent(f"agent_{number}", "live")
    for number in range(20):
        now[0] += 30
        progress.idea(number, "ada", "A title")
    told = [line for line in stream.getvalue().splitlines() if "to go" in line]
    assert len(told) == 5
    assert told[-1] == "[10:00] about 8 to 12 minutes to go"


def lines_around_a_question(progress: Progress, asked: Callable[[], None]) -> None:
    progress.stage("spawning")
    with progress.suspend():
        asked()
        with progress.suspend():
            progress.say("meanwhile")
            progress.agent("cy", "failed", "it broke")
        asked()
    progress.say("afterwards")


def test_on_a_terminal_a_question_has_the_screen_for_itself() -> None:
    terminal = Terminal()
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    progress = RichProgress(1, console)
    shown: list[str] = []
    lines_around_a_question(progress, lambda: shown.append(terminal.shown))
    before, after = shown
    assert before == after
    assert before.endswith("\x1b[?25h" + "\r" + "\x1b[1A\x1b[2K" * 5), "the counters are gone, the cursor is back"
    rest = terminal.shown.removeprefix(after)
    assert rest.startswith("meanwhile\nfailed cy: it broke\n\x1b[?25l"), "nothing above is erased by the new counters"
    assert "afterwards" in rest
    progress.finish()
    assert terminal.shown.rstrip("\x1b[12AK\r").endswith("\x1b[?25h")


def test_without_a_terminal_lines_wait_until_a_question_is_answered() -> None:
    stream = io.StringIO()
    shown: list[str] = []
    lines_around_a_question(PlainProgress(1, stream), lambda: shown.append(stream.getvalue()))
    begun = "spawning: agents are written, brought to life, and think up ideas together"
    assert shown == [f"[0:00] {begun}\n"] * 2
    assert [line[7:] for line in stream.getvalue().splitlines()] == [
        begun,
        "meanwhile",
        "failed: cy: it broke",
        "afterwards",
    ]


@pytest.mark.parametrize(
    "make", [lambda stream: PlainProgress(1, stream), lambda stream: RichProgress(1, Console(file=stream))]
)
def test_a_run_that_ends_during_a_question_shows_what_waited(make: Callable[[io.StringIO], Progress]) -> None:
    stream = io.StringIO()
    progress = make(stream)
    with progress.suspend():
        progress.say("meanwhile")
        progress.finish()
        assert "meanwhile" in stream.getvalue()
    assert stream.getvalue().count("meanwhile") == 1


def test_a_silent_display_can_be_suspended() -> None:
    with SilentProgress().suspend():
        pass


def test_a_stream_that_goes_away_does_not_end_the_run() -> None:
    stream = io.StringIO()
    progress = PlainProgress(1, stream)
    stream.close()
    tell(progress)


def test_an_agent_that_dies_no_longer_counts_as_live() -> None:
    counts = Counts(2)
    counts.note("ada", "live")
    counts.note("bo", "failed")
    counts.note("bo", "live")
    assert (counts.of("written"), counts.of("live"), counts.of("failed")) == (2, 2, 0)
    counts.note("ada", "failed")
    assert (counts.of("written"), counts.of("live"), counts.of("failed")) == (2, 1, 1)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (65.9, "1:05"), (3_600, "1:00:00"), (86_399, "23:59:59")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
