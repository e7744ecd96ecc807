import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import creator
from creator.cli import main
from creator.errors import EnvironmentFault, ModelError, UsageError
from creator.outcome import RunOutcome
from creator.outputs import publish_latest, write_outputs
from tests.unit.outcomes import RUN_ID, hostile_outcome, outcome, ranked_outcome

ROOT = Path(creator.__file__).parent.parent
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SOURCE = '"""Ada."""\n\n\nclass Agent:\n    pass\n'


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def store(make: Callable[[Path], RunOutcome], run_id: str = RUN_ID) -> RunOutcome:
    directory = Path("generated") / run_id
    (directory / "ideas").mkdir(parents=True)
    (directory / "agents").mkdir()
    run = make(directory)
    write_outputs(run)
    publish_latest(Path("generated"), directory)
    return run


def pretend(monkeypatch: pytest.MonkeyPatch, result: RunOutcome | BaseException) -> list[object]:
    """Lets `spawn` come to this result; what a run does is tested with real ones elsewhere."""
    import creator.spawning

    seen: list[object] = []

    async def spawn(settings: object, progress: object, **options: object) -> RunOutcome:
        seen.append(settings)
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(creator.spawning, "spawn", spawn)
    return seen


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom creator.cli import main\nassert main(['--help']) == 0\nprint(*sorted(sys.modules), sep='\\n')"
    )
    loaded = set(python("-c", code).stdout.split())
    assert "creator.cli" in loaded
    heavy = ("autogen_core", "grpc", "openai", "rich", "pydantic", "docker", "jinja2", "sqlite3", "asyncio")
    assert loaded.isdisjoint(heavy)


@pytest.mark.parametrize(
    "command", ["spawn", "ideas", "agents", "runs", "serve", "templates", "policy", "mcp", "init", "doctor"]
)
def test_the_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    code = f"import sys\nfrom creator.cli import main\nassert main([{command!r}, '--help']) == 0\nprint(*sys.modules)"
    done = python("-c", code)
    assert done.returncode == 0
    assert {"autogen_core", "grpc", "rich", "pydantic"}.isdisjoint(done.stdout.split())
    assert f"Usage: python -m creator {command}" in done.stdout


def test_alone_it_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "python -m creator spawn 5" in capsys.readouterr().out


def test_it_runs_as_a_module() -> None:
    done = python("-m", "creator", "--version")
    assert done.returncode == 0
    assert creator.__version__ in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["spawn"],
        ["spawn", "0"],
        ["spawn", "many"],
        ["spawn", "-3"],
        ["spawn", "3", "--bounce", "2"],
        ["spawn", "3", "--nonsense"],
        ["spawn", "3", "--template", "idea_agent:many"],
        ["templates", "show", "x"],
        ["templates", "check", "x"],
        ["templates", "--templates", "nowhere"],
        ["spawn", "3", "4"],
        ["ideas"],
        ["ideas", "show"],
        ["ideas", "show", "1"],
        ["agents", "show", "x", "--run", "../../etc"],
        ["runs", "extra"],
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("creator: ")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("'x' is no model"), 2, "creator: 'x' is no model\n"),
        (EnvironmentFault("no server"), 2, "creator: no server\n"),
        (ModelError("gave up"), 1, "creator: gave up\n"),
        (KeyboardInterrupt(), 130, "creator: interrupted\n"),
        (
            ExceptionGroup("g", [RuntimeError("x"), ExceptionGroup("h", [EnvironmentFault("full")])]),
            2,
            "creator: full\n",
        ),
        (
            RuntimeError("two\nlines\x1b[2J"),
            1,
            "creator: internal error: RuntimeError: two lines; run again with --debug for the traceback\n",
        ),
    ],
)
def test_an_error_of_a_run_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    pretend(monkeypatch, error)
    assert main(["spawn", "2", "--quiet"]) == code
    told = capsys.readouterr()
    assert (told.out, told.err.lstrip("\n")) == ("", said)  # after "^C" a line break comes first


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(monkeypatch, RuntimeError("broken"))
    assert main(["spawn", "2", "--quiet", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_the_exit_code_is_the_runs_and_its_reason_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, tmp_path: Path
) -> None:
    reason = "2 of 3 ideas exist" if code else ""
    run = outcome(tmp_path / RUN_ID).model_copy(update={"exit_code": code, "reason": reason})
    pretend(monkeypatch, run)
    assert main(["spawn", "3", "--quiet"]) == code
    assert capsys.readouterr() == ("", "creator: 2 of 3 ideas exist\n" if code else "")


@pytest.mark.parametrize("make", [outcome, hostile_outcome])
def test_json_is_one_document_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, make
) -> None:
    run = make(tmp_path / RUN_ID)
    pretend(monkeypatch, run)
    assert main(["spawn", "3", "--json"]) == 3
    out = capsys.readouterr().out
    assert out.isascii()
    assert not CONTROL.search(out)
    document = json.loads(out)
    assert document["run_id"] == RUN_ID
    assert document["schema_version"] == 1
    assert len(document["ideas"]) == len(run.ideas)
    assert document["directory"] == str(tmp_path / RUN_ID)


def test_options_reach_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = pretend(monkeypatch, outcome(tmp_path / RUN_ID, failed=0))
    monkeypatch.setenv("CREATOR_BOUNCE", "0.5")
    assert main(["spawn", "3", "--seed", "7", "--quiet", "--objective", "games", "--output", "here"]) == 0
    mix = [
        "--template",
        "critic_agent:2,idea_agent",
        "--template",
        "poet",
        "--templates",
        "mine",
        "--templates",
        "ours",
    ]
    kept = ["--with", "ada,bo", "--with", "cy", "--library", "kept"]
    assert main(["spawn", "3", "--bounce", "0", "--quiet", *mix, *kept]) == 0
    first, second = seen
    assert (first.count, first.seed, first.bounce, first.objective) == (3, 7, 0.5, "games")
    assert first.output == Path("here")
    assert second.bounce == 0
    assert (first.template, first.templates) == ({"idea_agent": 1}, ())
    assert second.template == {"critic_agent": 2, "idea_agent": 1, "poet": 1}
    assert second.templates == (Path("mine"), Path("ours"))
    assert (first.with_agents, second.with_agents) == ([], ["ada", "bo", "cy"])
    assert second.library == Path("kept")


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, rows: int) -> None:
    for name, value in {"TTY_COMPATIBLE": "1", "TERM": "xterm", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))


def height(told: str, columns: int) -> int:
    """Lines of a terminal that a text takes."""
    return sum(max(1, -(-len(line) // columns)) for line in told.splitlines())


@pytest.mark.parametrize(
    ("make", "code", "ideas"),
    [
        (lambda folder: outcome(folder, count=20, failed=0), 0, 11),
        (lambda folder: outcome(folder, count=17, failed=3), 3, 5),
        (ranked_outcome, 0, 5),
        (hostile_outcome, 3, 2),
    ],
    ids=["complete", "failed", "ranked", "hostile"],
)
def test_on_a_terminal_the_last_page_is_a_page_and_says_what_to_do_next(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], RunOutcome],
    code: int,
    ideas: int,
) -> None:
    run = make(Path("generated") / RUN_ID)
    pretend(monkeypatch, run)
    on_a_terminal(monkeypatch, 80, 24)
    assert main(["spawn", "20"]) == code
    captured = capsys.readouterr()
    out, err = re.sub(r"\x1b\[[0-9;]*m", "", captured.out), captured.err
    assert height(out, 80) + height(err, 80) <= 23, "and one for the shell's prompt"
    rows = re.findall(r"^ *(?:\d+ +)?\d+ +\S", out.split("───")[-1].split("more:")[0], re.MULTILINE)
    assert len(rows) >= ideas
    assert f"Read   generated/{RUN_ID}/report.html" in out
    assert "python -m creator ideas show " in out
    assert "Review python -m creator agents show " in out
    assert re.search(r'Ask    python -m creator agents ask [a-z0-9_]+ "', out)
    assert "Watch  python -m creator serve" in out
    assert (f"Go on  python -m creator runs resume {RUN_ID}" in out) == bool(code)


def test_a_large_terminal_has_room_for_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(monkeypatch, ranked_outcome(Path("generated") / RUN_ID))
    on_a_terminal(monkeypatch, 200, 60)
    assert main(["spawn", "20"]) == 0
    out = capsys.readouterr().out
    assert "more: python -m creator ideas" not in out
    assert "95 % interval" in out
    assert "Generation 2 was preferred over" in out


def test_the_last_page_of_20_agents_in_a_file_has_all_of_them_in_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = outcome(Path("generated") / RUN_ID, count=17, failed=3)
    pretend(monkeypatch, run)
    assert main(["spawn", "20"]) == 3
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 40
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "Better dispatch desk 3" in out
    assert "agent_number_3" in out
    assert "17 of 20 ideas" in out
    assert f"generated/{RUN_ID}/report.html" in out
    assert "python -m creator ideas show 1\n" in out


def test_the_last_page_of_a_run_with_all_there_is_still_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, ranked_outcome(Path("generated") / RUN_ID))
    assert main(["spawn", "20"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 45
    assert all(len(line) <= 80 for line in out.splitlines())
    rows = [line.split() for line in out.splitlines() if re.match(r" +\d+ +\d+ +[A-Z]", line)]
    assert [row[:2] for row in rows[:3]] == [["1", "20"], ["2", "19"], ["3", "18"]]
    assert "1,681 ±80" in out
    assert "like 16" in out
    assert "weak" in out
    words = " ".join(out.split())
    assert "Order: judge's preference (openai:gpt-x), 81 comparisons" in words
    assert "preferred the population's idea over a one-shot idea in 63 % of pairs (95 % interval 52-73 %), at" in words
    assert "mean similarity of ideas 0.21 by words" in words
    assert re.search(r"2 +6 +1,530 +1,480 to 1,575 +idea 14 +40,000", out)
    assert "Generation 2 was preferred over generation 0 in 58 % of pairs (95 % interval 49-66 %), no gain" in words
    assert "python -m creator ideas show 20 (what the judge prefers most)\n" in out
    assert not re.search(r"(?i)quality|\bbest\b", out)


def test_the_last_page_warns_of_a_judge_at_chance_in_red(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ranked_outcome(Path("generated") / RUN_ID, count=3)
    judge = run.ranking.judges[0].model_copy(update={"agreed": 22, "at_chance": True})
    pretend(monkeypatch, run.model_copy(update={"ranking": run.ranking.model_copy(update={"judges": [judge]})}))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert main(["spawn", "3"]) == 0
    assert "\x1b[1;31mjudge at chance level: judge had" in capsys.readouterr().out


def test_hostile_texts_on_the_last_page_are_plain_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, hostile_outcome(Path("generated") / RUN_ID))
    assert main(["spawn", "3"]) == 3
    told = capsys.readouterr()
    assert not CONTROL.search(told.out + told.err)
    assert all(len(line) <= 80 for line in told.out.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ["ideas"],
        ["ideas", "show", "1"],
        ["ideas", "show", "2"],
        ["ideas", "--one-shot"],
        ["ideas", "show", "100001"],
        ["ideas", "lineage", "1"],
        ["ideas", "lineage", "1", "--full"],
        ["ideas", "lineage", "2"],
        ["agents"],
        ["agents", "show", "ada_freight"],
        ["runs"],
    ],
)
def test_hostile_texts_reach_the_terminal_as_plain_text(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = store(hostile_outcome)
    (run.directory / "agents" / "ada_freight.py").write_text("x = 1  # \x1b[2J\u202e\n", encoding="utf-8")
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert not CONTROL.search(told.out)
    assert all(len(line) <= 80 for line in told.out.splitlines())


def test_no_line_of_an_idea_passes_for_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    run = store(hostile_outcome)
    forged = run.ideas[0].final.model_copy(update={"problem": "x\nFirst step\nThe author's own text, by someone"})
    versions = [run.ideas[0].versions[0].model_copy(update={"idea": forged})]
    idea = run.ideas[0].model_copy(update={"versions": versions, "contributors": [], "remarks": []})
    write_outputs(run.model_copy(update={"ideas": [idea]}))
    assert main(["ideas", "show", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("First step", "The author's"))] == ["First step"]


def test_the_reading_commands_tell_of_the_latest_run_or_the_one_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(lambda directory: outcome(directory, count=5), "20261120-000000-0001")
    store(outcome)
    assert main(["ideas"]) == 0
    assert "Dispatch desk 2" in capsys.readouterr().out
    assert main(["ideas", "20261120", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["ideas"]) == 5
    assert main(["ideas", "show", "03", "--run", "20261120", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["author"], document["contributors"]) == ("agent_number_3", ["agent_number_1"])
    assert [version["idea"]["title"] for version in document["versions"]] == [
        "Dispatch desk 3",
        "Better dispatch desk 3",
    ]
    assert main(["agents", "--json"]) == 0
    agents = json.loads(capsys.readouterr().out)["agents"]
    assert [agent["state"] for agent in agents] == ["live", "live", "live", "failed"]
    assert main(["runs", "--json"]) == 0
    assert [run["run_id"] for run in json.loads(capsys.readouterr().out)] == ["20261120-000000-0001", RUN_ID]


def test_an_agents_source_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    run = store(outcome)
    folder = run.directory / "agents"
    (folder / "agent_number_1.py").write_text(SOURCE, encoding="utf-8")
    (folder / "agent_number_1.json").write_text('{"name": "agent_number_1"}', encoding="utf-8")
    assert main(["agents", "show", "agent_number_1"]) == 0
    assert capsys.readouterr().out == SOURCE
    assert main(["agents", "show", "agent_number_1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["source"] == SOURCE
    assert document["blueprint"] == {"name": "agent_number_1"}


def test_an_agent_that_is_not_there_and_one_without_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    store(outcome)
    assert main(["agents", "show", "agent_numbr_1"]) == 2
    assert "Did you mean 'agent_number_1'?" in capsys.readouterr().err
    assert main(["agents", "show", "failed_1"]) == 2
    assert "has no module: it never answered" in capsys.readouterr().err
    (Path("generated") / "secret.py").write_text("KEY", encoding="utf-8")
    assert main(["agents", "show", "../../secret"]) == 2
    assert "KEY" not in capsys.readouterr().out


def test_a_module_that_is_a_link_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    run = store(outcome)
    Path("secret").write_text("KEY", encoding="utf-8")
    (run.directory / "agents" / "agent_number_1.py").symlink_to(Path("secret").absolute())
    assert main(["agents", "show", "agent_number_1"]) == 2
    assert "KEY" not in capsys.readouterr().out


@pytest.mark.parametrize("command", [["ideas"], ["agents"], ["ideas", "show", "1"], ["agents", "show", "x"]])
def test_a_damaged_run_is_one_line_and_hides_no_other(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    store(outcome, "20261120-000000-0001")
    run = store(outcome)
    (run.directory / "run.json").write_bytes(b"\xff{")
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "run.json" in told.err
    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert "unreadable" in listed
    assert "3/4" in listed


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
@pytest.mark.parametrize("command", ["ideas", "agents", "runs"])
def test_no_locale_stops_a_command(locale: dict[str, str], command: str) -> None:
    def emoji(directory: Path) -> RunOutcome:
        run = outcome(directory)
        final = run.ideas[0].final.model_copy(update={"title": "Bäckerei 🥐 → " + "x" * 100})
        versions = [run.ideas[0].versions[0].model_copy(update={"idea": final})]
        return run.model_copy(
            update={"objective": "🥐 für alle", "ideas": [run.ideas[0].model_copy(update={"versions": versions})]}
        )

    store(emoji)
    done = subprocess.run(
        [sys.executable, "-m", "creator", command],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "80", **locale},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    store(lambda directory: outcome(directory, count=500))
    command = f"{sys.executable} -m creator ideas --json | head -c 10"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert done.stderr == b""


def test_doctor_names_the_key_and_never_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert main(["doctor", "--json"]) == 0
    out = capsys.readouterr().out
    assert "OPENAI_API_KEY is set" in out
    assert "sk-very-secret" not in out
    document = json.loads(out)
    assert document["works"] is True
    names = [check["name"] for check in document["checks"]]
    assert names[:7] == ["Python", "Docker", "bubblewrap", "key", "model", "price", "disk for runs"]
    assert "openai:gpt-4.1-mini: $0.40 for a million tokens read, $1.60 written, as of 2025-10-31" in out


def test_doctor_removes_the_folder_of_a_dead_host_and_keeps_a_living_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        for name in ("dead", "alive"):
            (Path(folder) / f"creator-host-{name}").mkdir()
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(f"{folder}/creator-host-dead/host.sock")
        listening.bind(f"{folder}/creator-host-alive/host.sock")
        listening.listen()
        (Path(folder) / "creator-host-other").mkdir()  # without a socket it may be about to get one
        assert main(["doctor", "--clean"]) == 0
        assert "folder creator-host-dead: removed" in capsys.readouterr().out
        assert sorted(path.name for path in Path(folder).iterdir()) == ["creator-host-alive", "creator-host-other"]
        assert main(["doctor", "--clean", "--json"]) == 0
        assert "creator-host-alive" not in capsys.readouterr().out


def test_doctor_says_what_to_do_about_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "set OPENAI_API_KEY or" in out
    assert "Ready: python -m creator spawn 5" in out
    Path("file").write_text("", encoding="utf-8")
    assert main(["doctor", "--output", "file"]) == 2
    out = capsys.readouterr().out
    assert re.search(r"broken\s+disk for runs\s+file is not a folder", out)
    assert "--output" in out
