"""What a person is shown of a module before it goes live, and what their answers do."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.console import Console

from creator.errors import UsageError
from creator.review import Candidate, LaterReviewer, Verdict
from creator.review.difference import MAX_LINES, difference, render_difference
from creator.review.programs import find_editor, find_pager
from creator.review.terminal import MAX_REASON, TerminalReviewer
from tests.unit.outcomes import HOSTILE

TEMPLATE_SOURCE = '"""Nobody."""\n\nSECTOR = "none"\n\n\nclass Agent:\n    """An agent."""\n'
SOURCE = TEMPLATE_SOURCE.replace("Nobody", "Ada").replace('"none"', '"freight"')
QUESTION = "[a]pprove  [r]eject  [e]dit  [s]ource  [d]ifference\n[f]illed ones: approve all  [l]ater  [q]uit  ?\n> "


def candidate(name: str = "ada_freight", **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "persona": "Ada Freight",
        "sector": "freight",
        "role": "founder",
        "author": "fill",
        "template": "idea_agent",
        "attempt": 2,
        "source": SOURCE,
        "template_source": TEMPLATE_SOURCE,
        "slots": {"persona": "Ada Freight", "temperature": 0.7, "interests": ["routes", "customs"]},
        "findings": (),
        "sha256": "0123456789abcdef" * 4,
    }
    return Candidate(name=name, **{**values, **changes})


class Desk:
    """A person without a terminal: what is on the screen, and the answers to come."""

    def __init__(self, answers: str | TextIO | None = "", editor: tuple[str, ...] = (), **options: Any) -> None:
        self.screen = io.StringIO()
        stream = io.StringIO(answers) if isinstance(answers, str) else answers
        self.reviewer = TerminalReviewer(Console(file=self.screen, width=80), stream, editor, **options)

    async def review(self, candidate: Candidate) -> Verdict:
        return await self.reviewer.review(candidate)

    @property
    def shown(self) -> str:
        return self.screen.getvalue()

    async def until(self, text: str, times: int = 1) -> None:
        while self.shown.count(text) < times:
            await asyncio.sleep(0.01)


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, int]]:
    """The reading end as a stream, the writing end as a descriptor."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        yield stream, writing
        with contextlib.suppress(OSError):
            os.close(writing)


@pytest.fixture
def editor(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[str, ...]]:
    """Makes an editor of Python statements about `path`; what it was given may not be left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def make(statements: str) -> tuple[str, ...]:
        program = tmp_path / "an editor.py"
        program.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{statements}\n")
        return (sys.executable, str(program))

    return make


async def test_a_person_sees_who_what_and_the_difference() -> None:
    desk = Desk("a\n")
    assert await desk.review(candidate()) == Verdict("approved")
    assert "ada_freight  Ada Freight, founder for freight" in desk.shown
    assert "filled in by a model, template idea_agent, try 2, sha256 0123456789ab" in desk.shown
    assert re.search(r"^interests +routes, customs *$", desk.shown, flags=re.MULTILINE)
    assert "policy: nothing to object" in desk.shown
    assert '-SECTOR = "none"\n+SECTOR = "freight"\n' in desk.shown
    assert "class Agent" not in desk.shown, "only what a model filled in"
    assert QUESTION in desk.shown
    assert max(map(len, desk.shown.splitlines())) <= 80


async def test_code_of_a_model_is_shown_with_its_surroundings_and_findings() -> None:
    desk = Desk("a\n")
    await desk.review(candidate(author="code", findings=("NAME001, line 3: repaired", "CALL002, line 9: repaired")))
    assert "code by a model" in desk.shown
    assert "policy: NAME001, line 3: repaired\npolicy: CALL002, line 9: repaired\n" in desk.shown
    assert "\n class Agent:\n" in desk.shown
    assert "[f]illed" not in desk.shown


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"template_source": None}, 'There is nothing to compare it with; the whole module:\n"""Ada."""'),
        ({"template_source": SOURCE}, "without a model:\nnone\n"),
        ({"template_source": "x\n" * (MAX_LINES + 1)}, "(too different to show: "),
    ],
)
async def test_there_may_be_nothing_to_compare_with(changes: dict[str, Any], text: str) -> None:
    desk = Desk("a\n")
    await desk.review(candidate(**changes))
    assert text in desk.shown


async def test_a_long_difference_says_that_it_goes_on() -> None:
    desk = Desk("d\na\n")
    await desk.review(candidate(author="code", source="".join(f"x{n} = {n}\n" for n in range(500))))
    first, _, whole = desk.shown.partition("[a]pprove")
    assert re.search(r"and 3\d\d more rows: d shows all", first)
    assert "+x499 = 499" not in first
    assert "+x499 = 499" in whole


async def test_the_whole_source_and_the_whole_difference() -> None:
    desk = Desk("s\nd\na\n")
    assert (await desk.review(candidate())).decision == "approved"
    _, source, whole, _ = desk.shown.split("[a]pprove")
    assert source.count("class Agent:") == 1
    assert '"""Ada."""' in source
    assert "\n class Agent:\n" in whole


async def test_a_rejection_needs_a_reason() -> None:
    desk = Desk("r\n \nreject\n  too \x1b[31mvague  \n")
    assert await desk.review(candidate()) == Verdict("rejected", why="too vague")
    assert desk.shown.count("A rejection needs a reason") == 1
    desk = Desk("r\n" + "why " * 500 + "\n")
    verdict = await desk.review(candidate())
    assert verdict.decision == "rejected"
    assert len(verdict.why) <= MAX_REASON


async def test_answers_that_mean_nothing_get_help() -> None:
    desk = Desk("\nyes\nu\n?\nAPPROVE\n")
    assert (await desk.review(candidate())).decision == "approved"
    assert desk.shown.count("  a  approve: it goes live") == 4
    assert desk.shown.count("  f  approve this one") == 4
    assert "undo" not in desk.shown


async def test_later_leaves_one_waiting_and_tells_the_command() -> None:
    desk = Desk("l\na\n")
    assert await desk.review(candidate()) == Verdict("pending")
    assert "\n  python -m creator agents approve ada_freight\n" in desk.shown
    assert await desk.review(candidate("bo_clinics")) == Verdict("approved")


@pytest.mark.parametrize("answers", ["q\na\na\n", "", "r\n", None])
async def test_after_quitting_or_the_last_answer_everything_waits(answers: str | None) -> None:
    desk = Desk(answers)
    verdicts = [await desk.review(candidate(name)) for name in ("ada", "bo", "cy")]
    assert verdicts == [Verdict("pending")] * 3
    assert desk.shown.count("What is not decided stays pending.") == 1
    assert "python -m creator agents approve NAME" in desk.shown
    assert desk.shown.count("policy:") == 1, "nobody is asked about the others"


async def test_filled_ones_can_be_approved_together() -> None:
    desk = Desk("f\nl\n")
    one, two, three, four = [
        await desk.review(one)
        for one in (candidate("ada"), candidate("bo"), candidate("cy", author="code"), candidate("dee"))
    ]
    assert (one, two, three, four) == (
        Verdict("approved"),
        Verdict("approved"),
        Verdict("pending"),
        Verdict("approved"),
    )
    assert "\napproved unasked: bo\n" in desk.shown
    assert desk.shown.endswith("\napproved unasked: dee\n")
    assert desk.shown.count("policy:") == 2


@pytest.mark.parametrize("author", ["code", "adopted"])
async def test_only_filled_ones_can_be_approved_together(author: str) -> None:
    desk = Desk("f\nl\n")
    assert await desk.review(candidate(author=author)) == Verdict("pending")
    assert "Only modules whose values a model filled in can be approved together" in desk.shown


async def test_an_edit_is_handed_on(editor: Callable[[str], tuple[str, ...]], tmp_path: Path) -> None:
    command = editor(
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(f'{{path.name}} "
        "{path.stat().st_mode:o} {path.parent.stat().st_mode:o} {sys.stdin.read()!r}')\n"
        "path.write_text(path.read_text() + 'EXTRA = 1\\n')"
    )
    desk = Desk("e\na\n", command)
    assert await desk.review(candidate()) == Verdict("edited", source=SOURCE + "EXTRA = 1\n")
    name, file_mode, folder_mode, typed = (tmp_path / "seen").read_text().split()
    assert name == "ada_freight.py"
    assert stat.S_IMODE(int(file_mode, 8)) == 0o600
    assert stat.S_IMODE(int(folder_mode, 8)) == 0o700
    assert typed == "''", "answers in a pipe are not the editor's"
    assert await desk.review(candidate("bo")) == Verdict("approved")


@pytest.mark.parametrize(
    ("statements", "text"),
    [
        ("", "Nothing was changed."),
        ("path.write_text(path.read_text())", "Nothing was changed."),
        ("path.write_text('half'); sys.exit(3)", "The editor ended with exit code 3: nothing is taken over."),
        ("import os; os.kill(os.getpid(), 9)", "The editor was ended by signal 9: nothing is taken over."),
        ("path.unlink()", "The editor left no file to read"),
        ("path.write_bytes(b'#' * 5_000_000)", "The file is larger than 4,000,000 bytes"),
    ],
)
async def test_an_edit_that_came_to_nothing_asks_again(
    editor: Callable[[str], tuple[str, ...]], statements: str, text: str
) -> None:
    desk = Desk("e\na\n", editor(statements))
    assert await desk.review(candidate()) == Verdict("approved")
    assert text in desk.shown
    assert desk.shown.count(QUESTION) == 2


async def test_an_edit_in_another_encoding_is_kept_for_the_next_try(editor: Callable[[str], tuple[str, ...]]) -> None:
    command = editor(
        "data = path.read_bytes()\n"
        "swap = (b'Ada', b'Zo\\xe9') if b'Ada' in data else (b'\\xef\\xbf\\xbd', b'e')\n"
        "path.write_bytes(data.replace(*swap))"
    )
    desk = Desk("e\ne\n", command)
    assert await desk.review(candidate()) == Verdict("edited", source=SOURCE.replace("Ada", "Zoe"))
    assert "The file is not UTF-8" in desk.shown


async def test_a_refused_edit_is_shown_again_and_can_be_mended(editor: Callable[[str], tuple[str, ...]]) -> None:
    command = editor("path.write_text(path.read_text().replace('Ada', 'Eve') + 'import os\\n')")
    desk = Desk("e\na\nf\ns\ne\n", command)
    first = await desk.review(candidate())
    await desk.reviewer.tell(candidate(), "IMPORT001, line 9: \x1b[2Jos")
    before = len(desk.shown)
    second = await desk.review(candidate())
    shown = desk.shown[before:]
    assert (first.decision, second.decision) == ("edited", "edited")
    assert second.source == first.source + "import os\n", "the second edit begins where the first one ended"
    assert "Your version was refused: IMPORT001, line 9: os" in shown
    assert "Your changes:" in shown
    assert "+import os" in shown
    assert "[a]pprove" not in shown
    assert shown.count("Your version was refused by the checks: e edits it again, u leaves it out.") == 2
    assert '"""Eve."""' in shown.partition("> s")[2]


async def test_a_refused_edit_can_be_undone(editor: Callable[[str], tuple[str, ...]]) -> None:
    desk = Desk("e\nu\na\n", editor("path.write_text('import os')"))
    await desk.review(candidate())
    await desk.reviewer.tell(candidate(), "IMPORT001")
    assert await desk.review(candidate()) == Verdict("approved")
    assert desk.shown.endswith("> a\n")
    assert desk.shown.count('+SECTOR = "freight"') == 2


async def test_approving_all_filled_ones_approves_no_refused_edit(editor: Callable[[str], tuple[str, ...]]) -> None:
    desk = Desk("e\nf\nl\n", editor("path.write_text('import os')"))
    await desk.review(candidate())
    assert (await desk.review(candidate("bo"))).decision == "approved"
    await desk.reviewer.tell(candidate(), "IMPORT001")
    assert await desk.review(candidate()) == Verdict("pending")


@pytest.mark.parametrize("told_first", [False, True])
async def test_an_edit_refused_after_quitting_is_told(
    editor: Callable[[str], tuple[str, ...]], told_first: bool
) -> None:
    desk = Desk("e\nq\n", editor("path.write_text('import os')"))
    await desk.review(candidate())
    steps = [lambda: desk.review(candidate("bo")), lambda: desk.reviewer.tell(candidate(), "IMPORT001: \x1b[2Jos")]
    for step in reversed(steps) if told_first else steps:
        await step()
    assert await desk.review(candidate()) == Verdict("pending")
    assert desk.shown.endswith(
        "Your version of ada_freight was refused: IMPORT001: os\n"
        "The module as it was written waits. Decide later:\n  python -m creator agents approve ada_freight\n"
    )


async def test_an_editor_that_is_missing() -> None:
    desk = Desk("e\nl\n")
    await desk.review(candidate())
    assert "There is no editor: set EDITOR, for example EDITOR=nano" in desk.shown
    desk = Desk("e\nl\n", ("./nowhere",))
    await desk.review(candidate())
    assert "Cannot edit with './nowhere': No such file or directory." in desk.shown


def test_which_editor(tmp_path: Path) -> None:
    assert find_editor({"VISUAL": "code --wait 'a b'", "EDITOR": "ed"}) == ("code", "--wait", "a b")
    assert find_editor({"VISUAL": " ", "EDITOR": "ed"}) == ("ed",)
    assert find_editor({"PATH": str(tmp_path)}) == ()
    (tmp_path / "vi").touch(0o755)
    assert find_editor({"PATH": str(tmp_path)}) == (str(tmp_path / "vi"),)
    with pytest.raises(UsageError, match="EDITOR is no command"):
        find_editor({"EDITOR": "'open"})


def test_which_pager(tmp_path: Path) -> None:
    assert find_pager({"PAGER": "more -s"}) == ("more", "-s")
    assert find_pager({"PAGER": "/usr/bin/less"}) == ("/usr/bin/less", "-R")
    assert find_pager({"PATH": str(tmp_path)}) == ()


async def test_candidates_are_shown_one_after_the_other(pipe: tuple[TextIO, int]) -> None:
    stream, writing = pipe
    entered: list[str] = []

    @contextlib.contextmanager
    def suspend() -> Iterator[None]:
        entered.append("suspended")
        yield
        entered.append("resumed")

    desk = Desk(stream, suspend=suspend)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(desk.review(candidate("ada")))
        second = group.create_task(desk.review(candidate("bo")))
        await desk.until(QUESTION)
        assert "ada  " in desk.shown
        assert "bo  " not in desk.shown
        assert entered == ["suspended"]
        os.write(writing, b"l\nr\n")
        await desk.until("Why?")
        os.write(writing, b"because\n")
    assert (first.result(), second.result()) == (Verdict("pending"), Verdict("rejected", why="because"))
    assert entered == ["suspended", "resumed"] * 2


async def test_answers_arrive_from_a_file_and_without_a_last_line_end(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.write_bytes(b"r\n\xffno\xc3\xa9\nl\na")
    with answers.open() as stream:
        desk = Desk(stream)
        assert (await desk.review(candidate())).why.endswith("noé")
        assert await desk.review(candidate()) == Verdict("pending")
        assert await desk.review(candidate()) == Verdict("approved")
        assert await desk.review(candidate()) == Verdict("pending")
    with os.fdopen(os.open(os.devnull, os.O_RDONLY)) as stream:
        assert await Desk(stream).review(candidate()) == Verdict("pending")


async def test_answers_without_end_that_decide_nothing_end_the_review(pipe: tuple[TextIO, int]) -> None:
    stream, writing = pipe
    yes = await asyncio.create_subprocess_exec("yes", "x" * 5_000, stdout=writing)
    desk = Desk(stream)
    assert await desk.review(candidate()) == Verdict("pending")
    yes.terminate()
    await yes.wait()
    assert "20 answers in a row decided nothing. What is not decided stays pending." in desk.shown


async def test_a_cancelled_wait_takes_no_answer(pipe: tuple[TextIO, int]) -> None:
    stream, writing = pipe
    desk = Desk(stream)
    waiting = asyncio.create_task(desk.review(candidate()))
    queued = asyncio.create_task(desk.review(candidate("bo")))
    await desk.until(QUESTION)
    for task in (waiting, queued):
        task.cancel()
    assert all(
        isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(waiting, queued, return_exceptions=True)
    )
    assert desk.shown.endswith("> \n"), "what follows begins a line"
    os.write(writing, b"ls\n")
    assert os.read(stream.fileno(), 100) == b"ls\n"


async def test_a_cancelled_review_ends_the_editor(editor: Callable[[str], tuple[str, ...]], tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = editor(f"import os, time\npathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(600)")
    waiting = asyncio.create_task(Desk("e\n", command).review(candidate()))
    while not (started.exists() and started.read_text()):
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


@pytest.mark.parametrize("terminal", [False, True])
async def test_hostile_texts_are_shown_as_plain_text(terminal: bool, editor: Callable[[str], tuple[str, ...]]) -> None:
    bad = f"{HOSTILE} [bold]x[/bold] [link=http://evil.example]y[/link] :smile:"
    source = (
        f'"""{bad}"""\n# {"A" * 10_000}\r# \x1b[1A\x1b[2Kgone \u202etxet\u2066 \u200b\n'
        + "x = '\u0301"
        + "\u0301" * 500
        + "'"
    )
    hostile = candidate(
        f"../../{bad}",
        persona=bad,
        sector=bad,
        role=bad,
        author="code",
        template=bad,
        source=source,
        template_source=f"{bad}\n\x9b2J\n",
        slots={bad: bad, "list": [bad] * 100, **{f"slot{n}": bad for n in range(100)}},
        findings=(bad,) * 100,
        sha256=bad,
    )
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=terminal, color_system="truecolor" if terminal else None)
    command = editor("path.write_text(path.name)")
    reviewer = TerminalReviewer(console, io.StringIO("s\nd\n?\ne\nd\nl\n"), command)
    assert await reviewer.review(hostile) == Verdict("edited", source="module.py")
    await reviewer.tell(hostile, bad * 100)
    assert await reviewer.review(hostile) == Verdict("pending")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert all(character.isprintable() or character == "\n" for character in plain)
    assert max(map(len, plain.splitlines())) <= 80 + len(f"python -m creator agents approve {bad}")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", plain)
    assert "owned" not in plain
    assert "[bold]x[/bold]" in plain.replace("\n", "")
    assert plain.count("A" * 70) >= 3 * 10_000 // 80
    assert "It holds characters that a terminal would obey or not show" in plain
    assert len(plain) < 200_000


def test_a_difference_is_what_the_library_gives() -> None:
    old = "".join(f"line {n}\n" for n in range(300))
    new = old.replace("line 7\n", "").replace("line 150\n", "other\nand more\n") + "end"
    for context in (0, 3, 400):
        expected = "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a.py", "b.py", n=context))
        assert difference(old, new, "a.py", "b.py", context) == expected + "\n\\ No newline at end of file\n"
    assert difference(old, old, "a.py", "b.py") == ""
    assert difference("", "x\n", "a", "b") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n"


def test_a_difference_shows_that_invisible_characters_differ() -> None:
    text = difference("ok = 1\nx = 2\n", "ok = 1\nx\u200b = 2\x1b[2K\r\n", "a\x1b[31m\nb", "c")
    assert text == "--- a b\n+++ c\n@@ -1,2 +1,2 @@\n ok = 1\n-x = 2\n+x = 2\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x\n" * MAX_LINES, "x\n" * (MAX_LINES + 1)),
        ("x" * 1_000_001, "y"),
        ("".join(f"{n % 120}\n" for n in range(4_900)), "".join(f"{-n % 120}\n" for n in range(4_900))),
    ],
)
def test_a_difference_that_takes_too_much_work_is_not_shown(old: str, new: str) -> None:
    text = difference(old, new, "a", "b")
    assert text == f"--- a\n+++ b\n(too different to show: {len(old):,} and {len(new):,} characters)\n"


def test_a_difference_has_colours() -> None:
    rendered = render_difference("--- a\n+++ b\n@@ -1,3 +1,3 @@\n same\n--- minus\n+[red]plus\x1b[2J\n")
    assert rendered.plain == "--- a\n+++ b\n@@ -1,3 +1,3 @@\n same\n--- minus\n+[red]plus"
    styles = {rendered.plain[span.start : span.end].strip(): span.style for span in rendered.spans}
    assert styles == {
        "--- a": "bold",
        "+++ b": "bold",
        "@@ -1,3 +1,3 @@": "cyan",
        "--- minus": "red",
        "+[red]plus": "green",
    }
    assert render_difference("").plain == ""


async def test_later_for_everything() -> None:
    reviewer = LaterReviewer()
    assert await reviewer.review(candidate()) == Verdict("pending")
    await reviewer.tell(candidate(), "nothing")
