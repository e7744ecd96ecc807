"""`creator.toml` as ``init`` writes it says what the settings say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from creator.cli import main
from creator.settings import SpawnSettings
from creator.settings_guide import grouped_settings, settings_file
from creator.settings_words import outside_name

SETTING = re.compile(r"^#(?=\w)", re.MULTILINE)


def test_every_setting_stands_in_it_once_with_its_meaning() -> None:
    settings = [setting for group in grouped_settings().values() for setting in group]
    assert sorted(one.name for one in settings) == sorted(map(outside_name, SpawnSettings.model_fields))
    assert all(one.meaning and one.values and "None" not in one.meaning for one in settings)
    assert [one.name for one in settings][:3] == ["model", "sandbox", "objective"]
    by_name = {one.name: one for one in settings}
    assert by_name["max_cost"].values == "number, above 0"
    assert by_name["sandbox"].values == "auto, docker, bubblewrap or process"
    assert by_name["template"].default == '"idea_agent"'


def test_as_written_it_changes_nothing_and_uncommented_it_gives_the_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    defaults = SpawnSettings.load({"count": 3})
    assert main(["init"]) == 0
    out = capsys.readouterr().out
    assert "creator.toml" in out and ".env" in out and "OPENAI_API_KEY" in out
    text = Path("creator.toml").read_text("utf-8")
    assert tomllib.loads(text) == {}
    assert max(map(len, text.splitlines())) <= 110
    assert SpawnSettings.load({"count": 3}) == defaults
    Path("creator.toml").write_text(SETTING.sub("", text), encoding="utf-8")
    assert len(tomllib.loads(Path("creator.toml").read_text("utf-8"))) == len(SpawnSettings.model_fields)
    assert SpawnSettings.load({"count": 3}) == defaults


def test_a_setting_that_is_uncommented_and_changed_holds() -> None:
    Path("creator.toml").write_text(settings_file().replace('#max_cost = ""', "max_cost = 0.5"), encoding="utf-8")
    assert SpawnSettings.load({"count": 3}).max_cost == 0.5


def test_it_replaces_nothing_unless_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    Path("creator.toml").write_text("count = 4\n", encoding="utf-8")
    assert main(["init"]) == 2
    assert "--force" in capsys.readouterr().err
    assert Path("creator.toml").read_text("utf-8") == "count = 4\n"
    assert main(["init", "--force"]) == 0
    assert "#count = " in Path("creator.toml").read_text("utf-8")


def test_it_goes_where_it_is_sent_and_holds_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    Path("there").mkdir()
    assert main(["init", "there"]) == 0
    assert "sk-very-secret" not in Path("there/creator.toml").read_text("utf-8") + capsys.readouterr().out
    assert sorted(path.name for path in Path("there").iterdir()) == ["creator.toml"]
    for folder in ("nowhere", "", "there/creator.toml"):
        assert main(["init", folder]) == 2
        assert "is no folder" in capsys.readouterr().err
