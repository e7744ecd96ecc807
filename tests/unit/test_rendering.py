"""Whatever a model puts into a slot: the module compiles, reads back as the value, and runs nothing."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creator.blueprint import Blueprint, blueprint_from_values
from creator.briefs import brief_data, draw_briefs
from creator.errors import UsageError
from creator.literals import LINE_LENGTH, docstring_literal, laid_out, literal
from creator.policy import check_module
from creator.rendering import TEMPLATES, Template, load_template
from sandbox import kit
from sandbox.loader import load_module

TEMPLATE = load_template("idea_agent")
HINTS = TEMPLATE.hints

HOSTILE = [
    "quotes: ' \" ''' \"\"\" '\"",
    "backslashes: \\ \\\\ \\n \\N{BULLET} ends with \\",
    "braces: {{ 7 * 7 }} {% raw %} {% endraw %} {# x #} {slots} { } %s",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "null \x00 bytes \x00\x00",
    "emoji 🚀 👩‍👩‍👧 🏳️‍🌈 and letters é ß 陈 ש ع",
    "right to left \u202e\u2066\u200f\u061c marks \u202c\u2069",
    "lone \ud800 surrogates \udfff",
    "line\nbreaks\r\nand\rtabs\t\x0b\x0c\x1c\x85\u2028\u2029",
    '"""\nimport os\nos.abort()\n"""',
    '"\nraise SystemExit\n#',
    "'); __import__('os').abort(); ('",
    "_slot_0_value_ _slot_1_value_",
    "# -*- coding: utf-7 -*-",
    "+AGkAbQBwAG8AcgB0- os",
    "\x1b]0;title\x07\x1b[2J",
    "\ufeff\u200b\u00a0\u00ad",
    "a" * 100_000,
    "🚀" * 25_000,
    "word " * 20_000,
    '"' * 20_000,
    "\x00" * 25_000,
    "\n" * 2_000,
]


def blueprint(**changes: Any) -> Blueprint:
    brief = draw_briefs(1, seed=5)[0]
    values = {
        "persona": brief.persona,
        "sector": brief.sector,
        "interests": ["daily demand", "surplus sales", "dough planning"],
        "traits": ["asks who pays", "keeps promises"],
        "weaknesses": ["hides bad news"],
        "goal": f"My goal is to help {brief.sector} businesses know a week ahead what they will run out of, and why.",
        "voice": "calm and careful, one step at a time",
        "temperature": 0.65,
        "shares_ideas": 0.4,
        "shares_with": "random",
    }
    return blueprint_from_values(
        {**values, **changes},
        TEMPLATE,
        brief=brief,
        run_id="20250101-120000-ab12",
        model="openai:some-model",
        taken=set(),
    )


def constants(module: str) -> dict[str, Any]:
    """The values that a module's top-level names are bound to; nothing is run."""
    return {
        node.target.id: ast.literal_eval(node.value)
        for node in ast.parse(module).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }


def skeleton(module: str) -> str:
    """The module's syntax without what its texts and numbers say."""

    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant(type(node.value).__name__)

        def visit_List(self, node: ast.List) -> ast.List:
            return ast.List(elts=[], ctx=node.ctx)

    return ast.dump(Blank().visit(ast.parse(module)))


def tiny(text: str) -> Template:
    return Template(name="tiny", source=text, schema={"properties": {}})


def raw_values(text: str) -> dict[str, Any]:
    """Values that nothing has cleaned: the given text everywhere."""
    whole = blueprint().model_dump()
    slots = {
        slot: [text, text] if isinstance(value, list) else text if isinstance(value, str) else value
        for slot, value in whole["slots"].items()
    }
    return {**whole, "slots": slots, "run_id": text, "model": text, "template": text}


def check_raw(text: str) -> None:
    values = raw_values(text)
    module = TEMPLATE.render_values(values)
    module.encode("utf-8")
    compile(module, "module", "exec")
    found = constants(module)
    assert found["SECTOR"] == text
    assert found["INTERESTS"] == [text, text]
    assert found["SHARES_WITH"] == text
    assert text in found["SYSTEM_MESSAGE"]
    assert skeleton(module) == skeleton(TEMPLATE.render(blueprint()))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_texts(text: str) -> None:
    check_raw(text)


@given(st.text(st.characters()) | st.text("'\"\\{}%#\n\x00 \u202e\ud800a") | st.sampled_from(HOSTILE[:17]))
@settings(max_examples=150, deadline=None)
def test_any_text_stays_a_text(text: str) -> None:
    check_raw(text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_blueprint_of_hostile_texts_passes_the_policy(text: str) -> None:
    made = blueprint(
        persona=f"Ada {text}", goal=f"go {text}", voice=f"x {text}", traits=[text, "y"], sector=f"z {text}"
    )
    module = TEMPLATE.render(made)
    assert check_module(module, "module.py") == []
    found = constants(module)
    assert found["SECTOR"] == made.sector
    assert f"in your own words: {made.slots['goal']}\n" in found["SYSTEM_MESSAGE"]
    assert max(map(len, module.splitlines())) <= LINE_LENGTH


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(st.characters()), children, max_size=3),
    max_leaves=10,
)


@given(json_like)
@settings(deadline=None)
def test_any_value_reads_back(value: Any) -> None:
    assert repr(ast.literal_eval(literal(value))) == repr(value)
    assert repr(ast.literal_eval(laid_out(value, "X = ").removeprefix("X = "))) == repr(value)
    module = tiny("X: Final = {{ value }}\nf({{ value }}, key={{ value }})\n").render_values({"value": value})
    assert repr(constants(module)["X"]) == repr(value)


@given(st.lists(st.text(st.characters()), min_size=1, max_size=4), st.sampled_from(["", "    "]))
@settings(deadline=None)
def test_a_docstring_says_its_words_and_nothing_else(paragraphs: list[str], indent: str) -> None:
    text = ast.literal_eval(docstring_literal(tuple(paragraphs), indent))
    assert "".join(text.split()) == "".join("".join(paragraphs).split())


def test_what_cannot_be_seen_is_escaped_and_what_can_be_read_stays() -> None:
    assert literal("é 陈 ע 🚀 👩‍👩‍👧") == '"é 陈 ע 🚀 👩‍👩‍👧"'
    assert literal("\u202eevil\u2066\x00\x1b\xa0\ud800\U000e0041") == r'"\u202eevil\u2066\x00\x1b\xa0\ud800\U000e0041"'
    assert literal('say "hi"') == "'say \"hi\"'"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, b"bytes", object(), json.loads("[" * 10 + "]" * 10)]
)
def test_what_has_no_literal_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        tiny("X = {{ value }}\n").render_values({"value": value})


@pytest.mark.parametrize(
    "source",
    [
        'X = "{{ value }}"\n',
        "X = f'{ {{ value }} }'\n",
        "# {{ value }}\nX = 1\n",
        '"""{{ value }}"""\n',
        "X{{ value }} = 1\n",
        "{{ value }} = 1\n",
        "f({{ value }}=1)\n",
        'X: "{{ value }}" = 1\n',
        "X = 'a' {{ value }}\n",
        "X = {{ missing }}\n",
        "X = {{ value.missing.more }}\n",
        "X = {{ 5 }}.real\n",
        "X = {{ -1 }} ** 2\n",
        "def f(:\n",
        "{% if %}\n",
        "X = {{ value.__class__.__mro__ }}\n",
    ],
)
def test_a_template_that_places_values_wrongly_is_refused(source: str) -> None:
    with pytest.raises(UsageError, match="template 'tiny'"):
        tiny(source).render_values({"value": "', __import__('os').abort(), '"})


def test_constants_of_a_template_and_loops_are_values_too() -> None:
    module = tiny("{% for one in items %}\nX{{ '' }}\n{% endfor %}\n")
    with pytest.raises(UsageError):
        module.render_values({"items": [1]})
    loop = tiny("X: Final = [\n{% for one in items %}\n    {{ one }},\n{% endfor %}\n]\nY: Final = {{ 'text' }}\n")
    assert constants(loop.render_values({"items": ["a", 'b"']})) == {"X": ["a", 'b"'], "Y": "text"}


def run_ruff(module: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--line-length", "110", "--stdin-filename", "agent.py", "-"],
        input=module.encode(),
        capture_output=True,
        cwd=TEMPLATES.parent,
        check=False,
    )


FORMATTED = {
    "ordinary": {},
    "long texts": {"goal": "help people " * 30, "voice": "plain words " * 12, "sector": "very long " * 11},
    "many items": {"interests": ["an interest of quite some length, number " + str(one) for one in range(6)]},
    "quotes": {"goal": 'He said: "It\'s \\ \\n done" ' * 8, "persona": 'Ada "The Boss" O\'Hara', "traits": ["'", '"']},
    "scripts": {"goal": "陈先生 🚀 é " * 30, "persona": "陈 🚀", "interests": ["鱼" * 40, "鸟" * 40]},
    "no blanks": {"goal": "x" * 400, "sector": "y" * 120, "interests": ["z" * 80]},
    "exact": {"sector": "s" * 92, "interests": ["i" * 80, "j" * 3]},
}


@pytest.mark.parametrize("changes", FORMATTED.values(), ids=FORMATTED)
def test_the_module_is_formatted_and_clean(changes: dict[str, Any]) -> None:
    module = TEMPLATE.render(blueprint(**changes))
    formatted = run_ruff(module, "format", "--check", "--diff")
    assert formatted.returncode == 0, formatted.stdout.decode()
    # Letters of other scripts and a summary of more than a line are the slots' business, not the layout's.
    linted = run_ruff(module, "check", "--no-cache", *(["--ignore", "RUF001,RUF002,D205,D301"] if changes else []))
    assert linted.returncode == 0, linted.stdout.decode()


@pytest.mark.parametrize("length", range(80, 125))
def test_layout_at_the_edge_of_the_line(length: int) -> None:
    words = ("word " * 40)[:length]
    source = "X = {{ value }}\n\n\ndef f():\n    return {{ items }}\n\n\nNAME: Final = {{ value }}\n"
    module = tiny(source).render_values({"value": words, "items": [words[:60], words[: length - 75]]})
    formatted = run_ruff(module, "format", "--check", "--diff")
    assert formatted.returncode == 0, formatted.stdout.decode()


def test_the_module_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "agent.py"
    path.write_text(TEMPLATE.render(blueprint()), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(path)],
        capture_output=True,
        text=True,
        cwd=TEMPLATES.parent,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_module_loads_and_handles_the_messages_of_the_kit(tmp_path: Path) -> None:
    source = TEMPLATE.render(blueprint()).encode()
    (tmp_path / "ada.py").write_bytes(source)
    module = load_module(tmp_path, "ada", hashlib.sha256(source).hexdigest())
    handled = {kind for kind, _ in module.Agent._handles_types()}
    assert handled == {kit.Hello, kit.ProposeRequest, kit.RefineRequest, kit.Text}


def test_the_schema_says_what_it_asks_for() -> None:
    properties = TEMPLATE.schema["properties"]
    assert set(properties) == set(TEMPLATE.schema["required"])
    assert TEMPLATE.schema["additionalProperties"] is False
    jsonschema.validate(blueprint().slots, TEMPLATE.schema)
    for slot, one in properties.items():
        if one["type"] == "string" and "enum" not in one:
            assert f"at most {one['maxLength']} characters" in one["description"], slot
            assert len(str(blueprint(**{slot: "x" * 9_999}).slots[slot])) == one["maxLength"]
        if one["type"] == "array":
            assert f"each at most {one['items']['maxLength']} characters" in one["description"], slot


def test_providers_are_not_asked_to_keep_bounds() -> None:
    text = json.dumps(TEMPLATE.answer_schema)
    assert not any(word in text for word in ("maxLength", "maxItems", "minimum", "maximum", "x-fill"))


def test_the_hints_give_values_that_stay_as_they_are() -> None:
    assert set(HINTS) == set(TEMPLATE.schema["properties"])
    facts = draw_briefs(1, seed=0)[0].facts()
    for slot, hint in HINTS.items():
        match hint["kind"]:
            case "fact":
                assert hint["fact"] in facts
            case "choice":
                assert [blueprint(**{slot: one}).slots[slot] for one in hint["from"]] == hint["from"]
            case "choices":
                assert len(set(hint["from"])) == len(hint["from"]) >= 20
                for one in hint["from"]:
                    assert blueprint(**{slot: [one]}).slots[slot] == [one]
            case "number":
                assert 0 <= hint["low"] < hint["high"] <= 1
            case "list":
                assert len(hint["examples"]) == 4
                assert {len(answer.split(", ")) for _, answer in hint["examples"]} == {hint["items"]}
            case "sentence":
                for sector in brief_data().sectors:
                    assert len(hint["prefix"].replace("{sector}", sector.sector)) + hint["max_chars"] <= 400
            case kind:
                pytest.fail(f"unknown kind {kind!r}")


def test_the_schema_for_providers_has_only_json_schema() -> None:
    text = json.dumps(TEMPLATE.answer_schema)
    assert "x-fill" not in text
    assert '"$schema"' not in text
    assert TEMPLATE.answer_schema["required"] == TEMPLATE.schema["required"]


@pytest.mark.parametrize("name", ["nonsense", "../idea_agent", "", "idea_agent.py", "a\x00b"])
def test_an_unknown_template_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="there are: idea_agent"):
        load_template(name)


@pytest.mark.parametrize("schema", [None, "{", "[]", '{"properties": 3}', '{"type": "nonsense", "properties": {}}'])
def test_a_template_needs_a_usable_schema(tmp_path: Path, schema: str | None) -> None:
    (tmp_path / "mine.py.j2").write_text("X = 1\n", encoding="utf-8")
    if schema is not None:
        (tmp_path / "mine.schema.json").write_text(schema, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.schema\.json"):
        load_template("mine", tmp_path)
