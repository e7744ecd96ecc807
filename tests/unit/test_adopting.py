"""Foreign agents, rewritten onto the kit: what a user reads of it, and that the rewritten agents work."""

from __future__ import annotations

import ast
import contextlib
import random
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from autogen_core import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, message_handler
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st

from creator.adopting import Adoption, adopt, persona_of
from creator.errors import UsageError
from creator.policy import MAX_SOURCE_BYTES, check_module
from sandbox import kit, protocol
from sandbox.errors import ConversationEnded, MessagingError, RecipientNotFound

SOURCES = Path(__file__).parent / "adopting"
WORKING = ["agent1", "aliased", "careful", "early", "helper", "keyless", "qualified"]
"""Modules whose every construct has a counterpart, or whose rest does no harm."""

HEAD = """\
import random

import messages
from autogen_core import MessageContext, RoutedAgent, message_handler


class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__(name)

    @message_handler
    async def handle_message(self, message: messages.Message, ctx: MessageContext) -> messages.Message:
        idea = "my own idea"
"""
ASK = "response = await self.send_message(messages.Message(content=idea), messages.find_recipient())"
ANSWER = "return messages.Message(content=idea)"


def source_of(name: str) -> str:
    return (SOURCES / f"{name}.py.txt").read_text(encoding="utf-8")


def adopted(name: str) -> Adoption:
    return adopt(source_of(name), f"exercises/{name}.py")


def in_handler(*lines: str) -> str:
    """A foreign module whose handler has these lines."""
    return HEAD + "".join(f"        {line}\n" for line in lines)


def refusals(adoption: Adoption) -> list[str]:
    """What the policy refuses, but for names that the kit of this checkout does not have."""
    names = (re.search(r"'(\w+)' may not be used of 'sandbox.kit'", one.message) for one in adoption.findings)
    return [
        str(finding)
        for finding, name in zip(adoption.findings, names, strict=True)
        if name is None or name[1] in kit.__all__
    ]


class _Text(protocol.Message):
    """Stands in for the kit's own, where it has none."""

    content: str


Text: Any = getattr(kit, "Text", _Text)


class Peer(RoutedAgent):
    """A colleague, which may refuse to answer."""

    def __init__(self, answers: bool) -> None:
        super().__init__("a colleague")
        self._answers = answers

    @message_handler
    async def answer(self, message: Text, ctx: MessageContext) -> Text:
        if not self._answers:
            raise ConversationEnded("nobody is asked twice")
        return Text(content="a colleague's idea")


@dataclass
class World:
    """A runtime of AutoGen's own, with a colleague in it, and a kit whose model always has the same idea."""

    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.colleague: Literal["answers", "refuses", "is nowhere"] = "answers"
        self.temperatures: list[float] = []
        parts = {
            "MessagingError": MessagingError,
            "Text": Text,
            "find_recipient": self.find_recipient,
            "model_client": self.model_client,
            "structure": self.structure,
        }
        for name, part in parts.items():
            self.monkeypatch.setattr(kit, name, part, raising=False)

    async def find_recipient(self, agent: RoutedAgent) -> AgentId:
        if self.colleague == "is nowhere":
            raise RecipientNotFound("nobody is there")
        return AgentId("agent2", "default")

    def model_client(self, agent: RoutedAgent, *, temperature: float) -> ReplayChatCompletionClient:
        self.temperatures.append(temperature)
        return ReplayChatCompletionClient(["my own idea"] * 10)

    async def structure(self, agent: RoutedAgent, text: str, ctx: MessageContext) -> kit.Idea:
        return idea(text)

    def dice(self, value: float) -> None:
        self.monkeypatch.setattr(random, "random", lambda: value)

    async def ask(self, source: str, message: object) -> Any:
        """The answer of the module's agent, called agent1."""
        module = ModuleType("adopted")
        exec(compile(source, "adopted.py", "exec"), module.__dict__)
        runtime = SingleThreadedAgentRuntime()
        await module.Agent.register(runtime, "agent1", lambda: module.Agent("agent1"))
        await Peer.register(runtime, "agent2", lambda: Peer(self.colleague == "answers"))
        runtime.start()
        try:
            return await runtime.send_message(message, AgentId("agent1", "default"))
        finally:
            await runtime.stop()

    async def answers(self, source: str) -> list[str]:
        """What the agent says to everything that can be asked of it."""
        text = await self.ask(source, Text(content="an idea, please"))
        proposal = await self.ask(source, kit.ProposeRequest(objective="ideas"))
        refinement = await self.ask(source, kit.RefineRequest(objective="ideas", idea=idea("another's idea")))
        return [text.content, proposal.idea.title, refinement.idea.title]


def idea(title: str) -> kit.Idea:
    return kit.Idea(title=title, problem="p", customer="c", solution="s", revenue_model="r", first_step="f")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_person_sees_what_is_different() -> None:
    assert adopted("agent1").difference == (SOURCES / "agent1.diff").read_text(encoding="utf-8")


def test_a_person_is_told_what_was_done_and_where() -> None:
    adoption = adopted("agent1")
    assert adoption.changes == (
        "line 4: the import of 'OpenAIChatCompletionClient' is left out: nothing uses it",
        "line 5: the import of 'messages' is left out: nothing uses it",
        "line 7: the import of 'load_dotenv' is left out: nothing uses it",
        "line 9: load_dotenv() is left out: no key enters the sandbox",
        "line 19: 'OpenAIChatCompletionClient' is a kit.model_client, and the run chooses its model; left out: 'model'",
        "lines 23, 31, 33: the original's message is a kit.Text",
        "line 29: the recipient comes from kit.find_recipient, which knows who is live",
        "line 29: when nobody can be asked, or nobody answers, the agent's own idea stays",
        "line 33: handlers are appended behind it: introduce, propose, refine",
    )
    assert adoption.unmapped == ()


@pytest.mark.parametrize("name", WORKING)
def test_the_policy_passes_what_was_mapped(name: str) -> None:
    adoption = adopted(name)
    assert refusals(adoption) == []
    assert not any("import" in one for one in adoption.unmapped)


@pytest.mark.parametrize("name", WORKING)
async def test_an_adopted_agent_introduces_itself(name: str, world: World) -> None:
    introduction = await world.ask(adopted(name).source, kit.Hello())
    assert introduction == kit.Introduction(name="agent1", sector="unknown", skills=[])


@pytest.mark.parametrize("name", WORKING)
async def test_an_adopted_agent_has_ideas(name: str, world: World) -> None:
    world.dice(0.99)
    assert await world.answers(adopted(name).source) == ["my own idea"] * 3


@pytest.mark.parametrize("name", WORKING)
async def test_a_bounce_brings_a_colleagues_idea(name: str, world: World) -> None:
    world.dice(0.0)
    assert await world.answers(adopted(name).source) == ["a colleague's idea"] * 3


@pytest.mark.parametrize("colleague", ["refuses", "is nowhere"])
@pytest.mark.parametrize("name", WORKING)
async def test_a_failed_bounce_leaves_the_agents_own_idea(name: str, colleague: Any, world: World) -> None:
    world.dice(0.0)
    world.colleague = colleague
    assert await world.answers(adopted(name).source) == ["my own idea"] * 3


async def test_the_temperature_stays_when_it_is_a_number(world: World) -> None:
    for name in ("agent1", "early", "keyless", "aliased"):
        await world.ask(adopted(name).source, kit.Hello())
    assert world.temperatures == [0.7, 1, 0.2, 0.7]
    told = next(one for one in adopted("aliased").changes if "model_client" in one)
    assert told.endswith("its temperature is no plain number from 0 to 2, so it is 0.7")


def test_what_has_no_counterpart_is_named_with_its_line() -> None:
    adoption = adopted("foreign")
    assert adoption.unmapped == (
        "line 3: import of 'httpx', used in line 28: an agent has no network",
        "line 4: import of 'messages', used in line 23: only the original's own module knows what this is",
        "line 7: import of 'OpenAIChatCompletionClient' of 'autogen_ext.models.openai', used in line 9: "
        "an agent cannot import this",
        "line 9: a model client can be made in a method of the agent only",
        "line 13: a recipient can be chosen in an async method of the agent only",
        "line 16: @default_subscription: there are no topics here, messages go to names",
        "line 18: 'model_client' of __init__: an agent is made with its name alone",
        "line 20: handoffs of AssistantAgent: messages go to the names of live agents, not to a fixed list",
        "line 20: tools of AssistantAgent: the model gateway offers no tools",
        "line 23: handler 'on_feedback' takes 'messages.Feedback': it is left as it is, but nobody here sends that",
        "line 24: publish_message: there are no topics here, messages go to names",
        "line 30: open: an agent has no files",
        "line 33: a kit.Text has one argument, its content",
        "line 33: when no colleague answers, the request fails: keep an idea of the agent's own to return then",
    )
    rules = {one.rule for one in adoption.findings}
    assert {"IMPORT001", "IMPORT002", "TOP002", "CLASS002", "CLASS003", "NAME001"} <= rules


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (in_handler("import requests", 'return requests.get("x")'), "line 14: import of 'requests', used in line 15"),
        (in_handler("x = message.sender", ANSWER), "line 14: 'sender' of the message: a kit.Text has a content"),
        (in_handler(ANSWER).replace("-> messages.Message", "-> None"), "line 12: handler 'handle_message' answers"),
        (in_handler(ANSWER).replace("message: messages.Message", "message"), "does not say what it takes"),
        (in_handler(ANSWER).replace("messages.Message", "str"), "line 7: no handler answers a text with a text"),
        (in_handler("ctx = message", ANSWER).replace("ctx:", "context:"), "the parameter 'context' has to be called"),
        (in_handler(ASK, "return response"), "line 14: when no colleague answers, the request fails"),
        (in_handler("try:", f"    {ASK}", "finally:", "    pass", "return response"), "line 15: when no colleague"),
        (in_handler("try:", f"    {ASK}", "    return response", "finally:", "    pass"), "line 15: when no colleague"),
        (
            in_handler(
                "if random.random() < 1:", f"    {ASK}", "    x = 1", "else:", f"    {ASK}", "    x = 2", "return x"
            ),
            "lines 15, 18: when no colleague",
        ),
        (in_handler("if idea: pass", f"else: {ASK}", ANSWER), "line 15: a colleague is asked here; write it on lines"),
        (in_handler(ANSWER) + "\n\nif __name__ == '__main__':\n    pass\n", "line 17: this runs when the module is"),
        (in_handler(ANSWER) + "\n\nclass Second(RoutedAgent):\n    pass\n", "line 17: 'Second' is another agent"),
    ],
)
def test_each_construct_without_a_counterpart_has_its_sentence(source: str, sentence: str) -> None:
    assert any(sentence in one for one in adopt(source, "agent.py").unmapped)


BOUNCES = {
    "a prompt in the idea's place": [
        "if random.random() < 0.5:",
        "    own_idea = 1",
        '    idea = f"refine {idea}"',
        f"    {ASK}",
        "    idea = response.content",
        ANSWER,
    ],
    "an answer in each branch": [
        "if random.random() < 0.5:",
        f"    {ASK}",
        "    return messages.Message(content=response.content)",
        "else:",
        f"    {ANSWER}",
    ],
    "the other way round": [
        "if random.random() > 0.5:",
        f"    {ANSWER}",
        "else:",
        '    idea = f"refine {idea}"',
        f"    {ASK}",
        "    return messages.Message(content=response.content)",
    ],
    "a second try": [
        "for attempt in range(2):",
        f"    {ASK}",
        "    return messages.Message(content=response.content)",
        ANSWER,
    ],
    "a variable of both branches": [
        "if random.random() < 0.5:",
        f"    {ASK}",
        "    final = response.content",
        "elif random.random() > 2:",
        "    final = 'never'",
        "else:",
        "    final = idea",
        "return messages.Message(content=final)",
    ],
    "a loop": [
        "for attempt in range(2):",
        '    prompt, idea = idea, f"refine {idea}"',
        f"    {ASK}",
        "    idea = response.content",
        ANSWER,
    ],
    "two branches": [
        "if random.random() < 0.5:",
        f"    {ASK}",
        "    idea = response.content",
        "if random.random() < 0.5:",
        '    idea = f"again {idea}"',
        f"    {ASK}",
        "    idea = response.content",
        ANSWER,
    ],
    "no branch at all": [ASK, "idea = response.content", ANSWER],
    "one line": [f"if random.random() < 0.5: {ASK}; idea = response.content", ANSWER],
    "the author's own finally": [
        "try:",
        "    if random.random() < 0.5:",
        f"        {ASK}",
        "        idea = response.content",
        "finally:",
        "    print(idea)",
        ANSWER,
    ],
}


@pytest.mark.parametrize("lines", BOUNCES.values(), ids=BOUNCES.keys())
async def test_however_a_bounce_is_written_its_failure_does_no_harm(lines: list[str], world: World) -> None:
    adoption = adopt(in_handler(*lines), "agent.py")
    assert (refusals(adoption), adoption.unmapped) == ([], ())
    world.dice(0.0)
    assert await world.answers(adoption.source) == ["a colleague's idea"] * 3
    for colleague in ("refuses", "is nowhere"):
        world.colleague = colleague
        assert await world.answers(adoption.source) == ["my own idea"] * 3


def test_a_failure_that_the_author_took_care_of_is_left_to_the_author() -> None:
    assert "kit.MessagingError" not in adopted("careful").source


def test_many_bounces_do_not_make_a_module_many_times_as_long() -> None:
    branches = [f"{'el' * (i > 0)}if random.random() < 0.{i}:\n            {ASK}" for i in range(30)]
    source = in_handler(*branches, "else:", "    idea = 'mine'", ANSWER)
    assert len(adopt(source, "agent.py").source) < 3 * len(source)


@pytest.mark.parametrize(
    "import_line", ["from sandbox import kit", "import sandbox.kit as k", "from sandbox.kit import x"]
)
def test_a_module_on_the_kit_stays_as_it_is(import_line: str) -> None:
    source = f"{import_line}\n{source_of('agent1')}"
    adoption = adopt(source, "agent1.py")
    assert (adoption.source, adoption.changes, adoption.unmapped, adoption.difference) == (source, (), (), "")
    assert list(adoption.findings) == check_module(source, "agent1.py") != []


def test_everything_that_is_not_mapped_keeps_its_form() -> None:
    source = in_handler("x = {  'a':1 }  # why", "", "# a thought", f"{ANSWER}  ;", "").replace("\n", "\r\n")
    lines = adopt(source, "agent.py").source.split("\r\n")
    assert not any("\n" in one for one in lines)
    for kept in ("        x = {  'a':1 }  # why", "        # a thought", "        return kit.Text(content=idea)  ;"):
        assert kept in lines


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("", "Adopted from agent.py."),
        ('"""Ideas.\n\nMany.\n"""\n', "Adopted from agent.py.\n\nIdeas.\n\nMany.\n"),
        ("# by me\nr'Ideas \\d'\n", "Adopted from agent.py. Ideas \\d"),
        ("('One ' 'two')\nfrom __future__ import annotations\n", "Adopted from agent.py. One two"),
    ],
)
def test_the_docstring_tells_the_origin(docstring: str, expected: str) -> None:
    adoption = adopt(docstring + in_handler(ANSWER), "agent.py")
    assert ast.get_docstring(ast.parse(adoption.source), clean=False) == expected
    assert refusals(adoption) == []


def test_a_hostile_file_name_is_only_a_name() -> None:
    adoption = adopt(in_handler(ANSWER), 'folder/a"""\nimport os\n\x1b[31m\\.py')
    assert ast.get_docstring(ast.parse(adoption.source)) == "Adopted from a___ import os _.py."
    assert adoption.difference.count("\n@@") == 2
    assert "\x1b" not in adoption.difference


def test_a_byte_order_mark_is_no_part_of_the_module() -> None:
    assert refusals(adopt("\ufeff" + in_handler(ANSWER), "agent.py")) == []


REFUSED = {
    "no Python": ("x = 1\ndef f() = 2\n", "'agent.py' cannot be adopted: line 2: not valid Python"),
    "no class": ("x = 1\n", "write one class Agent(RoutedAgent) at the top level; there is none"),
    "no agent": ("class Agent:\n    pass\n", "there is none"),
    "two agents": (
        in_handler(ANSWER).replace("Agent(", "A(") + "\n\nclass B(RoutedAgent):\n    pass\n",
        "there are 'A', 'B'",
    ),
    "name taken": (
        in_handler(ANSWER).replace("Agent(", "A(") + "\n\nclass Agent:\n    pass\n",
        "name its class 'A' 'Agent', and no other",
    ),
    "too many bytes": ("#" * (MAX_SOURCE_BYTES + 1), f"larger than {MAX_SOURCE_BYTES} bytes"),
    "too many lines": ("#\n" * 6_000, "line 2001: the module has more than 2000 lines"),
    "nested": (in_handler("x = " + "(" * 60 + "1" + ")" * 60, ANSWER), "line 14: nested too deeply"),
    "chained": (in_handler("x = (idea", *["and idea"] * 9_000, ")", ANSWER), "more than 2000 lines"),
    "chained in a line": (in_handler("x = idea" + " and idea" * 1_000, ANSWER), "line 14: nested too deeply"),
    "strings": (in_handler("x = (''", *["''"] * 1_900, ")", ANSWER), "more than 100 text literals in a row"),
    "f-strings": (in_handler("x = (f''", *["f'{1}'"] * 200, ")", ANSWER), "more than 100 text literals in a row"),
    "patterns": (in_handler("match idea:", "    case ((((1,),),),): pass", ANSWER), "line 14: write this match"),
    "targets": (in_handler("del (((idea,),),)", ANSWER), "line 14: write this del statement without brackets"),
    "dots": (
        "import a" + ".a" * 40 + "\n" + in_handler(ANSWER),
        "line 1: the name of this module has too many dots",
    ),
    "message as a global": ("from messages import Message\n" + in_handler("global Message", ANSWER), "too unusual"),
}


@pytest.mark.parametrize(("source", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_adopted_is_one_clear_line(source: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        adopt(source, "agent.py")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.sampled_from(sorted(SOURCES.glob("*.txt"))), st.data())
def test_whatever_a_module_lacks_the_result_is_python_or_a_clear_line(path: Path, data: st.DataObject) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    left_out = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=6))
    source = "".join(line for number, line in enumerate(lines) if number not in left_out)
    try:
        adoption = adopt(source, path.name)
    except UsageError:
        return
    ast.parse(adoption.source)


@given(st.text())
def test_any_text_is_adopted_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        adopt(text, text)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("agent7.py", "agent7"),
        ("/home/me/My Agent-2.py", "my_agent_2"),
        ("7.py", "agent_7"),
        ("judge.py", "agent_judge"),
        ("\u202e.py", "agent"),
        ("x" * 100 + ".py", "x" * 64),
    ],
)
def test_the_agent_is_named_after_its_file(filename: str, name: str) -> None:
    assert persona_of(filename) == name


@given(st.text())
def test_every_file_gives_a_name_that_an_agent_may_have(filename: str) -> None:
    name = persona_of(filename)
    assert protocol.AGENT_NAME.fullmatch(name) and name not in protocol.RESERVED_NAMES
