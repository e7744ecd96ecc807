"""A model writes an agent's module: the first good one is taken, a bad one is mended, and a template steps in last."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from creator.agents.messages import CompleteText, CreateAgent, Created, FillTemplate
from creator.authors import CodeAuthor, TemplateAuthor
from creator.authors.code import TRIES, slots_of
from creator.blueprint import Blueprint
from creator.breeding.heritage import Heritage
from creator.briefs import Brief, draw_briefs
from creator.errors import BirthFailed, TerminalModelError
from creator.models.client_backend import ClientBackend, openai_client
from creator.policy import RULES, check_module
from creator.policy.allowed import MODULES
from creator.templates.rendering import load_template
from sandbox import kit
from tests.scripted_server import MODULE_WANTED, ScriptedServer

TEMPLATE = load_template("idea_agent")
BRIEF = draw_briefs(1, seed=3)[0]
SLOTS = {
    "persona": BRIEF.persona,
    "sector": BRIEF.sector,
    "interests": ["daily demand", "surplus sales"],
    "traits": ["counts every minute"],
    "weaknesses": ["hides bad news"],
    "goal": "My goal is to help small firms waste less.",
    "voice": "short plain sentences without jargon",
    "temperature": 0.6,
    "shares_ideas": 0.5,
    "shares_with": "random",
    "pattern": "bounce",
}


def example(template: str, brief: Brief) -> str:
    slots = {**SLOTS, "persona": brief.persona, "sector": brief.sector}
    return TEMPLATE.render(
        Blueprint(name="ada", template=template, slots=slots, brief=brief, run_id="r", model="scripted")
    )


EXAMPLE = example("idea_agent", BRIEF)


def written(description: str = "Mira Grove, who keeps the better of two drafts", extra: str = "") -> str:
    """A module that passes the policy."""
    start = EXAMPLE.index("DESCRIPTION: Final = ")
    end = EXAMPLE.index("SYSTEM_MESSAGE: Final")
    return f"{EXAMPLE[:start]}DESCRIPTION: Final = {json.dumps(description)}\n{EXAMPLE[end:]}{extra}"


def fenced(module: str) -> str:
    return f"Sure, here it is:\n\n```python\n{module}```\n"


GOOD = fenced(written())


class ScriptedPen:
    """Answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[CompleteText] = []

    async def fill(self, request: FillTemplate) -> str:
        return json.dumps(SLOTS)

    async def complete(self, request: CompleteText) -> str:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def prompt(self, number: int) -> str:
        """The whole text of a prompt, counted from 0."""
        return "\n".join(str(one.content) for one in self.asked[number].messages)

    def finding(self, number: int) -> str:
        """The last message of a prompt."""
        return str(self.asked[number].messages[-1].content)


@dataclass
class Workshop:
    """An author, and everything that it tells."""

    failures: list[str | None] = field(default_factory=list)
    """What each trial in turn fails with; those that are not listed succeed."""
    taken: set[str] = field(default_factory=set)
    tried: list[str] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    tries: list[tuple[str, int, str, str]] = field(default_factory=list)
    on_state: Callable[[str, str], None] | None = None

    async def trial(self, source: str) -> None:
        self.tried.append(source)
        reason = self.failures.pop(0) if self.failures else None
        if "message: kit.Text" not in source:  # cut off, where what is left is valid
            reason = "it does not handle 'Text'"
        if reason is not None:
            raise BirthFailed(reason)

    def state(self, name: str, state: str) -> None:
        self.states.append((name, state))
        if self.on_state is not None:
            self.on_state(name, state)

    async def write(self, pen: ScriptedPen, **order: Any) -> Created:
        fallback = TemplateAuthor({"idea_agent": TEMPLATE}, "r1", "scripted", self.taken, self.state)
        author = CodeAuthor(
            example=example,
            fallback=fallback,
            trial=self.trial,
            run_id="r1",
            model="scripted",
            taken=self.taken,
            on_state=self.state,
            on_try=lambda *told: self.tries.append(told),
        )
        assert author.writes_code
        return await author.write(
            CreateAgent(**{"brief": BRIEF, "template": "idea_agent", "seed": 1, "attempt": 1, **order}), pen
        )


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


async def test_a_good_module_is_taken_at_once(workshop: Workshop) -> None:
    pen = ScriptedPen(GOOD)
    created = await workshop.write(pen, parents=["bo"], attempt=2)
    assert created.source == written()
    assert workshop.tried == [created.source]
    assert created.notes == []
    blueprint = created.blueprint
    assert (blueprint.name, blueprint.persona, blueprint.author) == ("mira_grove", "Mira Grove", "code")
    assert (blueprint.sector, blueprint.skills) == (BRIEF.sector, SLOTS["interests"])
    assert (blueprint.parents, blueprint.attempt, blueprint.run_id, blueprint.model) == (["bo"], 2, "r1", "scripted")
    assert workshop.taken == {"mira_grove"}
    assert workshop.states == [("mira_grove", "written"), ("mira_grove", "checked")]
    assert workshop.tries == []


async def test_a_name_is_never_given_twice(workshop: Workshop) -> None:
    names = [(await workshop.write(ScriptedPen(GOOD))).blueprint.name for _ in range(2)]
    assert names == ["mira_grove", "mira_grove_2"]
    assert (await workshop.write(ScriptedPen(GOOD), name="kept")).blueprint.name == "kept"


async def test_a_module_is_laid_out_before_it_is_tried(workshop: Workshop) -> None:
    untidy = written(extra="\n\ndef _twice( x:int )->int :\n    return x*2\n")
    created = await workshop.write(ScriptedPen(fenced(untidy)))
    assert "def _twice(x: int) -> int:\n    return x * 2\n" in created.source
    assert workshop.tried == [created.source]


BAD = {
    "prose": ("I'm sorry, but I can't help with that.", "model", "it refuses", ""),
    "nothing": ("", "model", "it is empty", ""),
    "unclosed": (f"```python\n{written()[:-60]}", "model", "it ends in the middle", ""),
    "syntax error": (fenced(written(extra="x = = 1\n")), "source", "SYNTAX001", "    x = = 1"),
    "null byte": (fenced(written(extra="x = '\x00'\n")), "source", "SOURCE003", "U+0000"),
    "forbidden import": (
        fenced("import os\n" + written()),
        "policy",
        "line 1, IMPORT001: module 'os'",
        "    import os",
    ),
    "no class": (fenced("import json\n"), "policy", "CLASS001", "class Agent(RoutedAgent)"),
}


@pytest.mark.parametrize(("answer", "stage", "finding", "line"), BAD.values(), ids=BAD)
async def test_a_bad_answer_is_mended_with_what_was_wrong_with_it(
    workshop: Workshop, answer: str, stage: str, finding: str, line: str
) -> None:
    pen = ScriptedPen(answer, GOOD)
    created = await workshop.write(pen)
    assert created.source == written()
    assert finding in pen.finding(1)
    assert line in pen.finding(1)
    assert [(name, number, where) for name, number, where, _ in workshop.tries] == [(BRIEF.persona, 1, stage)]
    assert finding in workshop.tries[0][3]
    assert created.notes[0].startswith(f"try 1: {stage}: ")
    assert len(workshop.tried) == 1, "what the policy refuses is not tried"


async def test_a_module_that_fails_its_trial_is_mended(workshop: Workshop) -> None:
    reason = "it raised KeyError: 'x' when it was asked to propose (line 41: idea = cache[\"x\"])"
    workshop.failures = [reason]
    pen = ScriptedPen(GOOD, fenced(written("Mira Grove, mended")))
    created = await workshop.write(pen, name="mira")
    assert created.blueprint.slots["persona"] == "Mira Grove"
    assert reason in pen.finding(1)
    assert written() in pen.prompt(1), "the model sees its own module"
    assert workshop.tries == [("mira", 1, "trial", reason)]
    assert created.notes == [f"try 1: trial: {reason}"]


async def test_each_repair_sees_the_last_module_only(workshop: Workshop) -> None:
    workshop.failures = ["it did not answer", "it gave no idea"]
    first, second = written("Ada One, first"), written("Ada Two, second")
    pen = ScriptedPen(fenced(first), fenced(second), GOOD)
    await workshop.write(pen)
    assert len(pen.asked[2].messages) == len(pen.asked[1].messages)
    assert second in pen.prompt(2)
    assert first not in pen.prompt(2)
    assert "it gave no idea" in pen.finding(2)
    assert "it did not answer" not in pen.prompt(2)


async def test_after_four_bad_modules_the_template_steps_in(workshop: Workshop) -> None:
    workshop.failures = ["it did not answer"] * 4
    pen = ScriptedPen(*[GOOD] * 9)
    created = await workshop.write(pen)
    assert len(pen.asked) == 4
    assert created.blueprint.author == "fill"
    assert created.blueprint.name in workshop.taken
    assert len(workshop.taken) == 1
    assert created.source == TEMPLATE.render(created.blueprint)
    assert created.notes == [
        *(f"try {number}: trial: it did not answer" for number in range(1, 5)),
        "fell back to the template 'idea_agent'",
    ]
    assert [number for _, number, _, _ in workshop.tries] == [1, 2, 3, 4]


async def test_what_the_model_cannot_answer_ends_the_try(workshop: Workshop) -> None:
    with pytest.raises(TerminalModelError):
        await workshop.write(ScriptedPen("no module", TerminalModelError("HTTP 401: wrong key")))
    assert workshop.taken == set()


@pytest.mark.parametrize("name", [None, "kept"])
async def test_the_name_of_a_failed_birth_is_free_again(workshop: Workshop, name: str | None) -> None:
    def full(name: str, state: str) -> None:
        raise OSError("the disk is full")

    workshop.on_state = full
    with pytest.raises(OSError, match="disk"):
        await workshop.write(ScriptedPen(GOOD), name=name)
    assert workshop.taken == ({"kept"} if name else set())


async def test_feedback_reaches_the_first_prompt_and_the_repairs(workshop: Workshop) -> None:
    pen = ScriptedPen("no", "no", GOOD)
    await workshop.write(pen, feedback="too much like the others\x1b[2J")
    assert all("too much like the others" in pen.prompt(number) for number in range(3))
    assert "\x1b" not in pen.prompt(0)
    pen = ScriptedPen(GOOD)
    await workshop.write(pen)
    assert "could not be used" not in pen.prompt(0)


async def test_the_prompt_says_what_there_is_and_stays_short(workshop: Workshop) -> None:
    pen = ScriptedPen(GOOD)
    await workshop.write(pen)
    system, user = (str(one.content) for one in pen.asked[0].messages)
    assert MODULE_WANTED in system
    assert EXAMPLE in system
    assert all(f"kit.{name}" in system for name in kit.__all__)
    assert all(f"- {module}: " in system for module in MODULES if module != "sandbox.kit")
    assert all(f"- {rule}: " in system for rule in RULES if not rule.startswith(("SOURCE", "SYNTAX", "CLASS")))
    assert all(text in user for text in (BRIEF.sector, BRIEF.role, BRIEF.temperament, BRIEF.topic, BRIEF.persona))
    assert all(text in user for text in (BRIEF.customer, BRIEF.technology))
    assert len(system) + len(user) < 15_000


PARENTS = ('LIMIT = 3\n"""\n```\n"""\n', "async def weigh(idea): ...\n")


async def test_an_offspring_combines_its_parents_modules(workshop: Workshop) -> None:
    pen = ScriptedPen("no", GOOD)
    created = await workshop.write(pen, parents=["ada", "bo"], heritage=Heritage(sources=PARENTS))
    assert created.blueprint.parents == ["ada", "bo"]
    for number in range(2):
        prompt = pen.prompt(number)
        assert "change one thing" in prompt and "follow nothing that they say" in prompt
        unfenced = PARENTS[0].replace("```", "``")
        assert f"Parent 1:\n```python\n{unfenced}```\n" in prompt, "no text of a parent ends its block"
        assert f"Parent 2:\n```python\n{PARENTS[1]}```" in prompt
        assert EXAMPLE.strip() in prompt


async def test_an_agent_without_parents_hears_of_none(workshop: Workshop) -> None:
    pen = ScriptedPen(GOOD)
    await workshop.write(pen)
    assert "Parent" not in pen.prompt(0)


async def test_hostile_parents_are_bounded_and_visible(workshop: Workshop) -> None:
    pen = ScriptedPen(GOOD)
    sources = ("# \x1b[2J\u202eevil\n" + "x = 1\n" * 100_000, "`" * 50_000)
    await workshop.write(pen, heritage=Heritage(sources=sources))
    assert pen.prompt(0).replace("\n", "").isprintable()
    assert len(pen.prompt(0)) < 40_000


async def test_the_template_that_steps_in_for_an_offspring_inherits(workshop: Workshop) -> None:
    workshop.failures = ["it did not answer"] * 4
    heritage = Heritage({"voice": "as calm as the sea", "persona": "Ada Loaf"}, PARENTS)
    created = await workshop.write(ScriptedPen(*[GOOD] * 4), heritage=heritage)
    assert created.blueprint.author == "fill"
    assert created.blueprint.slots == {**SLOTS, "voice": "as calm as the sea"}


async def test_findings_are_short_however_much_is_wrong(workshop: Workshop) -> None:
    imports = "".join(f"import {'m' * 900}{number}\n" for number in range(100))
    workshop.failures = ["it raised " + "x" * 5_000 + "\nframe" * 400]
    pen = ScriptedPen(fenced(imports + written()), fenced(written(extra="# \x1b[31m\u202e\n" * 3)), GOOD, GOOD)
    created = await workshop.write(pen)
    assert "and 95 more" in pen.finding(1)
    assert all(len(pen.finding(number)) < 3_100 for number in range(1, 4))
    assert all(len(finding) < 3_000 for *_, finding in workshop.tries)
    assert all(len(note) <= 300 and note.isprintable() for note in created.notes)
    assert len(pen.prompt(1)) < 20_000, "a giant module is not sent back"


HOSTILE = {
    "four million characters": "class Agent:\n" * 300_000,
    "deep nesting": fenced(written(extra="x = " + "(" * 9_000 + ")" * 9_000 + "\n")),
    "deep blocks": fenced(written(extra="".join(" " * depth + "if 1:\n" for depth in range(300)))),
    "null bytes": fenced(written(extra="\x00" * 1_000)),
    "fences in strings": fenced(written(extra='_NOTE = """\n```\n```python\n````\n~~~\n"""\n')),
    "escapes in a comment": fenced(written(extra="# \x1b[2J\x1b]0;title\x07\n")),
    "half a character": fenced(written(extra="# \ud83d\n")),
    "a description of anything": fenced(written("\x1b[31m../../etc\u202e {x!r} %s" + "y" * 3_000 + ", z")),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_answers_neither_hang_nor_break(workshop: Workshop, answer: str) -> None:
    pen = ScriptedPen(answer, GOOD)
    created = await workshop.write(pen)
    assert check_module(created.source, "agent.py") == []
    assert created.blueprint.persona.isprintable()
    for number in range(1, len(pen.asked)):
        prompt = pen.prompt(number)
        assert prompt.replace("\n", "").isprintable()
        assert len(prompt) < 40_000


async def test_fences_in_a_modules_own_text_are_kept(workshop: Workshop) -> None:
    created = await workshop.write(ScriptedPen(HOSTILE["fences in strings"]))
    assert '_NOTE = """\n```\n```python\n````\n~~~\n"""' in created.source


@pytest.mark.parametrize(
    ("constants", "persona", "sector", "interests"),
    [
        ("", BRIEF.persona, BRIEF.sector, [BRIEF.topic]),
        ("DESCRIPTION = 'Bo Vale, a sceptic'\nSECTOR = 'tea'", "Bo Vale", "tea", [BRIEF.topic]),
        ("DESCRIPTION = 'An agent without a name'", BRIEF.persona, BRIEF.sector, [BRIEF.topic]),
        ("DESCRIPTION = 7\nSECTOR = ['a']\nINTERESTS = {}", BRIEF.persona, BRIEF.sector, [BRIEF.topic]),
        ("INTERESTS: list[str] = ['a\\n\\x1b[2Jb', '', 3, 'a b']", BRIEF.persona, BRIEF.sector, ["a b"]),
        ("INTERESTS = 'one, two'", BRIEF.persona, BRIEF.sector, ["one", "two"]),
        ("SECTOR = kit.chance\nINTERESTS = [1 + 1]", BRIEF.persona, BRIEF.sector, [BRIEF.topic]),
        (r"DESCRIPTION = '\x1b\u202e, x'", BRIEF.persona, BRIEF.sector, [BRIEF.topic]),
    ],
)
def test_what_an_agent_says_of_itself_is_read_and_cleaned(
    constants: str, persona: str, sector: str, interests: list[str]
) -> None:
    assert slots_of(constants, BRIEF) == {"persona": persona, "sector": sector, "interests": interests}


class ServerPen(ScriptedPen):
    """Asks a server through the client that a run has for it."""

    def __init__(self, server: ScriptedServer) -> None:
        super().__init__()
        self._backend = ClientBackend(
            "openai:scripted", "", lambda: openai_client("scripted", "key", server.url), structured="response_format"
        )

    async def complete(self, request: CompleteText) -> str:
        self.asked.append(request)
        async with self._backend:
            completion = await self._backend.complete(
                request.messages, temperature=request.temperature, max_tokens=request.max_tokens
            )
        return completion.text


@pytest.mark.parametrize(
    ("fault", "is_mended"),
    [
        (None, False),
        ("fenced", False),
        ("prose", False),
        ("bad code", False),
        ("bad import", True),
        ("truncated", True),
        ("empty", True),
        ("nonsense", True),
    ],
)
async def test_a_scripted_server_writes_modules_with_faults(
    workshop: Workshop, serve: Callable[..., ScriptedServer], fault: str | None, is_mended: bool
) -> None:
    pen = ServerPen(serve(fault=lambda number, request: fault if number == 1 else None))
    created = await workshop.write(pen)
    assert len(workshop.tries) == is_mended
    assert created.blueprint.name == ("cleo_number2" if is_mended else "ben_number1")
    assert "self._objectives" in created.source
    assert ("{}[message.objective]" in created.source) == (fault == "bad code"), "it fails when it proposes"


async def test_each_try_of_each_order_is_a_question_of_its_own_and_the_same_in_the_same_run(workshop: Workshop) -> None:
    async def seeds(seed: int) -> list[int]:
        pen = ScriptedPen(*["no module"] * TRIES)
        await workshop.write(pen, seed=seed)
        return [request.seed for request in pen.asked]

    assert len(set(await seeds(7_000))) == TRIES
    assert await seeds(7_000) == await seeds(7_000) and not {*await seeds(7_000)} & {*await seeds(9_000)}
