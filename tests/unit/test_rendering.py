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
from creator.briefs import brief_data, businesses_of, draw_briefs
from creator.errors import UsageError
from creator.models.hints import with_facts
from creator.policy import check_module
from creator.templates.examples import example_values
from creator.templates.literals import LINE_LENGTH, docstring_literal, laid_out, literal
from creator.templates.rendering import TEMPLATES, Template, load_template
from sandbox import kit
from sandbox.loader import load_module

SHIPPED = [load_template(path.name.removesuffix(".py.j2")) for path in sorted(TEMPLATES.glob("*.py.j2"))]
each_template = pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template.name)

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


def blueprint(template: Template, **changes: Any) -> Blueprint:
    """An agent of a template; a change of a slot that the template does not have changes nothing."""
    brief = draw_briefs(1, seed=5)[0]
    values = example_values(template, brief)
    return blueprint_from_values(
        {**values, **{slot: value for slot, value in changes.items() if slot in values}},
        template,
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
    return Template("tiny", text, {"properties": {}})


def raw_values(template: Template, text: str) -> dict[str, Any]:
    """Values that nothing has cleaned: the given text everywhere."""
    whole = blueprint(template).model_dump()
    slots = {
        slot: [text, text] if isinstance(value, list) else text if isinstance(value, str) else value
        for slot, value in whole["slots"].items()
    }
    brief = dict.fromkeys(whole["brief"], text)
    return {**whole, "slots": slots, "brief": brief, "run_id": text, "model": text, "template": text}


def check_raw(template: Template, text: str) -> None:
    values = raw_values(template, text)
    module = template.render_values(values)
    module.encode("utf-8")
    compile(module, "module", "exec")
    found = constants(module)
    assert found["SECTOR"] == text
    assert found["INTERESTS"] == [text, text]
    assert text in found["SYSTEM_MESSAGE"]
    assert skeleton(module) == skeleton(template.render(blueprint(template)))


@each_template
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_texts(template: Template, text: str) -> None:
    check_raw(template, text)


@each_template
@given(text=st.text(st.characters()) | st.text("'\"\\{}%#\n\x00 \u202e\ud800a") | st.sampled_from(HOSTILE[:17]))
@settings(max_examples=60, deadline=None)
def test_any_text_stays_a_text(template: Template, text: str) -> None:
    check_raw(template, text)


@each_template
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_blueprint_of_hostile_texts_passes_the_policy(template: Template, text: str) -> None:
    texts = {slot: f"x {text}" for slot, one in template.schema["properties"].items() if one["type"] == "string"}
    lists = {slot: [text, "y"] for slot, one in template.schema["properties"].items() if one["type"] == "array"}
    made = blueprint(template, **texts, **lists)
    module = template.render(made)
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


@each_template
@pytest.mark.parametrize("changes", FORMATTED.values(), ids=FORMATTED)
def test_the_module_is_formatted_and_clean(template: Template, changes: dict[str, Any]) -> None:
    module = template.render(blueprint(template, **changes))
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


def test_the_modules_are_typed(tmp_path: Path) -> None:
    for template in SHIPPED:
        (tmp_path / f"{template.name}.py").write_text(template.render(blueprint(template)), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *tmp_path.glob("*.py")],
        capture_output=True,
        text=True,
        cwd=TEMPLATES.parent,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@each_template
def test_the_module_loads_and_handles_the_messages_of_the_kit(tmp_path: Path, template: Template) -> None:
    source = template.render(blueprint(template)).encode()
    (tmp_path / "ada.py").write_bytes(source)
    module = load_module(tmp_path, "ada", hashlib.sha256(source).hexdigest())
    handled = {kind for kind, _ in module.Agent._handles_types()}
    assert handled == {kit.Hello, kit.OpinionRequest, kit.ProposeRequest, kit.RefineRequest, kit.Text}


@each_template
def test_the_schema_says_what_it_asks_for(template: Template) -> None:
    assert template.description
    jsonschema.validate(blueprint(template).slots, template.schema)
    for slot, one in template.schema["properties"].items():
        if one["type"] == "string" and "enum" not in one:
            assert f"at most {one['maxLength']} characters" in one["description"], slot
            assert len(str(blueprint(template, **{slot: "x" * 9_999}).slots[slot])) == one["maxLength"]
        if one["type"] == "array":
            assert f"each at most {one['items']['maxLength']} characters" in one["description"], slot


@each_template
def test_providers_get_nothing_but_json_schema_and_are_not_asked_to_keep_bounds(template: Template) -> None:
    text = json.dumps(template.answer_schema)
    ours = ("maxLength", "maxItems", "minimum", "maximum", "x-fill", "examples", '"$schema"')
    assert not any(word in text for word in ours)
    assert template.answer_schema["required"] == list(template.schema["properties"])
    assert template.answer_schema["additionalProperties"] is False


@each_template
def test_the_hints_give_values_that_stay_as_they_are(template: Template) -> None:
    properties = template.schema["properties"]
    assert all("x-fill" in one for one in properties.values())
    facts = draw_briefs(1, seed=0)[0].facts()
    for slot, hint in template.hints.items():
        match hint["kind"]:
            case "fact":
                assert hint["fact"] in facts
            case "choice":
                assert [blueprint(template, **{slot: one}).slots[slot] for one in hint["from"]] == hint["from"]
            case "choices":
                assert len(set(hint["from"])) == len(hint["from"]) >= 20
                for one in hint["from"]:
                    assert blueprint(template, **{slot: [one]}).slots[slot] == [one]
            case "number" | "integer":
                assert properties[slot]["minimum"] <= hint["low"] < hint["high"] <= properties[slot]["maximum"]
            case "list":
                assert len(hint["examples"]) == 4
                assert {len(answer.split(", ")) for _, answer in hint["examples"]} == {hint["items"]}
            case "sentence":
                beginnings = [hint["prefix"]] if isinstance(hint["prefix"], str) else hint["prefix"]
                told = [
                    with_facts(text, {"sector": one.sector, "businesses": businesses_of(one.sector), "topic": topic})
                    for one in brief_data().sectors
                    for topic in one.topics
                    for text in beginnings
                ]
                assert max(map(len, told)) + hint["max_chars"] <= properties[slot]["maxLength"]
            case kind:
                pytest.fail(f"unknown kind {kind!r}")


@pytest.mark.parametrize("name", ["nonsense", "../idea_agent", "", "idea_agent.py", "a\x00b"])
def test_an_unknown_template_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="there are: critic_agent, founder_agent, idea_agent"):
        load_template(name)


@pytest.mark.parametrize("schema", [None, "{", "[]", '{"properties": 3}', '{"type": "nonsense", "properties": {}}'])
def test_a_template_needs_a_usable_schema(tmp_path: Path, schema: str | None) -> None:
    (tmp_path / "mine.py.j2").write_text("X = 1\n", encoding="utf-8")
    if schema is not None:
        (tmp_path / "mine.schema.json").write_text(schema, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.schema\.json"):
        load_template("mine", tmp_path)
