"""Agents that leave the sandbox: as a component, and as a script."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent

from creator.errors import UsageError
from creator.exporting import component_of, inlining, outside, script_of
from creator.exporting.inlining import OnlyInside, inlined
from creator.templates.rendering import load_template
from creator.text import encodable
from sandbox import kit
from sandbox.protocol import Idea
from tests.unit.exported import COURSE, OWN_WAY
from tests.unit.test_rendering import HOSTILE, blueprint, constants, raw_values

TEMPLATE = load_template("idea_agent")
TEMPERATURE = blueprint(TEMPLATE).slots["temperature"]
CANARY = "sk-canary-0123456789"
MODELS = [
    "openai:gpt-4.1-mini",
    "openai:a-model-of-tomorrow",
    "anthropic:claude-haiku-4-5",
    "anthropic:a-model-of-tomorrow",
    "ollama:llama3.2",
    "ollama:a-model-of-tomorrow",
    "embedded:SmolLM2-135M-Instruct",
    "models.yaml:gpt-4o",
    "",
]


def module(**changes: Any) -> str:
    return TEMPLATE.render(blueprint(TEMPLATE, **changes))


def component(source: str, model: str = "openai:gpt-4.1-mini") -> dict[str, Any]:
    return component_of(source, name="ada", model=model)


def script(source: str) -> str:
    return script_of(source, name="ada", objective="Find ideas.", model="openai:gpt-4.1-mini")


@pytest.mark.parametrize("model", MODELS)
def test_autogen_loads_the_component_and_writes_it_again(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = module()
    made = json.loads(json.dumps(component(source, model)))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    agent = AssistantAgent.load_component(made)
    assert (agent.name, agent.description) == ("ada", constants(source)["DESCRIPTION"])
    again = agent.dump_component().model_dump(mode="json", exclude_none=True)
    client = made["config"]["model_client"]
    if model.startswith("ollama:a-model"):
        assert client["config"].pop("model_info"), "AutoGen needs it to load the client, and does not write it"
    for shown in ("label", "description"):  # ours are for those who choose among components
        del again[shown], again["config"]["model_client"][shown]
        assert made.pop(shown) and client.pop(shown)
    assert again == made
    assert made["config"]["system_message"] == constants(source)["SYSTEM_MESSAGE"]


def test_the_component_is_what_studio_takes() -> None:
    made = component(module())
    assert (made["provider"], made["component_type"]) == ("autogen_agentchat.agents.AssistantAgent", "agent")
    assert made["version"] == made["component_version"] == AssistantAgent.component_version
    assert made["label"] == "ada"
    client = made["config"]["model_client"]
    assert client["provider"] == "autogen_ext.models.openai.OpenAIChatCompletionClient"
    assert client["config"] == {"model": "gpt-4.1-mini", "temperature": TEMPERATURE}


@pytest.mark.parametrize("model", MODELS)
def test_no_key_is_in_a_component(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OLLAMA_HOST"):
        monkeypatch.setenv(name, f"http://127.0.0.1/{CANARY}" if name.endswith(("URL", "HOST")) else CANARY)
    text = json.dumps(component(module(), model))
    assert CANARY not in text
    assert "api_key" not in text
    assert "not-needed" not in text


def test_a_model_that_is_not_there_outside_is_replaced_and_named() -> None:
    client = component(module(), "embedded:SmolLM2-135M-Instruct")["config"]["model_client"]
    assert client["config"]["model"] == "gpt-4.1-mini"
    assert "'embedded:SmolLM2-135M-Instruct'" in client["description"]
    text = script_of(module(), name="ada", objective="Find ideas.", model="embedded:SmolLM2-135M-Instruct")
    assert "'embedded:SmolLM2-135M-Instruct'" in text
    assert 'MODEL = "gpt-4.1-mini"' in text


@pytest.mark.parametrize("model", ["openai:o3-mini", "openai:gpt-5-mini", "openai:gpt-5.9-of-tomorrow"])
def test_a_model_without_temperatures_gets_none(model: str) -> None:
    assert "temperature" not in component(module(), model)["config"]["model_client"]["config"]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_the_texts_are_both_forms_hold_them(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = raw_values(TEMPLATE, text if len(text) < 5_000 else "much")
    values["slots"]["goal"] = text
    source = TEMPLATE.render_values(values)
    expected = constants(source)
    made = json.loads(json.dumps(component(source)))
    assert made["config"]["system_message"] == encodable(expected["SYSTEM_MESSAGE"])
    assert made["config"]["description"] == encodable(expected["DESCRIPTION"])
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    AssistantAgent.load_component(made)
    assert constants(script(source)) == expected


def described(*lines: str, call: str = "AssistantAgent('x', self._client)", top: str = "") -> str:
    """A module with these lines in its constructor and this call in its handler."""
    return "\n".join(
        [
            "from autogen_agentchat.agents import AssistantAgent",
            "from sandbox import kit",
            "from autogen_core import MessageContext, RoutedAgent, message_handler",
            top,
            "class Agent(RoutedAgent):",
            "    def __init__(self, name: str) -> None:",
            *(f"        {line}" for line in lines),
            "        self._client = kit.model_client(self, temperature=0.3)",
            "    @message_handler",
            "    async def on(self, message: kit.Text, ctx: MessageContext) -> kit.Text:",
            f"        {call}",
        ]
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (COURSE, '\n    You are a creative entrepreneur. You like "agents" & l\'été 🚀.\n    '),
        (OWN_WAY, "You are Olga, a shopkeeper. Be brief."),
        (described(call="AssistantAgent('x', c, system_message='Be' + ' kind.')"), "Be kind."),
        (described(call="AssistantAgent('x', c, system_message=P)", top="P = 'Be' ' kind.'"), "Be kind."),
        (described("p = 'Be kind.'", "AssistantAgent('x', c, system_message=p)"), "Be kind."),
        (described("self._p = 'Be kind.'", call="AssistantAgent('x', c, system_message=self._p)"), "Be kind."),
        (described("p = 'Be kind.'", "self.p = p", call="AssistantAgent('x', c, system_message=self.p)"), "Be kind."),
        (described("self.p = 'a'", "self.p += 'b'", call="AssistantAgent('x', c, system_message=self.p)"), None),
        (described(call="AssistantAgent('x', c, system_message=' '.join(['Be', 'kind.']))"), "Be kind."),
        (described(call="AssistantAgent('x', c, system_message='''\n Be kind.\n'''.strip())"), "Be kind."),
        (described(call="AssistantAgent('x', c, system_message=f'Be {N} {A!r}')"), None),
        (described(call="AssistantAgent('x', c, system_message=f'Be {N}.')", top="N = 7"), "Be 7."),
        (described(call="AssistantAgent('x', c, system_message=message.content)"), None),
        (described(call="AssistantAgent('x', c, system_message=P)", top="P = 'a'\nP += 'b'"), None),
        (described("p = 'Be kind.'", "p = name", "AssistantAgent('x', c, system_message=p)"), None),
        (described(call="AssistantAgent('x', c, system_message='  ')"), None),
        (described(call="print(system_message='not of a delegate')"), None),
        (described(call="AssistantAgent('x', c, system_message='B')", top="SYSTEM_MESSAGE = 'A'"), "A"),
        (described(call="AssistantAgent('x', c, system_message=P)", top="P = P"), None),
    ],
)
def test_the_character_is_found_where_the_module_writes_it_down(source: str, message: str | None) -> None:
    if message is None:
        with pytest.raises(UsageError, match="export it with --as module instead"):
            component(source)
    else:
        assert component(source)["config"]["system_message"] == message


def test_the_description_and_the_temperature_are_found_too() -> None:
    config = component(COURSE)["config"]
    assert config["description"] == "A creative entrepreneur"
    assert config["model_client"]["config"]["temperature"] == 0.7
    source = described(call="AssistantAgent('x', c, system_message='A', description='Kind', temperature=True)")
    config = component(source.replace("temperature=0.3", "temperature=9"))["config"]
    assert config["description"] == "Kind"
    assert "temperature" not in config["model_client"]["config"]


def test_texts_that_double_and_double_end_in_a_refusal() -> None:
    doubling = "\n".join(["A0 = 'x'", *(f"A{number + 1} = A{number} + A{number}" for number in range(200))])
    source = described(call="AssistantAgent('x', c, system_message=A200)", top=doubling)
    with pytest.raises(UsageError, match="--as module"):
        component(source)


def test_nothing_of_a_module_is_run(tmp_path: Path) -> None:
    source = f"open({str(tmp_path / 'trace')!r}, 'w')\nraise SystemExit(3)\n{COURSE}"
    component(source)
    script(source)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("export", [component, script])
@pytest.mark.parametrize("source", ["class Agent(:", "x = 1\x00", "(" * 1_000, "# -*- coding: utf-7 -*-", "\ud800"])
def test_what_cannot_be_read_is_refused_in_one_line(export: Any, source: str) -> None:
    with pytest.raises(UsageError, match="the module cannot be exported: line") as caught:
        export(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "../ada", '"', "a\n", "a" * 65, "é"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no agent's name"):
        component_of(module(), name=name, model="openai:x")
    with pytest.raises(UsageError, match="is no agent's name"):
        script_of(module(), name=name, objective="x", model="openai:x")


@pytest.mark.parametrize("name", kit.__all__)
def test_every_name_of_the_kit_can_be_had_outside(name: str) -> None:
    try:
        parts = inlined([name])
    except OnlyInside as problem:
        pytest.fail(f"{problem}; define {name} in creator/exporting/outside.py")
    assert name in {*parts.definitions, *(one for _, one in parts.imports)}


def test_what_stands_in_for_the_kit_is_called_like_it() -> None:
    found = [name for name in kit.__all__ if hasattr(outside, name)]
    own = [name for name in found if getattr(outside, name).__module__ == outside.__name__]
    assert set(own) >= {"ask_for_colleague", "ask_opinion", "chance", "develop", "find_colleague", "pass_on", "share"}
    for name in own:
        assert inspect.signature(getattr(outside, name)) == inspect.signature(getattr(kit, name)), name


HANDS_IT_AROUND = COURSE.replace("kit.chance(1.0)", "getattr(kit, 'chance')(1.0)")


def test_the_kit_outside_says_what_the_kit_says(tmp_path: Path) -> None:
    path = tmp_path / "ada.py"
    path.write_text(script(HANDS_IT_AROUND), encoding="utf-8")
    outside_kit = run_path(str(path))["outside_kit"]
    parts = {part: f"The {part}." for part in Idea.model_fields}
    texts = []
    for one in (kit, outside_kit):
        idea = one.Idea(**parts)
        texts.append(
            [
                one.proposal_task(one.ProposeRequest(objective="Find.")),
                one.refinement_task(one.RefineRequest(objective="Find.", idea=idea)),
                one.opinion_task(
                    one.OpinionRequest(objective="Find.", idea=idea, kind="verdict", arguments=["A", "B"])
                ),
                one.answer_task(one.ProposeRequest(objective="Find.", guidance="Well."), idea, ["A", "B"]),
                one.question_task(one.Text(content="Why?", earlier=["What?", "That."])),
            ]
        )
    assert texts[0] == texts[1]
    messages = [name for name in kit.__all__ if hasattr(getattr(kit, name), "model_json_schema")]
    assert "Idea" in messages
    for name in messages:
        assert getattr(outside_kit, name).model_json_schema() == getattr(kit, name).model_json_schema()


@pytest.mark.parametrize("source", [module(), COURSE, OWN_WAY], ids=["template", "course", "own way"])
def test_the_script_holds_the_module_and_needs_nothing_of_ours(source: str) -> None:
    text = script(source)
    tree = ast.parse(text)
    roots = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert roots - sys.stdlib_module_names <= {"autogen_agentchat", "autogen_core", "autogen_ext", "openai", "pydantic"}
    kept = {ast.dump(node) for node in tree.body}
    lost = [node for node in ast.parse(source).body if ast.dump(node) not in kept]
    assert all(isinstance(node, ast.ImportFrom) for node in lost)
    assert {node.module.partition(".")[0] for node in lost if isinstance(node, ast.ImportFrom)} <= {
        "__future__",
        "sandbox",
    }


def test_the_script_says_where_it_comes_from_and_warns() -> None:
    first, second, *_ = script(module()).splitlines()
    assert first == "# The agent ada, alone on AutoGen. Exported from the agent creator sandbox."
    assert second.startswith("# WARNING: ")
    assert second.endswith("has your rights and your key: read it first.")


@pytest.mark.parametrize("text", [HOSTILE[0], HOSTILE[9], HOSTILE[10], '"""\nimport os\n', "\n# -*- coding: utf-7 -*-"])
def test_no_objective_and_no_model_becomes_code(text: str) -> None:
    plain = ast.parse(script_of(COURSE, name="ada", objective="x", model="openai:x"))
    odd = ast.parse(script_of(COURSE, name="ada", objective=text, model=f"openai:{text}"))
    assert [type(node) for node in ast.walk(odd)] == [type(node) for node in ast.walk(plain)]
    assert text in [node.value for node in ast.walk(odd) if isinstance(node, ast.Constant)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("class Agent(", "class Other("), "no class Agent with a message handler for ProposeRequest or Text"),
        (("message: kit.Text", "message: kit.Hello"), "no class Agent with a message handler for"),
        (("@message_handler", ""), "no class Agent with a message handler for"),
        (("from sandbox import kit", "from sandbox import kit, protocol"), "line 5 imports 'sandbox.protocol'"),
        (("from sandbox import kit", "from sandbox import kit\nfrom sandbox.kit import *"), r"'sandbox\.kit\.\*'"),
        (("from sandbox import kit", "from sandbox import kit\nimport sandbox.runtime"), "'sandbox.runtime'"),
        (("kit.chance(1.0)", "kit.REGISTRY"), "kit.REGISTRY, which the kit does not have"),
        (("kit.chance(1.0)", "kit.nonsense(1.0)"), "kit.nonsense, which the kit does not have"),
    ],
)
def test_what_could_not_run_outside_is_refused(change: tuple[str, str], reason: str) -> None:
    assert change[0] in COURSE
    with pytest.raises(UsageError, match=reason):
        script(COURSE.replace(*change))


def test_what_asks_a_trusted_agent_is_refused_unless_something_stands_in_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    definitions = inlining._module(outside.__name__).definitions
    monkeypatch.delitem(definitions, "find_colleague")
    with pytest.raises(
        UsageError, match=r"kit\.find_recipient cannot be had .* messages to REGISTRY; change the module"
    ):
        script(COURSE)


def test_a_module_that_hands_the_kit_around_gets_all_of_it() -> None:
    given = script(HANDS_IT_AROUND).partition("return SimpleNamespace(\n")[2].partition("    )\n")[0]
    assert [line.strip().partition("=")[0] for line in given.splitlines()] == [*sorted(kit.__all__), "main"]
