"""What can be seen of a run from outside, once it has ended."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from creator.isolation.image import RUN_LABEL
from creator.locks import LOCK_FILE
from creator.outcome import RunOutcome
from tests.conformance.lures import Lures

ADA, DIARIST, LATE = "honest ada", "honest diarist", "honest late"
HONEST: Final = tuple(name.replace(" ", "_") for name in (ADA, DIARIST, LATE))
"""A template-filled agent, one with secrets of its own, and a template-filled one that is born after the attacks."""

LINGERING_SECONDS: Final = 5.0
"""How long a killed process may take to be gone."""

MARKUP: Final = {
    ".md": re.compile(rb"\x1b|(?<!\\)<script|(?<!\\)\]\(javascript:|\xe2\x80\xae"),
    ".html": re.compile(rb"\x1b|<script>alert|<img src=x|\xe2\x80\xae|href=.?javascript:"),
}
"""What must not be found in a file for people: it would act on their terminal, browser or eyes."""


def verdict(name: str, outcome: RunOutcome) -> str:
    """What became of an agent: the title of its idea, or why it has none."""
    for idea in outcome.ideas:
        if idea.author == name:
            title = idea.final.title
            return title if title == "contained" or title.startswith("ESCAPED") else f"answered: {title}"
    for agent in outcome.agents:
        if agent.name == name:
            return agent.reason
    return "it was never born"


def of_the_honest(outcome: RunOutcome) -> list[str]:
    """What is wrong with the honest agents' ideas: each has one, with its own words."""
    found = []
    titles = dict(zip(HONEST, (r"A scripted title .*", r"The diary was kept\.", r"A scripted title .*"), strict=True))
    for name, title in titles.items():
        ideas = [idea for idea in outcome.ideas if idea.author == name]
        if len(ideas) != 1:
            reasons = [agent.reason for agent in outcome.agents if agent.name == name]
            found.append(f"{name} has {len(ideas)} ideas: {reasons}")
        elif not re.fullmatch(title, ideas[0].final.title) or len(ideas[0].versions) != 1:
            found.append(f"{name} did not say {ideas[0].final.title!r}")
    names = [agent.name for agent in outcome.agents]
    found += [f"{idea.author!r} has an idea and is no agent" for idea in outcome.ideas if idea.author not in names]
    if len(set(names)) != len(names) or len(outcome.ideas) != len({idea.author for idea in outcome.ideas}):
        found.append("a name or an author appears twice")
    if outcome.exit_code not in (0, 3):
        found.append(f"the run ended with exit code {outcome.exit_code}: {outcome.reason}")
    found += [
        f"the reason of {agent.name} is long or has several lines"
        for agent in outcome.agents
        if len(agent.reason) > 600 or len(agent.reason.splitlines()) > 1
    ]
    return found


def on_the_screen(text: str) -> list[str]:
    """Lines that the program did not mean to show, and characters that act on a terminal."""
    return [
        f"the screen shows {line!r}"
        for line in text.split("\n")
        if not line.isprintable()
        or not re.match(r"\[[\d:]+\] ((live \d+/\d+|failed|idea \d+/\d+): |[a-z0-9. ]+ to go$)|$", line)
    ]


def leaks(name: str, outcome: RunOutcome, lures: Lures, issued: list[tuple[str, str]]) -> list[str]:
    """Secrets of others in what an agent said."""
    said = json.dumps([idea.model_dump() for idea in outcome.ideas if idea.author == name])
    said += json.dumps([agent.reason for agent in outcome.agents if agent.name == name])
    diaries = [idea.final.problem for idea in outcome.ideas if idea.author == HONEST[1]]
    secret = {
        "the file's secret": [lures.file_secret],
        "the variable's secret": [lures.variable_secret],
        "the key in the World's memory": [lures.key_secret],
        "the diary": [diary for diary in diaries if diary.startswith("diary-")],
    }
    found = [f"told {what}" for what, texts in secret.items() if any(text in said for text in texts)]
    found += [
        f"told the credential of {client}"
        for client, credential in issued
        if credential in said and not client.startswith(f"cell:{name}:")
    ]
    return found


def in_files(
    outcome: RunOutcome, secret: list[str], issued: list[tuple[str, str]], damage: dict[str, list[str]]
) -> list[str]:
    """Secrets in the run's files, and what acts on a reader's terminal or browser."""
    found = []
    known = any("told" in line for lines in damage.values() for line in lines)
    for path in sorted(outcome.directory.rglob("*")):
        if path.is_dir() or path.is_symlink() or path.is_fifo() or path.parent.name == "agents":
            continue
        data = path.read_bytes()
        if not known and any(text.encode() in data for text in [*secret, *(text for _, text in issued)]):
            found.append(f"a secret is in {path.name!r}")
        if path.suffix in MARKUP and MARKUP[path.suffix].search(data):
            found.append(f"{path.name!r} holds what acts on its reader")
    expected = {LOCK_FILE, "ideas", "agents", "run.json", "settings.json", "report.html", "report.md"}
    found += [
        f"{path.name!r} lies in the run's folder"
        for path in outcome.directory.iterdir()
        if path.name not in expected and not path.name.startswith("ledger.")
    ]
    ideas = list((outcome.directory / "ideas").iterdir())
    if len(ideas) != len(outcome.ideas):
        found.append(f"{len(ideas)} files for {len(outcome.ideas)} ideas")
    names = {agent.name for agent in outcome.agents}
    found += [
        f"{path.name!r} lies among the modules"
        for path in (outcome.directory / "agents").iterdir()
        if path.name.strip(".").split(".")[0] not in names
    ]
    return found


def refusals(outcome: RunOutcome) -> dict[str, list[str]]:
    """What the host refused to each agent, as the ledger has it."""
    found: dict[str, list[str]] = {}
    with contextlib.closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT subject, detail FROM events WHERE kind = 'refused'").fetchall()
    for subject, detail in rows:
        name = subject.split(":")[1] if subject.startswith("cell:") else subject
        found.setdefault(name, []).append(json.loads(detail)["reason"])
    return found


def lingering(marks: dict[str, str]) -> dict[str, list[int]]:
    """Processes of attacks that are alive after the run, by stem."""
    until = time.monotonic() + LINGERING_SECONDS
    while True:
        found: dict[str, list[int]] = {stem: [] for stem in marks}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                names = (folder / "comm").read_bytes() + (folder / "cmdline").read_bytes()
                state = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            except OSError:
                continue
            for stem, mark in marks.items():
                if mark.encode() in names and state != "Z":
                    found[stem].append(int(folder.name))
        if not any(found.values()) or time.monotonic() > until:
            return found
        time.sleep(0.1)


def containers(engine: Any, run_id: str) -> list[str]:
    if engine is None:
        return []
    until = time.monotonic() + LINGERING_SECONDS
    while left := engine.containers.list(all=True, filters={"label": f"{RUN_LABEL}={run_id}"}, ignore_removed=True):
        if time.monotonic() > until:
            return [f"the container {one.name!r} was left behind" for one in left]
        time.sleep(0.1)
    return []
