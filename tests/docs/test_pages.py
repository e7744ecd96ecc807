"""What the pages show is valid, what they link to is there, and what the program tells itself is up to date."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.docs import reference
from tests.docs.pages import PAGES, blocks, name_of

READERS = {
    "python": lambda text: compile(text, "block", "exec"),
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
FENCES = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def anchors(path: Path) -> set[str]:
    """What can be linked to in a page: its headings, as GitHub names them."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", FENCES.sub("", path.read_text("utf-8")), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return names


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_a_page_shows_is_valid(path: Path) -> None:
    for block in blocks(path):
        if block.language in READERS:
            READERS[block.language](block.text)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_a_page_links_to_is_there(path: Path) -> None:
    for link in LINK.findall(FENCES.sub("", path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = path.parent / place if place else path
        assert target.exists(), f"{link} leads nowhere"
        assert target.resolve().is_relative_to(REPOSITORY), f"{link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def test_every_page_can_be_found_from_the_index() -> None:
    index = REPOSITORY / "docs" / "README.md"
    listed = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    assert {path for path in PAGES if path.is_relative_to(index.parent)} - {index} <= listed


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_what_the_program_says(name: str) -> None:
    assert (reference.FOLDER / name).read_text("utf-8") == reference.PAGES[name](), (
        "the program has changed: run python -m tests.docs.reference"
    )
