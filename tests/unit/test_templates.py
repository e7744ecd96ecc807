"""Templates that people add: found, chosen, mixed, tried with examples, and told what is wrong with them."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creator.briefs import draw_briefs
from creator.errors import BrokenTemplate, UsageError
from creator.models.calls import ModelCalls
from creator.models.filling import FillRequest
from creator.models.hints import FACTS, named_facts
from creator.models.slot_filling import SlotFiller
from creator.policy import check_module
from creator.settings import SpawnSettings
from creator.templates.examples import EXTREME_TEXTS, example_blueprint, example_module, example_values, extremes
from creator.templates.finding import choose_templates, find_templates
from creator.templates.mix import draw_templates, parse_mix
from creator.templates.rendering import TEMPLATES, Template, load_template
from creator.templates.slot_schema import check_slots
from creator.templates.slots import clean_slots
from tests.unit.scripted import Scripted

SHIPPED = ["critic_agent", "founder_agent", "idea_agent", "researcher_agent"]
BRIEFS = draw_briefs(4, seed=3)

SOURCE = """\
{#- Says little. -#}
from autogen_core import MessageContext, RoutedAgent, message_handler

from sandbox import kit

GOAL = {{ slots.goal }}


class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__(GOAL)

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name={{ name }}, sector={{ slots.sector }})
"""
SLOTS: dict[str, Any] = {
    "persona": {"type": "string", "maxLength": 60},
    "sector": {"type": "string", "maxLength": 120},
    "goal": {"type": "string"},
}


def write(
    folder: Path, name: str = "mine", source: str = SOURCE, schema: str | None = None, **slots: dict[str, Any]
) -> Path:
    """Puts a template into a folder; ``slots`` come on top of those that it has to have."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py.j2").write_text(source, encoding="utf-8")
    text = json.dumps({"properties": {**SLOTS, **slots}}, indent=2) if schema is None else schema
    (folder / f"{name}.schema.json").write_text(text, encoding="utf-8")
    return folder


def with_line(line: str) -> str:
    """A template with one more line, its sixth."""
    return SOURCE.replace("GOAL =", f"{line}\nGOAL =")


# Finding


def test_the_shipped_templates_are_found_and_work() -> None:
    said: list[str] = []
    found = find_templates([], said.append)
    assert list(found) == SHIPPED
    assert said == []
    assert set(choose_templates(dict.fromkeys(SHIPPED, 1.0))) == set(SHIPPED)


def test_a_users_template_of_a_shipped_name_wins_and_that_is_said_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "idea_agent")
    said: list[str] = []
    chosen = choose_templates({"idea_agent": 1.0}, [folder, folder, TEMPLATES], said.append)
    assert chosen["idea_agent"].folder == folder
    assert said == [f"template 'idea_agent' is taken from {str(folder)!r}, instead of the shipped one"]


def test_the_last_folder_wins(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    said: list[str] = []
    assert find_templates([one, two], said.append)["mine"].folder == two
    assert len(said) == 1 and str(one) in said[0]


def test_broken_templates_are_said_and_hide_no_good_ones(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "idea_agent", "{% if %}")
    write(folder, "good")
    write(folder, "Not-A-Name")
    (folder / "half.py.j2").write_text("X = 1\n", encoding="utf-8")
    (folder / "other_half.schema.json").write_text("{}", encoding="utf-8")
    (folder / "folder.py.j2").mkdir()
    (folder / ".hidden.py.j2").write_text("", encoding="utf-8")
    (folder / "notes.txt").write_text("", encoding="utf-8")
    said: list[str] = []
    found = find_templates([folder], said.append)
    assert set(found) == {*SHIPPED, "good"}
    assert found["idea_agent"].folder == TEMPLATES
    assert [line.split(":")[0] for line in said] == [
        f"template {name!r}" for name in ("Not-A-Name", "folder", "half", "idea_agent", "other_half")
    ]
    assert all("\n" not in line and str(folder) in line for line in said)


@pytest.mark.parametrize("make", [Path.touch, lambda path: None])
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"the folder of templates '.*nowhere' cannot be read"):
        find_templates([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("idea_agnt", "did you mean 'idea_agent'"), ("zzz", "there are: critic_agent, founder_agent"), ("", "there are")],
)
def test_an_unknown_template_is_one_line(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_templates({name: 1.0})


def test_a_broken_template_that_is_wanted_says_why(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate, match=r"^template 'mine': mine\.py\.j2:1: .*unexpected"):
        choose_templates({"mine": 1.0}, [write(tmp_path / "mine", source="{{ } }}")])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (with_line("import os"), r"mine\.py\.j2:6: IMPORT001 module 'os' is not allowed"),
        (with_line("X = {{ slots.gaol }}"), r"mine\.py\.j2:6: there is no slot or field 'gaol'"),
        (SOURCE.replace("class Agent", "class Other"), "CLASS001"),
    ],
)
def test_a_template_whose_agents_would_all_fail_is_refused_at_once(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(BrokenTemplate, match=said) as caught:
        choose_templates({"mine": 1.0}, [write(tmp_path / "mine", source=source)])
    assert "\n" not in str(caught.value)


# What is wrong, and where


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("X = {{ slots.goal }", "unexpected"),
        ("X = = {{ slots.goal }}", "this is no Python: invalid syntax"),
        ('X = "{{ slots.goal }}"', "a value inside a string"),
        ("# {{ slots.goal }}", "a value inside a string, a comment or a name"),
        ("X = {{ -1 }} ** 2", "does not read back"),
        ("X = {{ slots.goal + 1 }}", "TypeError: can only concatenate str"),
        ("X = {{ slots.goal.split('|')[1] }}", "no element 1"),
        ("X = {{ brief }}\nY = {{ brief.sectr }}", "there is no slot or field 'sectr'"),
        ("X = {{ mood }}", "'mood' is undefined"),
        ("X = {{ slots.goal | shout }}", "No filter named 'shout'"),
        ("X = {{ slots.goal.__class__ }}", "'__class__' of 'str' object is unsafe"),
        ("{% include 'idea_agent.py.j2' %}", "a template stands alone"),
        ("{% from 'x' import y %}", "a template stands alone"),
        ("{% endif %}", "unknown tag 'endif'"),
        ("X = {{ range }}", "a template can place texts, numbers, lists and dicts"),
        ("X = {{ numbers }}", "has no literal"),
        ("X = {{ 5 }}.real", "with its values this is no Python"),
    ],
)
@pytest.mark.parametrize(
    "before", ["", "{% if true %}\nLONG = {{ slots.goal * 50 }}\n{% endif %}\n\n{# a\nremark #}\n"]
)
def test_every_mistake_of_a_template_is_told_with_its_line(line: str, said: str, before: str) -> None:
    source = with_line(before + line)
    template = Template("mine", source, {"properties": SLOTS})
    variables = {**example_blueprint(Template("m", "", {"properties": SLOTS}), BRIEFS[0]).model_dump()}
    with pytest.raises(BrokenTemplate) as caught:
        template.render_values({**variables, "numbers": math.inf})
    error = caught.value
    assert said in error.reason
    wanted = line.splitlines()[-1]
    assert error.line is not None and source.splitlines()[error.line - 1] == wanted
    assert str(error) == f"template 'mine': mine.py.j2:{error.line}: {error.reason}"
    assert "\n" not in str(error)


def test_a_line_that_cannot_be_told_is_left_out() -> None:
    source = "{% set text %}\na\nb\n{% endset %}\nX = {{ text | length }}\nY = = 1\n"
    with pytest.raises(BrokenTemplate) as caught:
        Template("mine", source, {"properties": SLOTS}).render_values({})
    assert caught.value.line == 6
    source = "{% filter replace('a', 'b') | trim %}\nX = a\n\nY = = 1\n{% endfilter %}"
    with pytest.raises(BrokenTemplate, match=r"mine\.py\.j2: this is no Python"):
        Template("mine", source, {"properties": SLOTS}).render_values({})


@pytest.mark.parametrize(
    ("schema", "place", "said"),
    [
        ('{\n "properties": {,', "mine.schema.json:2", "this is no JSON"),
        ("[1]", "mine.schema.json", "not of type"),
        ("{}", "mine.schema.json", "has to describe an object"),
        ('{"type": "array", "properties": {}}', "mine.schema.json", "has to describe an object"),
        ('{"properties": {}}', "mine.schema.json", "1 to 40 'properties'"),
        ('{"properties": {"a": {}, "a": {}}}', "mine.schema.json", "'a' stands twice"),
        ('{"properties": {"a": {"minimum": NaN}}}', "mine.schema.json", "NaN is no number"),
        ('{"properties": {"a": {"minimum": 1e999}}}', "mine.schema.json", "1e999 is no number"),
        ('{"properties": {"a": true}}', "mine.schema.json:1", "it has to be an object"),
        ("[" * 100_000, "mine.schema.json", "no JSON"),
        ('{"properties": {"persona": {"type": "string", "maxLength": 60}}}', "mine.schema.json", "slot 'sector'"),
        ('{\n"properties":\n{"persona": {"type": "string"}}}', "mine.schema.json:3", "every template needs"),
    ],
)
def test_a_schema_that_describes_no_slots_is_one_line(tmp_path: Path, schema: str, place: str, said: str) -> None:
    with pytest.raises(BrokenTemplate) as caught:
        load_template("mine", write(tmp_path, schema=schema))
    assert (caught.value.place, said in caught.value.reason, "\n" in str(caught.value)) == (place, True, False)


def fill(kind: str, **more: Any) -> dict[str, Any]:
    return {"x-fill": {"kind": kind, **more}}


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        ({"type": "object"}, "its 'type' has to be one of string, number"),
        ({"type": ["string", "null"]}, "its 'type' has to be one of"),
        ({"enum": ["a"]}, "its 'type' has to be one of"),
        ({"type": "string", "pattern": "a+"}, "the keyword 'pattern' is not kept"),
        ({"type": "string", "maxLength": 0}, "'maxLength' has to be a number from 1 to 4000"),
        ({"type": "string", "maxLength": 10**6}, "'maxLength' has to be a number from 1 to 4000"),
        ({"type": "string", "maxLength": "long"}, "'long' is not of type 'integer'"),
        ({"type": "string", "enum": []}, "its 'enum' has to be"),
        ({"type": "string", "enum": ["a", "a"]}, "its 'enum' has to be"),
        ({"type": "string", "enum": ["a", 1]}, "its 'enum' has to be"),
        ({"type": "string", "enum": ["a\nb"]}, "its 'enum' has to be"),
        ({"type": "string", "enum": ["{sector}"]}, "names a fact"),
        ({"type": "array"}, "its 'items' have to be"),
        ({"type": "array", "items": {"type": "number"}}, "its 'items' have to be"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, "its 'items' have to be"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 0}, "'maxItems' has to be"),
        ({"type": "number", "minimum": 2, "maximum": 1}, "between its 'minimum' and its 'maximum'"),
        ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "between its 'minimum' and its 'maximum'"),
        ({"type": "number", "minimum": -(10**20)}, "between its 'minimum' and its 'maximum'"),
        ({"type": "string", "examples": [3]}, "its example 3 is no value"),
        ({"type": "boolean", "examples": ["yes"]}, "its example 'yes' is no value"),
        ({"type": "string", "x-fill": "sentence"}, "its 'kind' is None"),
        ({"type": "string", **fill("poem")}, "its 'kind' is 'poem'; for the type 'string' it has to be 'fact'"),
        ({"type": "string", **fill("number", low=0, high=1)}, "for the type 'string'"),
        ({"type": "integer", **fill("number", low=0, high=1)}, "it has to be 'integer'"),
        ({"type": "string", "enum": ["a"], **fill("fact", fact="sector")}, "for an 'enum' it has to be 'choice'"),
        ({"type": "string", "enum": ["a"], **fill("choice", **{"from": ["b"]})}, "'b' is not in the 'enum'"),
        ({"type": "string", **fill("choice", **{"from": []})}, "from: "),
        ({"type": "string", **fill("choice", **{"from": ["\u200b"]})}, "nothing of its choice '\\u200b' can be seen"),
        ({"type": "string", **fill("choice", **{"from": [True]})}, "its choice True is no text"),
        ({"type": "boolean", **fill("choice", **{"from": ["true"]})}, "its choice 'true' is no true or false"),
        ({"type": "string", **fill("fact", fact="later")}, "the fact 'later' is not known here"),
        ({"type": "string", **fill("sentence")}, "prefix: Field required"),
        ({"type": "string", **fill("sentence", prefix="x", suffix="y")}, "suffix: Extra inputs"),
        (
            {"type": "string", **fill("sentence", prefix="x", max_chars=20)},
            "'min_chars' (90) is above 'max_chars' (20)",
        ),
        ({"type": "string", **fill("sentence", prefix="x", max_chars=9_999)}, "max_chars: "),
        ({"type": "string", **fill("phrase", examples=[["asked"]])}, "examples.0: "),
        (
            {"type": "array", "items": {"type": "string"}, **fill("list", examples=[["a", "b"]])},
            "items: Field required",
        ),
        ({"type": "number", **fill("number", low=2, high=1)}, "'low' (2.0) is above 'high' (1.0)"),
        ({"type": "number", **fill("number", low="0", high=1)}, "low: "),
    ],
)
def test_a_slot_that_is_described_wrongly_is_one_line(tmp_path: Path, slot: dict[str, Any], said: str) -> None:
    folder = write(tmp_path, mood=slot, later={"type": "string"})
    with pytest.raises(BrokenTemplate) as caught:
        load_template("mine", folder)
    error = caught.value
    assert said in error.reason
    text = (folder / "mine.schema.json").read_text("utf-8")
    assert error.line is not None and '"mood"' in text.splitlines()[error.line - 1]
    assert "\n" not in str(error)


def test_a_whole_number_may_have_a_point(tmp_path: Path) -> None:
    mood = '{"type": "array", "items": {"type": "string", "maxLength": 9.0}, "maxItems": 2.0}'
    schema = json.dumps({"properties": {**SLOTS, "mood": {}}}).replace("{}", mood)
    template = load_template("mine", write(tmp_path, schema=schema))
    assert len(example_module(template, BRIEFS[0])) > 0
    assert clean_slots({"persona": "a", "sector": "b", "goal": "c", "mood": "x" * 99}, template.schema)["mood"]


@pytest.mark.parametrize("name", ["Mood", "1st", "a-b", "items", "values", "x" * 65, "é"])
def test_a_slot_needs_a_name_that_a_template_can_use(tmp_path: Path, name: str) -> None:
    with pytest.raises(BrokenTemplate, match="slot "):
        load_template("mine", write(tmp_path, **{name: {"type": "string"}}))


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"X = 1\n# \xff\n", r"mine\.py\.j2:2: this is not UTF-8"), (b"#" * 400_001, r"larger than 400,000 bytes")],
)
def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    (write(tmp_path) / "mine.py.j2").write_bytes(data)
    with pytest.raises(BrokenTemplate, match=said):
        load_template("mine", tmp_path)


def test_files_of_other_editors_are_read_as_well(tmp_path: Path) -> None:
    write(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check_module(example_module(load_template("mine", tmp_path), BRIEFS[0]), "mine") == []


# Mixes


@pytest.mark.parametrize(
    ("texts", "mix"),
    [
        (["idea_agent"], {"idea_agent": 1.0}),
        (["a:3", "b"], {"a": 3.0, "b": 1.0}),
        ([" a : 0.5 , b:2 ", "c"], {"a": 0.5, "b": 2.0, "c": 1.0}),
    ],
)
def test_a_mix_is_names_with_weights(texts: list[str], mix: dict[str, float]) -> None:
    assert parse_mix(texts) == mix
    assert list(parse_mix(texts)) == list(mix)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name a template"),
        ("a,,b", "name a template"),
        (":3", "name a template"),
        ("a:", "the weight '' of 'a' is no positive number"),
        ("a:0", "no positive number"),
        ("a:-1", "no positive number"),
        ("a:nan", "no positive number"),
        ("a:inf", "no positive number"),
        ("a:many", "no positive number"),
        ("a:1:2", "no positive number"),
        ("a,b,a:2", "'a' stands there twice"),
    ],
)
def test_a_mix_that_makes_no_sense_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        SpawnSettings.load({"count": 1, "template": (text,)})
    assert str(caught.value).startswith("Option --template: ")
    assert "\n" not in str(caught.value)


def test_templates_and_their_folders_can_be_named_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(**options: Any) -> tuple[dict[str, float], list[str]]:
        settings = SpawnSettings.load({"count": 1, "template": (), "templates": (), **options})
        return settings.template, [str(folder) for folder in settings.templates]

    assert load() == ({"idea_agent": 1.0}, [])
    Path("creator.toml").write_text('template = ["a:2", "b"]\ntemplates = ["one, two", "three"]\n', encoding="utf-8")
    assert load() == ({"a": 2.0, "b": 1.0}, ["one, two", "three"])
    Path("creator.toml").write_text("[template]\nidea_agent = 0.5\npoet = 2\n", encoding="utf-8")
    assert load()[0] == {"idea_agent": 0.5, "poet": 2.0}
    Path(".env").write_text("CREATOR_TEMPLATE=c\nCREATOR_TEMPLATES=four,five\n", encoding="utf-8")
    assert load() == ({"c": 1.0}, ["four", "five"])
    monkeypatch.setenv("CREATOR_TEMPLATE", "d:2,e")
    monkeypatch.setenv("CREATOR_TEMPLATES", "six:seven/eight")
    assert load() == ({"d": 2.0, "e": 1.0}, ["six", "seven/eight"])
    assert load(template=("f", "g:3,h"), templates=("nine,ten",)) == ({"f": 1.0, "g": 3.0, "h": 1.0}, ["nine,ten"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("template = 3", "Key 'template' in creator.toml: 3 does not fit, name a template"),
        ("template = []", "name a template"),
        ("template = [1]", "name a template"),
        ("template = {idea_agent = 0}", "the weight '0' of 'idea_agent' is no positive number"),
        ("templates = 3", "Key 'templates' in creator.toml: 3 does not fit, name a folder"),
        ('templates = [""]', "name a folder"),
    ],
)
def test_wrong_templates_in_a_file_are_one_line(line: str, said: str) -> None:
    Path("creator.toml").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        SpawnSettings.load({"count": 1})
    assert said in str(caught.value)


mixes = st.dictionaries(
    st.sampled_from("abcdef"), st.integers(1, 9) | st.floats(0.01, 100) | st.sampled_from([0.1, 0.2]), min_size=1
)


@given(mix=mixes, n=st.integers(0, 60), seed=st.integers(0, 5))
@settings(deadline=None)
def test_every_template_gets_its_share_by_largest_remainders(mix: dict[str, float], n: int, seed: int) -> None:
    drawn = draw_templates(mix, n, seed)
    counts = Counter(drawn)
    total = sum(Fraction(str(weight)) for weight in mix.values())
    quotas = {name: n * Fraction(str(weight)) / total for name, weight in mix.items()}
    rest = {name: quota - math.floor(quota) for name, quota in quotas.items()}
    more = [name for name in mix if counts[name] == math.floor(quotas[name]) + 1]
    others = [name for name in mix if counts[name] == math.floor(quotas[name])]
    assert len(drawn) == n
    assert len(more) + len(others) == len(mix)
    assert max((rest[name] for name in others), default=0) <= min((rest[name] for name in more), default=1)
    assert drawn == draw_templates(mix, n, seed)


@given(
    mix=st.dictionaries(st.sampled_from("ab"), st.integers(1, 9), min_size=1)
    | st.lists(st.sampled_from("abcdef"), min_size=1, unique=True).map(lambda names: dict.fromkeys(names, 1)),
    n=st.integers(0, 60),
    seed=st.integers(0, 5),
)
@settings(deadline=None)
def test_fewer_are_a_beginning_of_more(mix: dict[str, float], n: int, seed: int) -> None:
    assert draw_templates(mix, n, seed) == draw_templates(mix, 60, seed)[:n]


def test_the_seed_decides_the_order() -> None:
    mix = {"a": 2.0, "b": 1.0, "c": 1.0}
    assert len({tuple(draw_templates(mix, 20, seed)) for seed in range(10)}) > 5


# Hints and examples

KINDS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"maxLength": st.integers(1, 4_000), "description": st.text(st.characters(exclude_categories=["Cs"]))},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("string"),
            "enum": st.lists(st.from_regex("[a-z]{1,9}", fullmatch=True), min_size=1, unique=True),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["number", "integer"])},
        optional={"minimum": st.integers(-99, 0) | st.floats(-9, 0), "maximum": st.integers(0, 99) | st.floats(0, 9)},
    ),
    st.fixed_dictionaries({"type": st.just("boolean")}),
    st.fixed_dictionaries(
        {"type": st.just("array"), "items": st.just({"type": "string"})}, optional={"maxItems": st.integers(1, 32)}
    ),
)
schemas = st.dictionaries(st.from_regex("[a-z][a-z0-9_]{3,9}", fullmatch=True), KINDS, max_size=6).map(
    lambda more: {"properties": {**more, **SLOTS}}
)


@given(schema=schemas)
@settings(deadline=None, max_examples=60)
async def test_a_template_without_hints_is_filled_by_a_small_model(schema: dict[str, Any]) -> None:
    check_slots(schema)
    template = Template("bare", SOURCE, schema)
    assert list(template.hints) == list(schema["properties"])
    assert {fact for hint in template.hints.values() for fact in named_facts(hint)} <= FACTS
    backend = Scripted("the first thing that nobody sees, or only late.")
    facts = {"objective": "games", **BRIEFS[0].facts()}
    request = FillRequest([], template.answer_schema, template.hints, facts, temperature=0.5, max_tokens=100, seed=1)
    values = json.loads(await SlotFiller(ModelCalls(backend)).fill("creator", request))
    assert clean_slots(values, schema).keys() == schema["properties"].keys()
    for extra in backend.extras:
        low, high = re.findall(r"\{(\d+),(\d+)\}", str(extra["grammar"]))[0]
        assert 1 <= int(low) <= int(high)


@given(schema=schemas)
@settings(deadline=None, max_examples=60)
def test_examples_of_any_schema_pass(schema: dict[str, Any]) -> None:
    template = Template("bare", SOURCE, schema)
    assert check_module(example_module(template, BRIEFS[0]), "bare") == []
    for extreme in extremes(template):
        values = example_values(template, BRIEFS[0], extreme)
        assert values.keys() == schema["properties"].keys()
        for slot, one in schema["properties"].items():
            value = values[slot]
            if isinstance(value, str):
                assert 1 <= len(value) <= one.get("maxLength", 400)
            elif isinstance(value, list):
                assert 1 <= len(value) <= one.get("maxItems", 6)
            else:
                assert one.get("minimum", -1e9) <= value <= one.get("maximum", 1e9)


def test_a_slot_says_itself_how_it_is_filled() -> None:
    described = {
        "creed": {"type": "string", "description": "What the agent believes in, above all: one sentence."},
        "motto": {"type": "string", "maxLength": 40},
        "role": {"type": "string"},
        "odds": {"type": "number", "minimum": 0.2, "maximum": 0.4},
        "calm": {"type": "boolean"},
        "tone": {"type": "string", "enum": ["dry", "warm"]},
        "tools": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    }
    hints = Template("bare", "", {"properties": {**SLOTS, **described}}).hints
    assert hints["persona"] == {"kind": "fact", "fact": "persona"}
    assert hints["role"] == {"kind": "fact", "fact": "role"}
    assert hints["creed"]["prefix"] == "In {sector}, what the agent believes in is"
    assert hints["creed"]["keep_prefix"] and not hints["motto"]["keep_prefix"]
    assert (hints["motto"]["prefix"], hints["motto"]["max_chars"]) == ("In {sector}, the motto is", 40)
    assert hints["odds"] == {"kind": "number", "low": 0.2, "high": 0.4}
    assert hints["calm"] == {"kind": "choice", "from": [True, False]}
    assert hints["tone"] == {"kind": "choice", "from": ["dry", "warm"]}
    assert (hints["tools"]["kind"], hints["tools"]["label"], hints["tools"]["items"]) == ("list", "Tools", 2)
    assert hints["tools"]["examples"][0][1] == "daily demand, surplus sales"


@pytest.mark.parametrize("name", SHIPPED)
def test_an_example_is_the_same_for_the_same_brief(name: str) -> None:
    template = load_template(name)
    modules = [example_module(template, brief) for brief in BRIEFS]
    assert modules == [example_module(load_template(name), brief) for brief in BRIEFS]
    assert len(set(modules)) == len(modules)
    for brief, module in zip(BRIEFS, modules, strict=True):
        assert check_module(module, "example.py") == []
        assert brief.sector in module and brief.topic in module
        assert "{" not in "".join(str(value) for value in example_values(template, brief).values())


def test_every_value_of_an_enum_is_in_one_of_the_extreme_examples() -> None:
    slot = {"type": "string", "enum": ["a", "b", "c", "d"]}
    template = Template("bare", "", {"properties": {**SLOTS, "mood": slot, "tone": {**slot, "enum": ["x", "y"]}}})
    values = [example_values(template, BRIEFS[0], extreme) for extreme in extremes(template)]
    assert {one["mood"] for one in values} == {"a", "b", "c", "d"}
    assert {one["tone"] for one in values} == {"x", "y"}


def test_extreme_examples_go_to_the_bounds() -> None:
    number = {"type": "number", "minimum": 0.25, "maximum": 0.75}
    more = {"one": number, "two": number, "flag": {"type": "boolean"}}
    template = Template("bare", "", {"properties": {**SLOTS, **more}})
    found = {extreme: example_values(template, BRIEFS[0], extreme) for extreme in extremes(template)}
    assert len(str(found["longest"]["goal"])) == 400 and len(str(found["unbroken"]["sector"])) == 120
    assert (found["longest"]["one"], found["shortest"]["one"]) == (0.75, 0.25)
    assert {found["quotes"]["one"], found["quotes"]["two"]} == {0.25, 0.75}
    assert {values["flag"] for values in found.values()} == {True, False}
    assert found["braces"]["goal"] == EXTREME_TEXTS["braces"]
    cleaned = example_blueprint(template, BRIEFS[0], "surrogates", "trial_1")
    assert (cleaned.name, cleaned.slots["goal"]) == ("trial_1", "half ? a ? character")
