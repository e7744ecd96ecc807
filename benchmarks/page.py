"""The live page with many agents: ``python -m benchmarks.page --help``.

Ledgers are made as a run makes them; the page is served by a process of its own and opened in Chromium. Everything is
given as a ratio of two measurements of the same minutes: a large population over a small one, a page that is busy over
the same page at rest, how long news take over the pause between two looks.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from creator.web.watching import LOOK_SECONDS
from tests.living import LivingRun

SMALL: Final = 20
LONG_MS: Final = 50
"""A frame that takes longer is seen to be late."""
_FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_DRAWN: Final = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return document.querySelectorAll("#agents tr").length;
}"""
_WATCH: Final = """() => {
  window.frames_ms = []; window.seen = []; window.steps = 0;
  let last = performance.now();
  const note = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(note); };
  requestAnimationFrame(note);
  document.addEventListener("creator:step", (event) => {
    window.steps += 1;
    const count = event.detail.messages.reduce((sum, one) => sum + one[2], 0);
    if (count) window.seen.push([Date.now() / 1000, count]);
  });
}"""


def populate(run: LivingRun, agents: int, messages: int, draw: random.Random) -> None:
    """Agents that live, and messages that they have sent."""
    run.wished(agents)
    for number in range(1, agents + 1):
        run.agent(number, f"agent_{number}")
    talk(run, agents, messages, draw)


def talk(run: LivingRun, agents: int, messages: int, draw: random.Random, seconds: float = 0.0) -> list[float]:
    """Messages between agents, evenly over so many seconds; gives when each was on record."""
    begun, written = time.time(), []
    for number in range(messages):
        author, colleague = draw.sample(range(1, agents + 1), 2)
        run.message(f"agent_{author}", f"agent_{colleague}")
        written.append(time.time())
        ahead = begun + seconds * number / messages - written[-1]
        if ahead > 0.005:
            time.sleep(ahead)
    return written


@contextmanager
def served(output: Path) -> Iterator[str]:
    """The pages of a folder of runs, by a process of its own."""
    command = [sys.executable, "-m", "creator", "serve", "--port", "0", "--output", str(output)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def opened(browser: Browser, address: str, agents: int) -> tuple[Page, float]:
    """A page, and how long it took until all of it was there and drawn for the first time, in seconds."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    begun = time.perf_counter()
    page.goto(address)
    assert page.evaluate(_DRAWN) == agents
    return page, time.perf_counter() - begun


def late(frames: list[float]) -> float:
    """The share of the time that passed in late frames."""
    return sum(one for one in frames if one > LONG_MS) / max(sum(frames), 1)


def first_pages(browser: Browser, small: str, large: str, agents: int, rounds: int) -> None:
    """How much longer a large population takes to be shown."""
    ratios = []
    for _ in range(rounds):
        times = []
        for address, count in ((small, SMALL), (large, agents)):
            page, seconds = opened(browser, address, count)
            times.append(seconds)
            page.close()
        ratios.append(times[1] / times[0])
        print(f"  {times[0]:.2f} s and {times[1]:.2f} s", flush=True)
    print(
        f"first complete page, {agents:,} agents over {SMALL}: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f}-{max(ratios):.2f})"
    )


def moving(browser: Browser, run: LivingRun, address: str, agents: int, messages: int, seconds: float) -> None:
    """How a page does while messages move, and how late it hears of them."""
    page, _ = opened(browser, address, agents)
    page.wait_for_timeout(8_000)  # until the agents have found their places
    page.evaluate(_WATCH)
    page.wait_for_timeout(5_000)
    resting = page.evaluate("window.frames_ms.splice(0)")
    written: list[float] = []
    writer = threading.Thread(
        target=lambda: written.extend(talk(run, agents, messages, random.Random(2), seconds)), name="writer"
    )
    writer.start()
    while writer.is_alive():
        page.wait_for_timeout(200)
    while sum(count for _, count in page.evaluate("window.seen")) < messages:
        page.wait_for_timeout(100)
    busy = page.evaluate("window.frames_ms.splice(0)")
    steps, seen = page.evaluate("window.steps"), page.evaluate("window.seen")
    heard = [when for when, count in seen for _ in range(count)]
    latency = [after - before for before, after in zip(written, heard, strict=True)]
    print(
        f"{messages:,} messages came in {steps} steps; late frames: {late(busy):.1%} of the time while they moved,"
        f" {late(resting):.1%} at rest; longest {max(busy):.0f} ms and {max(resting):.0f} ms"
    )
    over = statistics.median(busy) / statistics.median(resting)
    print(f"frames while they moved over frames at rest, median: {over:.2f}")
    quantiles = statistics.quantiles(latency, n=20)
    print(
        f"news over the pause between two looks ({LOOK_SECONDS} s): p50 {quantiles[9] / LOOK_SECONDS:.2f},"
        f" p95 {quantiles[18] / LOOK_SECONDS:.2f}"
    )
    page.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="that the messages take")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        output = Path(folder)
        small, large = LivingRun(output, asked=SMALL), LivingRun(output, asked=options.agents)
        draw = random.Random(1)
        populate(small, SMALL, 10 * SMALL, draw)
        populate(large, options.agents, options.messages, draw)
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        with served(output) as address:
            pages = [f"{address}runs/{run.name}" for run in (small, large)]
            first_pages(browser, *pages, options.agents, options.rounds)
            moving(browser, large, pages[1], options.agents, options.messages, options.seconds)
        browser.close()
        for run in (small, large):
            run.close()


if __name__ == "__main__":
    main()
