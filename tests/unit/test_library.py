"""Keeping good agents: what is kept, what is refused, and what comes back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creator.cli import main
from creator.errors import CreatorError, EnvironmentFault, UsageError
from creator.files import digest
from creator.library import forget, keep, kept, kept_for, load_kept, store
from creator.modules import load_live
from creator.outcome import IdeaOutcome, IdeaVersion, RunOutcome
from creator.settings import SpawnSettings
from tests.unit.outcomes import HOSTILE, idea
from tests.unit.recorded import REASON, Recorded, recorded
from tests.unit.test_cli import CONTROL

LIBRARY = Path("library")


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def module(outcome: RunOutcome, name: str = "ada_freight") -> Path:
    return outcome.directory / "agents" / f"{name}.py"


def refused(act: Callable[[], object], said: str) -> str:
    """The one line that refuses; nothing was kept."""
    with pytest.raises(CreatorError) as caught:
        act()
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    return line


def with_best_idea(run: Recorded) -> None:
    versions = [IdeaVersion(author=name, idea=idea(f"Best {name}")) for name in ("ada_freight", "bo_clinics", "di")]
    run.record.ideas.append(
        IdeaOutcome(number=2, author="ada_freight", contributors=["bo_clinics", "di"], versions=versions)
    )


def test_what_is_kept_comes_back_with_where_it_comes_from() -> None:
    outcome = recorded(with_best_idea)
    one = keep(outcome.directory, "ada_freight", LIBRARY)
    assert sorted(path.name for path in LIBRARY.iterdir()) == [
        "ada_freight.json",
        "ada_freight.origin.json",
        "ada_freight.py",
    ]
    assert (LIBRARY / "ada_freight.py").read_bytes() == module(outcome).read_bytes()
    origin = one.origin
    assert origin is not None
    assert (origin.name, origin.run_id, origin.objective) == ("ada_freight", outcome.run_id, "ideas for bakeries")
    assert (origin.model, origin.author, origin.idea) == ("openai:gpt-4.1-mini", "code", "Best di")
    assert (origin.sha256, origin.parents) == (outcome.agents[0].sha256, ["bo_clinics"])
    assert (datetime.now(UTC) - origin.kept).total_seconds() >= 0
    assert kept(LIBRARY) == [one] or kept(LIBRARY)[0].origin == origin
    created = load_kept(LIBRARY, "ada_freight")
    assert created.source == module(outcome).read_text("utf-8")
    assert created.blueprint.author == "code"
    assert created.blueprint.parents == [], "its parents are not of the run that it comes to"
    assert created.notes == [
        f"from the library: ada_freight, of run {outcome.run_id}, made with openai:gpt-4.1-mini,"
        f" kept {origin.kept:%Y-%m-%d}"
    ]


def test_another_name_is_the_blueprints_too() -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY, as_name="ada_the_first")
    assert [one.name for one in kept(LIBRARY)] == ["ada_the_first"]
    created = load_kept(LIBRARY, "ada_the_first")
    assert created.blueprint.name == "ada_the_first"
    assert "ada_freight, of run" in created.notes[0]


@pytest.mark.parametrize("name", ["Ada", "../ada", "creator", "trial_1", "class", "", "a" * 65, "ada.origin"])
def test_a_name_that_no_agent_may_have_is_refused(name: str) -> None:
    outcome = recorded()
    line = refused(lambda: keep(outcome.directory, "ada_freight", LIBRARY, as_name=name), "is no name for an agent")
    assert not LIBRARY.exists()
    legal = line.split("--as ")[1].split(",")[0]
    keep(outcome.directory, "ada_freight", LIBRARY, as_name=legal)


def test_one_that_is_kept_is_replaced_only_by_force() -> None:
    outcome = recorded(lambda run: run.agent(4, "di_ports"))
    keep(outcome.directory, "ada_freight", LIBRARY)
    before = {path.name: path.read_bytes() for path in LIBRARY.iterdir()}
    refused(lambda: keep(outcome.directory, "di_ports", LIBRARY, as_name="ada_freight"), "--force")
    assert {path.name: path.read_bytes() for path in LIBRARY.iterdir()} == before
    keep(outcome.directory, "di_ports", LIBRARY, as_name="ada_freight", force=True)
    assert "di_ports, of run" in load_kept(LIBRARY, "ada_freight").notes[0]


def test_only_those_who_live_are_kept() -> None:
    outcome = recorded()
    refused(lambda: keep(outcome.directory, "bo_clinics", LIBRARY), "agents approve bo_clinics")
    refused(lambda: keep(outcome.directory, "cy_farms", LIBRARY), REASON)
    refused(lambda: keep(outcome.directory, "ada_frieght", LIBRARY), "Did you mean 'ada_freight'?")
    assert not LIBRARY.exists()


def change_module(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 1))


def change_author(path: Path) -> None:
    blueprint = path.with_suffix(".json")
    blueprint.write_text(blueprint.read_text("utf-8").replace('"author": "code"', '"author": "fill"'), "utf-8")


def change_name(path: Path) -> None:
    blueprint = path.with_suffix(".json")
    blueprint.write_text(blueprint.read_text("utf-8").replace('"ada_freight"', '"bo_clinics"'), "utf-8")


def make_a_link(path: Path) -> None:
    path.rename("elsewhere.py")
    path.symlink_to(Path("elsewhere.py").absolute())


def damage(path: Path) -> None:
    path.with_suffix(".json").write_text("{", "utf-8")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_module, "changed since"),
        (change_author, "changed since"),
        (change_name, "changed since"),
        (make_a_link, "cannot be read"),
        (damage, "cannot be read"),
        (remove, "cannot be read"),
    ],
)
def test_what_is_not_what_was_checked_is_not_kept(change: Callable[[Path], None], said: str) -> None:
    outcome = recorded()
    change(module(outcome))
    refused(lambda: keep(outcome.directory, "ada_freight", LIBRARY), said)
    assert not LIBRARY.exists()


def test_without_a_digest_on_record_nobody_can_say_that_it_is_the_same() -> None:
    outcome = recorded()
    path = outcome.directory / "run.json"
    stored = json.loads(path.read_text("utf-8"))
    stored["agents"][0]["sha256"] = ""
    path.write_text(json.dumps(stored), "utf-8")
    refused(lambda: keep(outcome.directory, "ada_freight", LIBRARY), "no digest")


def test_a_run_with_hostile_texts_is_kept_as_plain_text() -> None:
    outcome = recorded()
    path = outcome.directory / "run.json"
    stored = json.loads(path.read_text("utf-8"))
    stored |= {"objective": HOSTILE * 100, "model": HOSTILE * 10, "run_id": HOSTILE}
    path.write_text(json.dumps(stored), "utf-8")
    one = keep(outcome.directory, "ada_freight", LIBRARY)
    assert one.origin is not None
    assert not CONTROL.search(one.origin.objective + one.origin.model + one.origin.run_id)


@pytest.mark.parametrize("suffix", [".py", ".json", ".origin.json"])
@pytest.mark.parametrize("how", ["edited", "removed", "damaged", "a link", "a pipe", "huge"])
def test_what_was_changed_since_is_refused_in_one_line(suffix: str, how: str) -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY)
    keep(outcome.directory, "ada_freight", LIBRARY, as_name="other")
    path = LIBRARY / f"ada_freight{suffix}"
    text = path.read_text("utf-8")
    path.unlink()
    match how:
        case "edited":
            path.write_text(text.replace("idea_agent", "other_agent") + "\n", "utf-8")
        case "damaged":
            path.write_bytes(b"\xff{" * 50)
        case "a link":
            (LIBRARY / "elsewhere").write_text(text, "utf-8")
            path.symlink_to("elsewhere")
        case "a pipe":
            os.mkfifo(path)
        case "huge":
            path.write_text(text + "#" * 1_000_000, "utf-8")
    if (suffix, how) == (".origin.json", "removed"):
        refused(lambda: load_kept(LIBRARY, "ada_freight"), "No agent 'ada_freight' is kept")
        return
    if (suffix, how) == (".origin.json", "edited"):
        assert load_kept(LIBRARY, "ada_freight").source, "what it tells of its origin is not what is run"
        return
    refused(lambda: load_kept(LIBRARY, "ada_freight"), "agents forget ada_freight")
    problems = {one.name: one.problem for one in kept(LIBRARY)}
    assert problems["ada_freight"]
    assert problems["other"] == "", "one that is damaged hides no other"
    forget(LIBRARY, "ada_freight")
    assert [one.name for one in kept(LIBRARY)] == ["other"]


def test_one_of_no_run_can_be_stored_as_well() -> None:
    outcome = recorded()
    agent = load_live(outcome, "ada_freight")
    adopted = agent.blueprint.model_copy(update={"author": "adopted", "name": "ada"})
    store(agent.model_copy(update={"blueprint": adopted}), LIBRARY, name="ada_lovelace")
    created = load_kept(LIBRARY, "ada")
    assert created.notes == [f"from the library: ada_lovelace, adopted, kept {datetime.now(UTC):%Y-%m-%d}"]
    assert created.blueprint.author == "adopted"
    refused(lambda: store(agent.model_copy(update={"blueprint": adopted}), LIBRARY, name="ada"), "--force")


def test_one_that_took_anothers_files_is_refused() -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY)
    for path in list(LIBRARY.iterdir()):
        path.rename(path.with_name(path.name.replace("ada_freight", "judge")))
    refused(lambda: load_kept(LIBRARY, "judge"), "was changed since")


def test_the_policy_of_today_decides() -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY)
    path, about = LIBRARY / "ada_freight.py", LIBRARY / "ada_freight.origin.json"
    path.write_text("import os\n" + path.read_text("utf-8"), "utf-8")
    origin = json.loads(about.read_text("utf-8"))
    about.write_text(json.dumps({**origin, "sha256": digest(path.read_bytes())}), "utf-8")
    refused(lambda: load_kept(LIBRARY, "ada_freight"), "IMPORT001")


def test_only_what_is_kept_can_be_forgotten() -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY)
    Path("mine.py").write_text("mine", "utf-8")
    refused(lambda: forget(LIBRARY, "../mine"), "No agent")
    refused(lambda: forget(LIBRARY, "ada"), "Did you mean 'ada_freight'?")
    forget(LIBRARY, "ada_freight")
    assert list(LIBRARY.iterdir()) == []
    assert Path("mine.py").exists()
    assert module(outcome).exists(), "its run stays as it is"
    refused(lambda: forget(LIBRARY, "ada_freight"), "It is empty")


def test_a_library_that_cannot_be_used_is_one_line() -> None:
    outcome = recorded()
    LIBRARY.write_text("a file", "utf-8")
    with pytest.raises(EnvironmentFault, match="--library"):
        keep(outcome.directory, "ada_freight", LIBRARY)
    with pytest.raises(EnvironmentFault, match="--library"):
        kept(LIBRARY)
    assert kept(Path("nowhere")) == []


# ---- --with


def settings(*names: str, count: int = 3) -> SpawnSettings:
    return SpawnSettings.load({"count": count, "with_agents": names, "library": str(LIBRARY)})


def test_those_who_take_part_come_in_the_order_they_are_named() -> None:
    outcome = recorded(lambda run: run.agent(4, "di_ports"))
    for name in ("ada_freight", "di_ports"):
        keep(outcome.directory, name, LIBRARY)
    assert [one.blueprint.name for one in kept_for(settings("di_ports,ada_freight"))] == ["di_ports", "ada_freight"]
    assert kept_for(settings()) == []


@pytest.mark.parametrize(
    ("names", "count", "said"),
    [
        (["ada_frieght"], 3, "Did you mean 'ada_freight'? There are: ada_freight, di_ports."),
        (["../ada_freight"], 3, "No agent"),
        (["\x1b[2J" + "x" * 500], 3, "No agent"),
        (["ada_freight", "di_ports"], 1, "--with names 2 agents"),
        (["ada_freight", "ada_freight"], 3, "twice"),
    ],
)
def test_a_mistake_is_told_before_anything_starts(names: list[str], count: int, said: str) -> None:
    outcome = recorded(lambda run: run.agent(4, "di_ports"))
    for name in ("ada_freight", "di_ports"):
        keep(outcome.directory, name, LIBRARY)
    line = refused(lambda: kept_for(settings(*names, count=count)), said)
    assert not CONTROL.search(line)
    assert len(line) < 400


def test_a_changed_one_does_not_take_part() -> None:
    outcome = recorded()
    keep(outcome.directory, "ada_freight", LIBRARY)
    (LIBRARY / "ada_freight.py").write_text("changed", "utf-8")
    with pytest.raises(UsageError, match="was changed since"):
        kept_for(settings("ada_freight"))


# ---- commands


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["agents", *arguments]) == code
    out, err = capsys.readouterr()
    assert (err if code == 0 else out) == ""
    return out if code == 0 else err


def test_keeping_listing_and_forgetting(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREATOR_LIBRARY", "library")
    outcome = recorded()
    assert "agents keep NAME" in told(capsys, "library")
    out = told(capsys, "keep", "ada_freight", "--as", "ada")
    assert out == "Kept: ada, in library\nLet it take part: python -m creator spawn 5 --with ada\n"
    assert "--force" in told(capsys, "keep", "ada_freight", "--as", "ada", "--run", outcome.run_id, code=2)
    told(capsys, "keep", "ada_freight", "--force")
    out = told(capsys, "library")
    assert all(len(line) <= 80 for line in out.splitlines())
    for text in ("Marta Pitch", "amateur football", "code", "idea_agent", outcome.run_id, f"{datetime.now(UTC):%Y-}"):
        assert text in out
    found = json.loads(told(capsys, "library", "--json"))
    assert [(one["name"], one["persona"], one["author"]) for one in found["agents"]] == [
        ("ada", "Marta Pitch", "code"),
        ("ada_freight", "Marta Pitch", "code"),
    ]
    assert found["agents"][0]["origin"]["run_id"] == outcome.run_id
    assert told(capsys, "forget", "ada") == "Forgotten: ada\n"
    assert "No agent 'ada' is kept" in told(capsys, "forget", "ada", code=2)


def test_a_damaged_one_is_listed_with_its_problem(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    for name in ("ada", "a" * 64):
        keep(outcome.directory, "ada_freight", LIBRARY, as_name=name)
    (LIBRARY / "ada.json").write_text("{", "utf-8")
    out = told(capsys, "library", "--library", "library")
    assert "cannot be used" in out
    assert "agents forget ada" in " ".join(out.split())
    assert "a" * 64 in out.replace("\n", "").replace(" ", ""), "names are shown whole"
    assert f"spawn 5 --with {'a' * 64} --library library" in out
    found = json.loads(told(capsys, "library", "--library", "library", "--json"))
    assert "damaged" in found["agents"][1]["problem"]


def test_the_folder_is_the_users_own_unless_another_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    recorded()
    told(capsys, "keep", "ada_freight")
    (file,) = tmp_path.rglob("ada_freight.origin.json")
    assert file.parent.parts[-2:] == ("agent-creator-sandbox", "agents")
    Path("creator.toml").write_text('library = "theirs"\n', "utf-8")
    assert json.loads(told(capsys, "library", "--json")) == {"library": "theirs", "agents": []}
    told(capsys, "keep", "ada_freight", "--library", "mine")
    assert Path("mine/ada_freight.py").is_file()
