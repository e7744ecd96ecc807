"""Recordings: their bounds, and archives that somebody made hostile."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creator.errors import EnvironmentFault, UsageError
from creator.replaying.archive import MEMBERS, pack, unpack
from creator.replaying.player import compared, memory_of, script_of, settings_of
from creator.replaying.recording import Recording
from tests.unit.outcomes import outcome

KEY = "a" * 64
BRIEF = {
    "sector": "freight",
    "role": "planner",
    "temperament": "calm",
    "topic": "late trucks",
    "persona": "Ada Freight",
}


def birth(number: int = 1, name: str = "ada_freight", **more: Any) -> dict[str, Any]:
    return {"number": number, "template": "idea_agent", "brief": BRIEF, "name": name, "talk": 1, **more}


def document(**more: Any) -> dict[str, Any]:
    return {
        "release": "0.1.0",
        "run_id": "20260101-120000-00ff",
        "model": "openai:scripted",
        "strategy": "object",
        "seed": 7,
        "settings": {"count": 1, "objective": "ideas", "template": {"idea_agent": 1.0}},
        "births": [birth()],
        "places": {"c0001.1": 1},
        "answers": [{"key": KEY, "model": "m", "answer": "Yes.", "prompt_tokens": 3, "completion_tokens": 1}],
        "failures": {"b" * 64: "HTTP 400"},
        "files": {"agents/ada_freight.py": KEY, "ideas/01-an-idea.md": KEY},
        **more,
    }


def recording(**more: Any) -> Recording:
    return Recording.model_validate(document(**more))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "a.run.zip"
    pack(recording(), path)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(contents: dict[str, bytes], **options: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, data in contents.items():
            file.writestr(name, data)
    return content.getvalue()


def refused(path: Path, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        unpack(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_what_was_packed_is_unpacked(packed: Path) -> None:
    assert unpack(packed) == recording()


def test_an_archive_holds_json_files_of_no_date_and_no_more(packed: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        assert sorted(file.namelist()) == ["answers.json", "births.json", "run.json"]
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    fields = [field for _, held in MEMBERS.values() for field in held]
    assert sorted(fields) == sorted(Recording.model_fields), "each field stands in one file"
    assert json.loads(members(packed)["run.json"])["run_id"] == "20260101-120000-00ff"


def test_a_recording_that_is_too_large_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEMBERS, "answers.json", (100, MEMBERS["answers.json"][1]))
    with pytest.raises(EnvironmentFault, match="which is more than 100"):
        pack(recording(), tmp_path / "a.run.zip")
    assert not list(tmp_path.iterdir())


# ---- bounds


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"births": [birth(name="../x")]}, "births.0.name"),
        ({"births": [birth(name="Ada")]}, "births.0.name"),
        ({"births": [birth(name="creator")]}, "no agent can be named"),
        ({"births": [birth(name="trial_1")]}, "no agent can be named"),
        ({"births": [birth(number=0)]}, "births.0.number"),
        ({"births": [birth(), birth()]}, "two births"),
        ({"births": [birth(), birth(2)]}, "two agents"),
        ({"births": [birth(talk=0)]}, "a reason why not"),
        ({"births": [birth(template="../../etc")]}, "births.0.template"),
        ({"births": [birth(asked_by="a b")]}, "births.0.asked_by"),
        ({"births": [birth(parents=["ada"] * 9)]}, "births.0.parents"),
        ({"births": [birth(feedback="x" * 4_001)]}, "births.0.feedback"),
        ({"births": [birth(secret="x")]}, "births.0.secret"),
        ({"run_id": "../../20260101-120000-00ff"}, "run_id"),
        ({"run_id": "20260101-120000-00ff\n"}, "run_id"),
        ({"model": "a\x1b[31m"}, "model"),
        ({"model": "x" * 301}, "model"),
        ({"strategy": "pickle"}, "strategy"),
        ({"release": "1\n2"}, "release"),
        ({"seed": 2**63}, "seed"),
        ({"places": {"c0001.1": 1, "c0002.1": 1}}, "two ideas"),
        ({"places": {"../c0001.1": 1}}, "places"),
        ({"places": {"c0001.1": -1}}, "places"),
        ({"pairs": [[1, 1]]}, "compared with itself"),
        ({"pairs": [[1, 2, 3]]}, "pairs.0"),
        ({"files": {"../../etc/passwd": KEY}}, "files"),
        ({"files": {"agents/../x.py": KEY}}, "files"),
        ({"files": {"agents/ada.py": "no digest"}}, "files"),
        ({"failures": {"x": "y"}}, "failures"),
        ({"answers": [document()["answers"][0]] * 2}, "two answers"),
        ({"idea_schema": "x" * 100_001}, "idea_schema"),
        ({"base_url": "http://evil"}, "base_url"),
        ({"settings": {**document()["settings"], "sandbox": "process"}}, "settings.sandbox"),
        ({"settings": {**document()["settings"], "unsafe": True}}, "settings.unsafe"),
        ({"settings": {**document()["settings"], "output": "/"}}, "settings.output"),
        ({"settings": {**document()["settings"], "bounce": 2}}, "settings.bounce"),
        ({"settings": {**document()["settings"], "count": 10**9}}, "settings.count"),
        (
            {"choices": [{"kind": "colleague", "agent": "ada", "conversation": "", "nth": 1, "chosen": {"number": 1}}]},
            "choices.0",
        ),
        (
            {
                "choices": [
                    {"kind": "parents", "agent": "", "conversation": "1", "nth": 1, "chosen": {"name": "bo_clinics"}}
                ]
            },
            "choices.0: Value error, the choice of a 'parents' holds something else",
        ),
    ],
)
def test_whatever_does_not_fit_is_refused_with_its_place(tmp_path: Path, change: dict[str, Any], where: str) -> None:
    path = tmp_path / "a.run.zip"
    contents = {
        name: json.dumps(
            {field: one for field, one in document(format=1, **change).items() if field in fields}
        ).encode()
        for name, (_, fields) in MEMBERS.items()
    }
    if "base_url" in change:
        contents["run.json"] = json.dumps({**json.loads(contents["run.json"]), **change}).encode()
        where = "holds what does not belong there"
    path.write_bytes(zipped(contents))
    refused(path, where)


# ---- hostile archives


def test_no_file_a_folder_and_another_kind_of_file(tmp_path: Path) -> None:
    refused(tmp_path / "missing.zip", "There is no file")
    refused(tmp_path, "Cannot read|no regular file")
    text = tmp_path / "text.zip"
    text.write_text("hello " * 10, "utf-8")
    refused(text, "no zip archive")
    text.write_bytes(b"")
    refused(text, "no zip archive")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.zip")
    refused(tmp_path / "pipe.zip", "no regular file")


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.pop("run.json"),
        lambda held: held.update({"more.json": b"{}"}),
        lambda held: held.update({"../../evil.py": held.pop("run.json")}),
        lambda held: held.update({"/etc/run.json": held.pop("run.json")}),
        lambda held: held.update({"run.json/": held.pop("run.json")}),
        lambda held: held.update({"RUN.JSON": held.pop("run.json")}),
    ],
)
def test_files_of_other_names_are_refused(packed: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    held = members(packed)
    change(held)
    packed.write_bytes(zipped(held))
    refused(packed, "has to hold answers.json, births.json, run.json and nothing else")


def test_the_same_file_twice_is_refused(packed: Path) -> None:
    held = members(packed)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("run.json", "run.json", "births.json"):
            file.writestr(name, held[name])
    packed.write_bytes(content.getvalue())
    refused(packed, "nothing else")


def test_a_bomb_is_not_unpacked(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEMBERS, "answers.json", (1_000_000, MEMBERS["answers.json"][1]))
    held = {**members(packed), "answers.json": b" " * 3_000_000}
    packed.write_bytes(zipped(held))
    refused(packed, "'answers.json' is larger than 1,000,000 bytes")


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEMBERS, "answers.json", (1_000_000, MEMBERS["answers.json"][1]))
    data = zipped({**members(packed), "answers.json": b" " * 3_000_000})
    lying = data.replace(struct.pack("<L", 3_000_000), struct.pack("<L", 100))
    assert lying != data
    packed.write_bytes(lying)
    refused(packed, "damaged|larger|no JSON")


def test_a_directory_of_very_many_files_is_not_read(packed: Path) -> None:
    packed.write_bytes(zipped({**members(packed), **{f"{number}.json": b"" for number in range(20_000)}}))
    refused(packed, "nothing else")


def test_a_directory_that_lies_about_its_count_is_not_read(packed: Path) -> None:
    data = bytearray(zipped({**members(packed), **{f"{number}.json": b"" for number in range(500)}}))
    data[-14:-10] = struct.pack("<2H", 3, 3)
    packed.write_bytes(bytes(data))
    refused(packed, "nothing else")


def test_what_stands_behind_the_archive_is_refused(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b"#!/bin/sh\n")
    refused(packed, "no zip archive, or holds more than that")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(packed: Path, method: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        for name, data in members(packed).items():
            file.writestr(name, data)
    packed.write_bytes(content.getvalue())
    refused(packed, "packed in an unusual way")


@pytest.mark.parametrize("byte", range(0, 600, 37))
def test_an_archive_with_a_broken_byte_breaks_nothing(packed: Path, byte: int) -> None:
    data = bytearray(packed.read_bytes())
    data[byte] ^= 0xFF
    packed.write_bytes(bytes(data))
    try:
        assert unpack(packed) == recording()  # a byte that nobody reads
    except UsageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"[]",
        b"3",
        b"[" * 200_000,
        b'{"births": NaN}',
        b'{"births": ' + b"9" * 10_000 + b"}",
        b'{"births": "\\ud800"}',
        b'{"unknown": 1}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_such_json_is_refused(packed: Path, text: bytes) -> None:
    packed.write_bytes(zipped({**members(packed), "births.json": text}))
    refused(packed, "no JSON|does not belong there")


def test_a_recording_of_another_form_is_refused(packed: Path) -> None:
    held = members(packed)
    held["run.json"] = held["run.json"].replace(b'"format":1', b'"format":2')
    packed.write_bytes(zipped(held))
    refused(packed, "another release")


# ---- what is made of it


def test_the_settings_are_the_runs_and_the_machine_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BOUNCE": "1", "GENERATIONS": "4", "MODEL": "openai:x", "SANDBOX": "bubblewrap"}.items():
        monkeypatch.setenv(f"CREATOR_{name}", value)
    settings = settings_of(recording(), {"output": tmp_path, "quiet": None, "templates": ()})
    assert (settings.bounce, settings.generations, settings.model, settings.seed) == (None, 0, None, 7)
    assert (settings.sandbox, settings.output) == ("bubblewrap", tmp_path)


def test_settings_that_do_not_go_together_are_one_line() -> None:
    settings = {**document()["settings"], "keep": 5}
    with pytest.raises(UsageError, match="keep"):
        settings_of(recording(settings=settings), {})


async def test_the_memory_knows_answers_and_failures() -> None:
    async def ask() -> Any:
        raise AssertionError("nobody is asked")

    memory = memory_of(recording())
    completion, source = await memory.recall(KEY, ask)
    assert (completion.text, source) == ("Yes.", "run")
    with pytest.raises(Exception, match="HTTP 400"):
        await memory.recall("b" * 64, ask)
    assert not memory.counted


def test_a_module_that_the_policy_refuses_is_not_written() -> None:
    blueprint = {
        "name": "ada_freight",
        "template": "idea_agent",
        "slots": {"persona": "Ada"},
        "brief": BRIEF,
        "run_id": "x",
        "model": "m",
    }
    module = {"blueprint": blueprint, "source": "import os\nos.system('true')\n"}
    (wish,) = script_of(recording(births=[birth(module=module)])).wishes
    assert wish.draft is None and wish.fate is not None
    assert "IMPORT" in wish.fate.reason and not wish.fate.written


def test_choices_of_agents_that_are_not_born_are_left_out() -> None:
    choice = {"kind": "colleague", "agent": "ada_freight", "conversation": "c0001.1", "nth": 1}
    script = script_of(recording(choices=[{**choice, "chosen": {"name": "nobody_here"}}]))
    assert script.choice("colleague", "ada_freight", "c0001.1", 1) is None


def test_every_difference_is_told(tmp_path: Path) -> None:
    for folder in ("agents", "ideas"):
        (tmp_path / folder).mkdir()
    (tmp_path / "agents" / "ada_freight.py").write_text("other\n", "utf-8")
    (tmp_path / "ideas" / "02-new.md").write_text("new\n", "utf-8")
    told = compared(recording(release="0.0.1"), outcome(tmp_path))
    assert told.differences[:3] == [
        "agents/ada_freight.py is another one",
        "ideas/01-an-idea.md is missing",
        "ideas/02-new.md is new: the run had none of this name",
    ]
    assert "release 0.0.1" in told.differences[3]
    assert (told.modules, told.ideas) == (0, 0)
