"""Nothing is spent unasked: what a run costs is told before it, while it goes on, and after it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from creator.errors import UsageError
from creator.ledger.view import load_run
from creator.outcome import RunOutcome
from creator.outputs import read_settings
from creator.spending.run_prices import prices_for
from tests.conftest import RecordedProgress
from tests.integration.test_command_line import command, environment, spawned
from tests.scripted_server import ScriptedServer

Run = Callable[..., Awaitable[RunOutcome]]
Serve = Callable[..., ScriptedServer]

CHEAP = {"openai:scripted": {"prompt": 0.4, "completion": 1.6}}
DEAR = {"openai:scripted": {"prompt": 500, "completion": 1_500}}


@pytest.fixture
def prices(tmp_path: Path) -> Callable[[object], Path]:
    def write(value: object) -> Path:
        path = tmp_path / "prices.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        return path

    return write


def anything_made() -> bool:
    return Path("generated").exists()


def counted(server: ScriptedServer) -> list[tuple[int, int]]:
    """Keeps the tokens that a server says each completion took."""
    seen: list[tuple[int, int]] = []
    reply = server._reply

    def noted(*arguments: Any) -> tuple[int, dict[str, str], Any]:
        status, headers, body = reply(*arguments)
        if "usage" in body:
            seen.append((body["usage"]["prompt_tokens"], body["usage"].get("completion_tokens", 0)))
        return status, headers, body

    server._reply = noted  # type: ignore[method-assign]
    return seen


async def test_the_cost_of_a_run_is_its_tokens_at_their_price(run: Run, serve: Serve, prices: Any) -> None:
    server, progress = serve(), RecordedProgress()
    seen = counted(server)
    outcome = await run(4, server=server, tournament=True, prices=prices(CHEAP), progress=progress)
    assert outcome.exit_code == 0, outcome.reason
    _check, *calls = seen  # the first call only finds out whether the model answers
    read, written = (sum(tokens) for tokens in zip(*calls, strict=True))
    assert (outcome.prompt_tokens, outcome.completion_tokens) == (read, written)
    assert outcome.cost == pytest.approx((read * 0.4 + written * 1.6) / 1e6)
    assert progress.spent[-1] == (read, written, outcome.cost)
    told = json.loads((outcome.directory / "run.json").read_text("utf-8"))
    assert told["cost"] == outcome.cost
    assert told["estimate"]["cost"]["low"] < outcome.cost < told["estimate"]["cost"]["high"]
    assert load_run(outcome.directory).outcome == outcome
    assert "(estimated $0." in (outcome.directory / "report.html").read_text("utf-8")


async def test_who_goes_on_with_a_run_has_its_prices_and_is_asked_anew(run: Run, prices: Any) -> None:
    path = prices(CHEAP)
    outcome = await run(1, prices=path, yes=True)
    path.unlink()
    settings = read_settings(outcome.directory)
    assert settings.yes is False
    price = prices_for(settings, {})("openai:scripted")
    assert price is not None
    assert (price.prompt, price.completion) == (0.4, 1.6)


async def test_embeddings_have_a_price_of_their_own(run: Run, serve: Serve, prices: Any) -> None:
    server = serve()
    only_embeddings = {"openai:scripted": {"prompt": 0, "completion": 0}, "openai:e": {"prompt": 2, "completion": 0}}
    outcome = await run(3, server=server, embeddings="e", prices=prices(only_embeddings))
    texts = [request["input"] for request in server.requests if request["path"].endswith("/embeddings")]
    assert texts
    read = sum(sum(map(len, each)) // 4 for each in texts)
    assert outcome.cost == pytest.approx(2 * read / 1e6)


async def test_an_unknown_price_is_never_nothing(run: Run, serve: Serve) -> None:
    progress = RecordedProgress()
    outcome = await run(2, server=serve(), progress=progress)
    assert outcome.cost is None
    assert outcome.estimate is not None
    assert outcome.estimate.cost is None
    assert {cost for *_, cost in progress.spent} == {None}
    assert "<dd>price unknown</dd>" in (outcome.directory / "report.html").read_text("utf-8")


async def test_a_run_of_an_earlier_release_is_read_without_its_cost(run: Run, serve: Serve) -> None:
    outcome = await run(1, server=serve())
    path = outcome.directory / "run.json"
    told = json.loads(path.read_text("utf-8"))
    del told["cost"], told["estimate"]
    path.write_text(json.dumps(told), encoding="utf-8")
    read = load_run(outcome.directory).outcome
    assert (read.cost, read.estimate) == (None, None)


@pytest.mark.parametrize(
    "options",
    [
        {"count": 1},
        {"count": 6, "tournament": True},
        {"count": 5, "pattern": "panel", "bounce": 1.0},
        {"count": 5, "pattern": "pro_contra", "bounce": 1.0},
        {"count": 5, "pattern": "relay", "bounce": 1.0},
        {"count": 4, "baseline": True, "tournament": True},
        {"count": 4, "generations": 1, "tournament": True, "judges": 2},
        {"count": 3, "author": "code", "unsafe": True},
        {"count": 4, "template": "founder_agent,critic_agent"},
    ],
    ids=lambda options: " ".join(f"{name}={value}" for name, value in options.items()),
)
async def test_a_run_takes_what_was_estimated(run: Run, serve: Serve, options: dict[str, Any]) -> None:
    server = serve()
    outcome = await run(**options, server=server)
    assert outcome.exit_code == 0, outcome.reason
    estimate = outcome.estimate
    assert estimate is not None
    _, *asked = server.requests
    assert estimate.calls.low <= len(asked) <= estimate.calls.high
    characters = sum(len(str(message["content"])) for request in asked for message in request["messages"])
    assert estimate.prompt_tokens.low <= characters // 4 <= estimate.prompt_tokens.high


async def test_a_limit_on_an_unknown_cost_is_refused_before_anything_is_asked(
    run: Run, serve: Serve, prices: Any
) -> None:
    server = serve()
    with pytest.raises(UsageError, match=r"--max-cost needs the price of openai:scripted.*--prices"):
        await run(2, server=server, max_cost=1)
    with pytest.raises(UsageError, match="--max-cost needs the price of openai:other"):
        await run(2, server=server, tournament=True, max_cost=1, judge_model=["openai:other"], prices=prices(CHEAP))
    assert server.calls == 0
    assert not anything_made()


def test_without_a_terminal_an_expensive_run_is_refused_unless_somebody_agreed(serve: Serve, prices: Any) -> None:
    server, path = serve(), str(prices(DEAR))
    refused = spawned(server, 2, "--prices", path)
    assert refused.returncode == 2
    said = refused.stderr.decode().splitlines()
    assert said[-1].startswith("creator: not started: it may cost more than $1.00, up to $")
    assert said[-1].endswith("add --yes, or --max-cost USD")
    assert "estimate: " in said[0]
    assert (server.calls, anything_made()) == (0, False)
    for agreed in (["--yes"], ["--confirm-above", "100000"], ["--max-cost", "90000"]):
        done = spawned(server, 1, "--prices", path, *agreed)
        assert done.returncode == 0, done.stderr
        assert "estimate: " in done.stderr.decode()
        assert "Cost: $" in done.stdout.decode()


def test_a_cheap_run_or_one_of_unknown_price_tells_the_estimate_and_goes_on(serve: Serve, prices: Any) -> None:
    cheap = spawned(serve(), 1, "--prices", str(prices(CHEAP)))
    assert cheap.returncode == 0, cheap.stderr
    assert " tokens, $0.0" in cheap.stderr.decode()
    unknown = spawned(serve(), 1, "--confirm-above", "0")
    assert unknown.returncode == 0, unknown.stderr
    assert "price unknown (--prices FILE tells it)" in unknown.stderr.decode()
    assert "Cost: price unknown" in unknown.stdout.decode()


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("n\n", 2, "creator: not started"),
        ("\n", 2, "creator: not started"),
        ("\x03", 130, "creator: interrupted"),
        ("\x04", 2, "creator: not started"),
        ("y\n", 0, "live 1/1"),
    ],
    ids=["no", "nothing", "Ctrl-C", "Ctrl-D", "yes"],
)
def test_on_a_terminal_a_person_is_asked(serve: Serve, prices: Any, answer: str, code: int, said: str) -> None:
    server = serve()
    options = command(server, 1, "--prices", str(prices(DEAR)))
    with terminal(options) as (process, master):
        shown = read_until(master, "Go on? [y/N] ")
        assert "estimate: " in shown
        assert "It may cost more than $1.00 (--confirm-above). Go on?" in shown
        assert (server.calls, anything_made()) == (0, False), "nothing is made before the answer"
        assert all(len(line) <= 80 for line in shown.splitlines()[1:])
        os.write(master, answer.encode())
        shown += read_until(master, said)
        read_until(master, None)
        assert process.wait(60) == code, shown
    assert anything_made() == (code == 0)


@contextlib.contextmanager
def terminal(options: list[str]) -> Any:
    """A process on a terminal of its own, from which Ctrl-C comes."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))

    def own_terminal() -> None:
        import fcntl

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    environ = environment(TERM="dumb", LANG="C.UTF-8")
    process = subprocess.Popen(
        options,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=environ,
        preexec_fn=own_terminal,
    )
    os.close(slave)
    try:
        yield process, master
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(master)


def read_until(master: int, text: str | None) -> str:
    """What a terminal shows until a text has come; with None, until its program has ended."""
    shown = b""
    while text is None or text.encode() not in shown:
        ready, _, _ = select.select([master], [], [], 60)
        assert ready, f"{text!r} was never shown: {shown!r}"
        try:
            shown += os.read(master, 65_536)
        except OSError:  # the other end is closed
            assert text is None, f"{text!r} was never shown: {shown!r}"
            break
    return shown.decode("utf-8", "replace")
