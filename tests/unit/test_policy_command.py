"""``python -m creator policy``: what a person or an editor gets of it."""

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from creator.cli import main
from creator.policy import MAX_SOURCE_BYTES, RULES
from creator.policy.check import MAX_FINDINGS

GOOD = RULES["CLASS001"].passes.module
assert isinstance(GOOD, str)
BAD = GOOD + "import os\nx = eval\n"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str = GOOD) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def test_modules_that_pass(capsys: Captured) -> None:
    assert main(["policy", write("a.py"), write("b.py")]) == 0
    assert capsys.readouterr() == ("", "2 modules checked, no findings\n")


def test_a_finding_is_a_line_with_its_place_and_code(capsys: Captured) -> None:
    line = BAD.count("\n") - 1
    assert main(["policy", write("a.py"), write("b.py", BAD)]) == 1
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith(f"b.py:{line}:1: IMPORT001 module 'os' is not allowed")
    assert second == f"b.py:{line + 1}:5: NAME001 'eval' is not allowed"
    assert err == "2 modules checked, 2 findings in 1; why: python -m creator policy --rules CODE\n"


def test_a_list_of_findings_that_was_cut_says_so(capsys: Captured) -> None:
    assert main(["policy", write("a.py", GOOD + "eval\n" * MAX_FINDINGS)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == MAX_FINDINGS
    assert f"at least {MAX_FINDINGS} findings in 1" in err


def test_json_is_one_list_with_reasons(capsys: Captured) -> None:
    assert main(["policy", "--json", write("a.py", BAD)]) == 1
    out, err = capsys.readouterr()
    first, second = json.loads(out)
    assert second == {
        "file": "a.py",
        "line": BAD.count("\n"),
        "column": 5,
        "code": "NAME001",
        "message": "'eval' is not allowed",
        "reason": RULES["NAME001"].reason,
    }
    assert first["code"] == "IMPORT001"
    assert err == ""
    assert main(["policy", "--json", write("b.py")]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_cannot_be_read_is_a_line_each_and_hides_no_finding(capsys: Captured) -> None:
    os.mkfifo("pipe")
    Path("empty").mkdir()
    missing = ["missing.py", "a.py/b.py", "pipe", "/dev/zero", "empty", "x" * 5_000, "nul\0l"]
    assert main(["policy", missing[0], write("a.py", BAD), *missing[1:]]) == 2
    out, err = capsys.readouterr()
    assert out.count("a.py:") == 2
    problems = err.splitlines()[:-1]
    assert problems[0] == "creator: cannot read 'missing.py': No such file or directory"
    assert all(line.startswith("creator: ") for line in problems)
    assert len(problems) == len(missing)
    assert "cannot read 'pipe': it is not a regular file" in err
    assert "there is no *.py file in the folder 'empty'" in err
    assert err.endswith("1 module checked, 2 findings in 1; why: python -m creator policy --rules CODE\n")


def test_a_file_that_is_not_utf_8_is_a_finding(capsys: Captured) -> None:
    Path("a.py").write_bytes(GOOD.encode() + b"# caf\xe9\n")
    assert main(["policy", "a.py"]) == 1
    assert capsys.readouterr().out == "a.py:1:1: SOURCE002 the module is not valid UTF-8\n"


def test_a_file_that_is_too_large_is_a_finding_and_not_read_whole(capsys: Captured) -> None:
    with Path("a.py").open("wb") as file:
        file.truncate(100_000_000_000)
    assert main(["policy", "a.py"]) == 1
    assert "SOURCE001" in capsys.readouterr().out


def test_a_folder_is_searched_for_modules_and_links_are_not_followed(capsys: Captured) -> None:
    write("secret.py", BAD)
    for name in ("run/b.py", "run/agents/c.py", "run/a.py", "run/.hidden/d.py", "run/notes.txt"):
        write(name, BAD)
    Path("run/link.py").symlink_to(Path("secret.py").absolute())
    Path("run/way").symlink_to(Path.cwd(), target_is_directory=True)
    Path("run/folder.py").mkdir()
    assert main(["policy", "run"]) == 2
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()][::2] == ["run/a.py", "run/b.py", "run/agents/c.py"]
    assert "creator: cannot read 'run/link.py': it is a link" in err
    assert "3 modules checked" in err
    Path("latest").symlink_to("run", target_is_directory=True)
    Path("run/link.py").unlink()
    assert main(["policy", "latest"]) == 1
    assert "latest/agents/c.py" in capsys.readouterr().out


def test_a_closed_folder_is_a_line(capsys: Captured) -> None:
    for name in ("run/b.py", "run/agents/a.py"):
        Path(write(name)).chmod(0o644)
    for folder, mode in ((".", 0o755), ("run", 0o755), ("run/agents", 0)):
        Path(folder).chmod(mode)
    assert main(["policy", "run/b.py"]) == 0  # whatever has to be imported is imported now
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # nothing is closed to root
    try:
        assert main(["policy", "run", "run/agents/a.py"]) == 2
    finally:
        os.seteuid(user)
        Path("run/agents").chmod(0o700)
    err = capsys.readouterr().err
    assert "creator: cannot read 'run/agents': Permission denied" in err
    assert "creator: cannot read 'run/agents/a.py': Permission denied" in err
    assert err.endswith("1 module checked, no findings\n")


def feed(monkeypatch: pytest.MonkeyPatch, data: io.BufferedIOBase) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, encoding="utf-8"))


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    feed(monkeypatch, io.BytesIO(BAD.encode()))
    assert main(["policy", "-", "--json"]) == 1
    assert {found["file"] for found in json.loads(capsys.readouterr().out)} == {"-"}
    feed(monkeypatch, io.BytesIO(b"# caf\xe9"))
    assert main(["policy", "-"]) == 1
    assert capsys.readouterr().out == "-:1:1: SOURCE002 the module is not valid UTF-8\n"
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["policy", "-"]) == 2
    assert capsys.readouterr().err == "creator: cannot read standard input: it is closed\n"


def test_standard_input_without_end_is_not_read_whole(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    with Path("/dev/zero").open("rb") as endless:
        feed(monkeypatch, endless)
        assert main(["policy", "-"]) == 1
    assert "SOURCE001" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["\x1b[2Ja.py", "a\nb:1:1: X.py", "\u202ea.py", "a\udcff.py", "%s{0}.py"])
def test_a_file_name_cannot_write_to_the_terminal(name: str, capsys: Captured) -> None:
    write(name, BAD)
    assert main(["policy", name, f"missing {name}"]) == 2
    out, err = capsys.readouterr()
    assert not CONTROL.search(out + err)
    assert (out.count("\n"), err.count("\n")) == (2, 2)
    (out + err).encode("utf-8")
    assert main(["policy", "--json", name]) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert not CONTROL.search(out)
    assert json.loads(out)[0]["file"] == name


def test_a_hostile_module_cannot_write_to_the_terminal(capsys: Captured) -> None:
    hostile = "import os\nx.__\u0435__\ngetattr(x, '\\x1b[2J\\u202e')\nX = '\\x1b]0;title\\x07'\n"
    assert main(["policy", write("a.py", hostile)]) == 1
    out, err = capsys.readouterr()
    assert out.isascii()
    assert not CONTROL.search(out + err)


def test_a_file_that_is_named_twice_is_checked_once(capsys: Captured) -> None:
    assert main(["policy", write("a.py", BAD), "a.py"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_bound_is_that_of_the_policy(capsys: Captured) -> None:
    filled = GOOD + "#" * 9 + "\n" * (MAX_SOURCE_BYTES - len(GOOD) - 9)
    assert main(["policy", write("a.py", filled)]) == 0
    assert main(["policy", write("a.py", filled + "\n")]) == 1


def test_nothing_to_check_is_a_users_mistake(capsys: Captured) -> None:
    assert main(["policy"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("creator: name a FILE")


def test_the_rules_are_listed_on_a_narrow_page(capsys: Captured) -> None:
    assert main(["policy", "--rules"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert all(len(line) <= 80 for line in lines)
    for rule in RULES.values():
        assert any(line.startswith(rule.id) and line.endswith(rule.summary) for line in lines)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_explained_on_a_narrow_page(code: str, capsys: Captured) -> None:
    assert main(["policy", "--rules", code.lower()]) == 0
    out = capsys.readouterr().out
    rule = RULES[code]
    assert all(len(line) <= 80 for line in out.splitlines())
    words = " ".join(out.split())
    assert f"{code} {rule.summary} {rule.reason} Refused" in words
    for example in (rule.refused, rule.passes):
        shown = [f"  {line}".rstrip() for line in example.shown.splitlines()]
        assert "\n".join(shown) in "\n".join(line.rstrip() for line in out.splitlines())


def test_the_rules_as_json(capsys: Captured) -> None:
    assert main(["policy", "--rules", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [rule["code"] for rule in listed] == list(RULES)
    assert main(["policy", "--rules", "--json", "CALL001", "FLOW001"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "code": "CALL001",
        "summary": RULES["CALL001"].summary,
        "reason": RULES["CALL001"].reason,
        "refused": RULES["CALL001"].refused.shown,
        "passes": RULES["CALL001"].passes.shown,
    }
    assert second["code"] == "FLOW001"


def test_a_rule_that_does_not_exist(capsys: Captured) -> None:
    assert main(["policy", "--rules", "IMPORT01"]) == 2
    assert "Did you mean 'IMPORT001'?" in capsys.readouterr().err
    assert main(["policy", "--rules", "\x1b[2J" + "x" * 10_000]) == 2
    err = capsys.readouterr().err
    assert not CONTROL.search(err)
    assert err.count("\n") == 1
    assert len(err) < 200
