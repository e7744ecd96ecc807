import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from creator.progress import Limits, Progress, SilentProgress, make_progress
from creator.progress.counts import Counts, duration
from creator.progress.plain import PlainProgress
from creator.progress.terminal import RichProgress
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
    assert f"refined: ada -> {'b' * 64}" in text
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
    assert "judging 34 of 84 comparisons" in terminal.shown
    SilentProgress().judged(34, 84)


def test_a_run_that_ends_before_its_first_agent_counts_nothing() -> None:
    stream = io.StringIO()
    progress = make_progress(3, quiet=False, stream=stream)
    progress.stage("starting")
    progress.finish()
    assert stream.getvalue() == "[0:00] starting\n"


def test_on_a_terminal_the_display_fits_80_columns_and_gives_the_cursor_back() -> None:
    terminal = Terminal()
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    tell(RichProgress(3, console))
    assert terminal.shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", plain))
    assert "\x1b[2J" not in terminal.shown
    assert "owned" not in terminal.shown
    assert "live" in plain
    assert "2/3" in plain
    assert "failed 1" in plain


def test_a_terminal_gets_the_live_display_and_a_dumb_one_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_progress(1, quiet=False, stream=Terminal()), RichProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_progress(1, quiet=False, stream=Terminal()), PlainProgress)
    assert isinstance(make_progress(1, quiet=True, stream=Terminal()), SilentProgress)


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("ascii")
    terminal.reconfigure(errors="backslashreplace")
    console = Console(file=terminal, force_terminal=True, width=80, color_system=None, markup=False, emoji=False)
    tell(RichProgress(3, console))
    assert "ada -> " in terminal.shown


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
    assert before.endswith("\x1b[?25h" + "\r" + "\x1b[1A\x1b[2K" * 4), "the counters are gone, the cursor is back"
    rest = terminal.shown.removeprefix(after)
    assert rest.startswith("meanwhile\nfailed cy: it broke\n\x1b[?25l"), "nothing above is erased by the new counters"
    assert "afterwards" in rest
    progress.finish()
    assert terminal.shown.rstrip("\x1b[12AK\r").endswith("\x1b[?25h")


def test_without_a_terminal_lines_wait_until_a_question_is_answered() -> None:
    stream = io.StringIO()
    shown: list[str] = []
    lines_around_a_question(PlainProgress(1, stream), lambda: shown.append(stream.getvalue()))
    assert shown == ["[0:00] spawning\n"] * 2
    assert [line[7:] for line in stream.getvalue().splitlines()] == [
        "spawning",
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
