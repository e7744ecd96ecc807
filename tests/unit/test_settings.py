from pathlib import Path

import pytest

from creator.errors import UsageError
from creator.settings import OutputSettings, SpawnSettings, load_environ


def test_the_defaults() -> None:
    settings = SpawnSettings.load({"count": "5"})
    assert settings.count == 5
    assert settings.objective == "business ideas for agentic AI"
    assert settings.output == Path("generated")
    assert settings.sandbox == "auto"
    assert settings.bounce is None
    assert not settings.json_output


def test_the_command_line_wins_then_environment_then_dotenv_then_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("creator.toml").write_text("bounce = 0.1\nseed = 1\ndeadline = 11\ncount = 4\n", encoding="utf-8")
    Path(".env").write_text("CREATOR_BOUNCE=0.2\nCREATOR_SEED=2\nCREATOR_DEADLINE=22\n", encoding="utf-8")
    monkeypatch.setenv("CREATOR_BOUNCE", "0.3")
    monkeypatch.setenv("CREATOR_SEED", "3")
    settings = SpawnSettings.load({"bounce": "0.4", "seed": None})
    assert (settings.bounce, settings.seed, settings.deadline, settings.count) == (0.4, 3, 22, 4)


def test_json_goes_by_that_name_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SpawnSettings.load({"count": 1, "json_output": True}).json_output
    Path("creator.toml").write_text("json = true\n", encoding="utf-8")
    assert SpawnSettings.load({"count": 1}).json_output
    Path(".env").write_text("CREATOR_JSON=false\n", encoding="utf-8")
    assert not SpawnSettings.load({"count": 1}).json_output
    monkeypatch.setenv("CREATOR_JSON", "1")
    assert SpawnSettings.load({"count": 1}).json_output


def test_kept_agents_are_named_by_with_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SpawnSettings.load({"count": 3, "with_agents": ("ada, bo", "cy")}).with_agents == ["ada", "bo", "cy"]
    Path("creator.toml").write_text('with = ["ada", "bo"]\nlibrary = "~/kept"\n', encoding="utf-8")
    settings = SpawnSettings.load({"count": 3, "with_agents": ()})
    assert settings.with_agents == ["ada", "bo"]
    assert settings.library == Path.home() / "kept"
    Path(".env").write_text("CREATOR_WITH=cy\n", encoding="utf-8")
    assert SpawnSettings.load({"count": 3}).with_agents == ["cy"]
    monkeypatch.setenv("CREATOR_WITH", "di,ed")
    monkeypatch.setenv("CREATOR_LIBRARY", "elsewhere")
    settings = SpawnSettings.load({"count": 3})
    assert (settings.with_agents, settings.library) == (["di", "ed"], Path("elsewhere"))


def test_a_mistake_about_kept_agents_is_found_where_it_stands() -> None:
    Path("creator.toml").write_text("with = 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"Key 'with' in creator\.toml: 3 does not fit, name kept agents"):
        SpawnSettings.load({"count": 3})
    with pytest.raises(UsageError, match="Option --library"):
        SpawnSettings.load({"count": 3, "with_agents": ("ada",), "library": " "})


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREATOR_BOUNCE", "")
    assert SpawnSettings.load({"count": 1}).bounce is None


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("count", "many", "Argument N"),
        ("count", "0", "Argument N"),
        ("count", "-3", "Argument N"),
        ("count", "100000", "Argument N"),
        ("bounce", "1.5", "--bounce"),
        ("bounce", "nan", "--bounce"),
        ("deadline", "0", "--deadline"),
        ("deadline", "inf", "--deadline"),
        ("sandbox", "vm", "--sandbox"),
        ("author", "poet", "--author"),
        ("seed", "x", "--seed"),
        ("base_url", "localhost:80", "--base-url"),
        ("base_image", "a b", "--base-image"),
        ("objective", " ", "--objective"),
        ("objective", "x" * 4_001, "--objective"),
        ("model", "", "--model"),
        ("output", "", "--output"),
    ],
)
def test_a_bad_option_is_one_line_that_names_it(field: str, value: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        SpawnSettings.load({"count": "3", field: value})
    line = str(caught.value)
    assert line.startswith((named, f"Option {named}"))
    assert "\n" not in line
    assert len(line) < 400


def test_a_bad_value_is_found_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("creator.toml").write_text("bounce = 7\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"Key 'bounce' in creator\.toml"):
        SpawnSettings.load({"count": 3})
    Path(".env").write_text("CREATOR_BOUNCE=8\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"CREATOR_BOUNCE in \.env"):
        SpawnSettings.load({"count": 3})
    monkeypatch.setenv("CREATOR_BOUNCE", "9")
    with pytest.raises(UsageError, match="Environment variable CREATOR_BOUNCE"):
        SpawnSettings.load({"count": 3})


def test_a_missing_count_says_what_to_type() -> None:
    with pytest.raises(UsageError, match="python -m creator spawn 20"):
        SpawnSettings.load({})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"bouncy = 1", "Did you mean 'bounce'"),
        (b"[spawn]\nx = 1", "unknown key 'spawn'"),
        (b"count ==", "not valid TOML"),
        (b"# \xff", "not UTF-8"),
    ],
)
def test_a_broken_creator_toml_is_one_line(content: bytes, said: str) -> None:
    Path("creator.toml").write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        SpawnSettings.load({"count": 1})
    assert "creator.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dotenv_that_is_not_utf_8_is_one_line() -> None:
    Path(".env").write_bytes(b"CREATOR_MODEL=\xff\xfe")
    for load in (lambda: SpawnSettings.load({"count": 1}), load_environ):
        with pytest.raises(UsageError, match=r"\.env is not UTF-8"):
            load()


def test_reading_commands_care_for_their_own_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREATOR_BOUNCE", "nonsense")
    monkeypatch.setenv("CREATOR_OUTPUT", "elsewhere")
    assert OutputSettings.load().output == Path("elsewhere")


def test_keys_are_looked_up_in_the_environment_over_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_API_KEY=file\nOTHER_KEY=$not{expanded}\n", encoding="utf-8")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert load_environ()["OPENAI_API_KEY"] == "file"
    assert load_environ()["OTHER_KEY"] == "$not{expanded}"
    monkeypatch.setenv("OPENAI_API_KEY", "environment")
    assert load_environ()["OPENAI_API_KEY"] == "environment"


def test_an_objective_from_a_file_takes_the_place_of_the_other(tmp_path: Path) -> None:
    path = tmp_path / "objective.txt"
    path.write_text("\ufeffTide clocks.\n\nFor small harbours.\n", encoding="utf-8")
    settings = SpawnSettings.load({"count": 2, "objective_file": str(path), "objective": "something else"})
    assert settings.objective == "Tide clocks.\n\nFor small harbours."


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "holds 0 characters"), (b"\xff\xfe", "not UTF-8"), (b"x" * 5_000, "5,000")]
)
def test_an_objective_file_that_cannot_be_used_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "objective.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said) as error:
        SpawnSettings.load({"count": 2, "objective_file": path})
    assert "objective file" in str(error.value)


@pytest.mark.parametrize(
    ("count", "generations", "keep", "asked"), [(20, 0, None, 20), (20, 2, 5, 50), (1, 3, None, 4)]
)
def test_generations_bring_further_ideas(count: int, generations: int, keep: int | None, asked: int) -> None:
    assert SpawnSettings.load({"count": count, "generations": generations, "keep": keep}).asked == asked


def test_no_more_parents_are_kept_than_there_are_agents() -> None:
    with pytest.raises(UsageError, match=r"Option --keep: 9 does not fit, there are only 5 agents"):
        SpawnSettings.load({"count": 5, "keep": 9})


def test_judges_are_named_once_or_repeatedly_or_with_commas() -> None:
    settings = SpawnSettings.load({"count": 2, "judge_model": ("openai:a, openai:b", "anthropic:c")})
    assert settings.judge_model == ["openai:a", "openai:b", "anthropic:c"]
