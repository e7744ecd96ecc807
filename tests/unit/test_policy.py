"""The gate: every rule refuses what it is for and lets its neighbour through; hostile input never breaks it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creator.policy import MAX_SOURCE_BYTES, RULES, Finding, check_module
from creator.policy.allowed import MODULES
from creator.policy.check import MAX_FINDINGS
from sandbox import kit

HEAD = """\
from __future__ import annotations
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit
"""
AGENT = """\
class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("x")
        self._name = name
        self._loop = 1
    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name=self._name, sector="x", skills=[])
"""
GOOD = HEAD + AGENT


def in_module(code: str) -> str:
    """The good module with more at its end."""
    return GOOD + textwrap.dedent(code)


def in_method(code: str) -> str:
    """The good module with one more method, whose body this is."""
    return (
        GOOD
        + "    async def work(self, x: object, items: list[str]) -> object:\n"
        + textwrap.indent(textwrap.dedent(code).strip("\n"), " " * 8)
    )


def of(findings: list[Finding]) -> list[str]:
    return [one.rule for one in findings]


@dataclass(frozen=True)
class Case:
    """What a rule refuses, where (a piece of the text that the finding points at), and a neighbour that passes."""

    rule: str
    refused: str | bytes
    at: str
    passes: str | bytes = GOOD


def imports(line: str) -> str:
    return HEAD + line + "\n" + AGENT


ENUM = imports("from enum import Enum, auto")
PYDANTIC = imports("from pydantic import BaseModel, ConfigDict, Field")
ALIASES = """
from typing import TypeAlias
class Note:
    next: Note | None = None
Notes = list[Note]
Mixed: TypeAlias = Notes | kit.Idea
def f(a: Notes, b: dict[str, Mixed]) -> Mixed | None:
    pass
"""
PASSING_ENUM = """\
class Base(str, Enum):
    def plain(self) -> str:
        return self.value
class Mood(Base):
    GOOD = auto()
def greet(mood: Mood = Mood.GOOD) -> None:
    pass
"""
PASSING_PYDANTIC = """\
class Score(BaseModel, frozen=True):
    model_config = ConfigDict(extra="forbid")
    value: float = Field(default=0.5, ge=0)
    notes: list[str] = Field(default_factory=lambda: ["none"])
"""
MESSAGES = imports(
    "from autogen_agentchat.agents import AssistantAgent\nfrom autogen_agentchat.messages import StructuredMessage"
)
PASSING_MESSAGES = """\
    def f(self, x: StructuredMessage[kit.Idea] | None, y: AssistantAgent) -> StructuredMessage:
        if isinstance(x, StructuredMessage) or isinstance(x, (str, StructuredMessage)):
            return StructuredMessage[kit.Idea](content=x, source="x")
        match x:
            case StructuredMessage():
                pass
        AssistantAgent("x", model_client=y)
        AssistantAgent("x", output_content_type=None)
        return AssistantAgent("x", output_content_type=kit.Idea)
"""

CASES = [
    Case("SOURCE001", GOOD + "#\n" * (MAX_SOURCE_BYTES // 2), "from", GOOD + "#\n" * 1_000),
    Case("SOURCE002", GOOD.encode() + b"# \xff", "from", GOOD.encode() + "# é".encode()),
    Case("SOURCE002", "# coding: utf-7\n" + GOOD, "# coding", "# -*- coding: utf-8 -*-\n" + GOOD),
    Case(
        "SOURCE002", "#!/x\n# vim: set fileencoding=latin-1 :\n" + GOOD, "# vim", "#!/x\n# vim: set fenc=x :\n" + GOOD
    ),
    Case("SOURCE002", in_module("X = '\ud800'"), "from", in_module(r"X = '\ud800'")),
    Case("SOURCE003", in_module("X = 'a\x00'"), "\x00", in_module(r"X = 'a\x00'")),
    Case("SOURCE003", in_module("X = 'a\u202e'"), "\u202e", in_module(r"X = 'a\u202e'")),
    Case("SOURCE003", in_module("X = 1 # \rimport os"), "\r", in_module("X = 1\n").replace("\n", "\r\n")),
    Case("SOURCE003", "\ufeff" + GOOD, "\ufeff"),
    Case("SOURCE004", in_module("X = " + "(" * 45 + ")" * 45), "(" * 5, in_module("X = " + "(" * 20 + "1" + ")" * 20)),
    Case("SOURCE004", in_module("X = 1  #" + "a" * 9_992 + "b"), "b", in_module("X = 1  #" + "a" * 9_992)),
    Case("SYNTAX001", in_module("def :\n"), ":\n", in_module("def f() -> None:\n    pass\n")),
    Case("SYNTAX001", in_method("yield from x"), "yield", in_method("yield x")),
    *(
        Case("LITERAL001", in_method(f"y = {refused}"), at, in_method(f"y = {passes}"))
        for refused, at, passes in (
            ("'x' * 10**9", "'x' *", "'x' * 50_000"),
            ("10**9 * b'x'", "10**9 *", "3 * b'x'"),
            ("[0] * 10**9", "[0] *", "[0] * 10_000"),
            ("(0, 1) * 30_000", "(0, 1)", "(0, 1) * 20_000"),
            ("('x' * 300) * 300", "('x'", "('x' * 300) * 100"),
            ("10 ** 10**6", "10 **", "10 ** 60"),
            ("(-7) ** 99", "(-7)", "(-1) ** 10**60"),
            ("1 << 10**9", "1 <<", "1 << 200"),
            ("9 ** 9 ** 9", "9 ** 9 ** 9", "2 ** -1000"),
            ("pow(10, 10**6)", "pow", "pow(10, 10**6, 7)"),
            ("(2 ** 200) * (2 ** 200)", "(2 ** 200) *", "2 ** 100 * 2 ** 100"),
            ("x.ljust(10**9)", "x.ljust", "x.ljust(80)"),
            ("x.zfill(-(-10**9))", "x.zfill", "x.zfill(~-8)"),
            ("bytes(10**9)", "bytes", "bytes(16)"),
            ("range(10**9)", "range", "range(10**6)"),
            ("range(-10**9, 0)", "range", "range(10**9, 0)"),
            ("range(0, -10**9, -1)", "range", "range(0, 10**9, 10**5)"),
            ("[z for z in range(1, 10**9, 2)]", "range", "[z for z in range(1, 10**9, 0)]"),
            ("f'{x:>1000000000}'", "f'", "f'{x:>0080.3f} {x:>{x}}'"),
            ("f'{x:.000060000f}'", "f'", "f'{x} 1000000000'"),
            ("1" * 65, "1" * 65, "1" * 64),
            ("0x" + "f" * 9_000, "0x", "0xffff_ffff"),
            ("[" + "1," * 1_001 + "]", "[1", "[" + "1," * 1_000 + "]"),
            ("{" + "1," * 1_001 + "}", "{1", "{" + "1," * 1_000 + "}"),
            ("{" + "1:2," * 1_001 + "}", "{1", "{" + "1:2," * 1_000 + "}"),
            ("(" + ("'" + "a" * 99 + "'\n") * 506 + ")", "'" + ("a" * 99 + "'\n        '") * 505, "1 / 0 * 10"),
        )
    ),
    Case("LITERAL001", in_module("X = 2 ** 10**6"), "2 **", in_module("X = 2 ** 16 + (1 << 8)\nY = '-' * 40")),
    Case("IMPORT001", imports("import os"), "import os", imports("import math")),
    Case("IMPORT001", imports("from os import path"), "from os", imports("from math import floor")),
    Case("IMPORT001", imports("import sandbox.kit"), "import sandbox", imports("import sandbox.kit as tools")),
    Case("IMPORT001", imports("from creator import world"), "from creator", imports("import asyncio")),
    Case(
        "IMPORT001",
        imports("from sandbox.model_client import x"),
        "from sandbox.m",
        imports("from sandbox.kit import Idea"),
    ),
    Case("IMPORT002", imports("from json import codecs"), "from json", imports("from json import dumps")),
    Case(
        "IMPORT002",
        imports("from dataclasses import make_dataclass"),
        "from data",
        imports("from dataclasses import field"),
    ),
    Case("IMPORT002", in_method("return kit._settings"), "kit._settings", in_method("return kit.chance(0.5)")),
    Case(
        "IMPORT002",
        imports("import asyncio") + "    def f(self) -> None:\n        asyncio.create_subprocess_exec()\n",
        "asyncio.create",
        imports("import asyncio") + "    async def f(self) -> None:\n        await asyncio.sleep(1)\n",
    ),
    Case("IMPORT003", imports("from . import other"), "from . ", imports("from math import pi")),
    Case("IMPORT003", imports("from math import *"), "from math", imports("from math import pi")),
    Case("IMPORT004", in_method("import math\nreturn math.pi"), "import math"),
    Case("IMPORT005", in_method("tools = kit"), "kit", in_method("tool = kit.chance")),
    Case("IMPORT005", in_method("kit.chance = x"), "kit.chance = x", in_method("self.chance = x")),
    Case("IMPORT005", in_method("RoutedAgent.x = x"), "RoutedAgent.x", in_method("self.x = x")),
    Case("NAME001", in_method("eval('1')"), "eval", in_method("str(1)")),
    Case("NAME001", imports("from sandbox import kit as __builtins__"), "from sandbox import kit as"),
    Case("NAME001", in_method("f = open"), "open", in_method("f = max")),
    Case("NAME001", in_method("return __builtins__"), "__builtins__", in_method("return 1")),
    Case("NAME001", in_method("__import__('os')"), "__import__"),
    Case(
        "NAME001",
        in_module("def __getattr__(n):\n    return 1\n"),
        "def __getattr__",
        in_module("def get(n):\n    return 1\n"),
    ),
    Case(
        "NAME001",
        GOOD + "    def __init_subclass__(cls) -> None:\n        pass\n",
        "def __init_subclass__",
        GOOD + "    def __repr__(self) -> str:\n        return 'x'\n",
    ),
    Case("NAME002", in_method("pr\u0456ce = 1  # a Cyrillic letter"), "pr\u0456ce", in_method("price = 1  # é")),
    Case("NAME003", in_method("kit = x"), "kit = x", in_method("kits = x")),
    Case("NAME003", in_method("self = x"), "self = x", in_method("other = x")),
    Case("NAME003", imports("from math import pi as kit"), "from math", imports("from math import pi as circle")),
    Case("NAME004", in_method("global x"), "global", in_method("y = 1")),
    Case("ATTR001", in_method("return x.__class__"), "x.__class__", in_method("return type(x).__name__")),
    Case("ATTR001", in_method("return self.__dict__"), "self.__dict__", in_method("return self._name")),
    Case("ATTR001", in_method("return x._loop"), "x._loop", in_method("return self._loop")),
    Case("ATTR001", in_method("return self._runtime"), "self._runtime"),
    Case("ATTR001", in_method("return self._other"), "self._other", in_method("self._other = 1\nreturn self._other")),
    Case(
        "ATTR001",
        in_method("match x:\n    case object(__class__=y):\n        pass"),
        "object(__class__",
        in_method("match x:\n    case str(y):\n        pass"),
    ),
    Case("ATTR002", in_method("return (i for i in x).gi_frame"), "(i for", in_method("return [i for i in items]")),
    Case("ATTR002", in_method("self.runtime.stop()"), "self.runtime", in_method("self.rhythm = 1")),
    Case("ATTR002", in_method("kit.Idea.parse_file('x')"), "kit.Idea.parse", in_method("kit.Idea.model_validate(x)")),
    Case("CALL001", in_method("getattr(x, 'a' + 'b')"), "getattr", in_method("getattr(x, 'title')")),
    Case("CALL001", in_method("get = getattr"), "getattr", in_method("get = len")),
    Case("ATTR001", in_method("getattr(x, '__class__')"), "getattr", in_method("hasattr(x, 'name')")),
    Case("CALL002", in_method("type('X', (), {})"), "type(", in_method("type(x) is str")),
    Case("CALL002", in_method("super(RoutedAgent, self)"), "super(R", in_method("super().__init__('x')")),
    Case("CALL002", in_method("iter(int, 1)"), "iter", in_method("iter(items)")),
    Case("CALL002", in_method("make = type(int)"), "type(", in_method("text = f'{type(x)} {type(x).__name__}'")),
    Case("CALL002", in_method("type[int]('X', (), {})"), "type[", in_module("def f(a: type[int]) -> None:\n    pass")),
    Case(
        "CALL002",
        imports("from typing import TypedDict")
        + "    def f(self):\n        return TypedDict('X', {'a=evil()': int})\n",
        "TypedDict(",
        imports("from typing import TypedDict") + "class X(TypedDict):\n    a: int\n",
    ),
    Case(
        "CALL002",
        imports("import typing") + "    def f(self):\n        return typing.NamedTuple('X', [('a', 'evil()')])\n",
        "typing.NamedTuple",
        imports("import typing") + "class X(typing.NamedTuple):\n    a: int\n",
    ),
    *(
        Case("CALL002", MESSAGES + f"    def f(self, x):\n        {code}\n", at, MESSAGES + PASSING_MESSAGES)
        for code, at in (
            ("StructuredMessage['evil()']", "StructuredMessage["),
            ("StructuredMessage[x]", "StructuredMessage["),
            ("y = StructuredMessage", "StructuredMessage\n"),
            ("AssistantAgent('x', output_content_type='evil()')", "AssistantAgent("),
            ("AssistantAgent('x', **x)", "AssistantAgent("),
            ("y = AssistantAgent", "AssistantAgent\n"),
        )
    ),
    Case(
        "CALL003",
        in_method("'{0.__class__}'.format(x)"),
        "'{0.",
        in_method("'{0} {name:>{width}}'.format(x, name=1, width=2)"),
    ),
    Case("CALL003", in_method("'{:{0[a]}}'.format(x)"), "'{:{0", in_method("'{}'.format(x)")),
    Case("CALL003", in_method("x.format(self)"), "x.format", in_method("f'{x!r}'")),
    Case("CALL003", in_method("f = '{}'.format"), "'{}'", in_method("f = '{}'.format(1)")),
    Case("TOP001", in_module("print('hi')"), "print", in_module("'a remark'")),
    Case("TOP001", in_module("while True:\n    pass"), "while", in_module("X = 1")),
    Case("TOP001", in_module("if kit:\n    pass"), "if kit"),
    Case("TOP001", in_module("Agent.x = 1"), "Agent.x", in_module("x = 1")),
    Case("TOP001", GOOD + "    for i in range(3):\n        pass\n", "for i", GOOD + "    limit = 3\n"),
    Case("TOP002", in_module("X = [0] * 10**10"), "[0]", in_module("X = 60 * 60 * 24")),
    Case("TOP002", in_module("X = kit.chance(1)"), "kit.chance", in_module("X = frozenset({'a', 'b'})")),
    Case(
        "TOP002", in_module("X = [i for i in range(9)]"), "[i for", in_module("X = ['a', -1, ('b', 2.5), {'k': None}]")
    ),
    Case("TOP002", in_module("X = f'{kit}'"), "f'", in_module("X = 'a' + 'b'")),
    Case("TOP002", in_module("def f(a=print(1)):\n    pass"), "print", in_module("def f(a=1):\n    pass")),
    Case(
        "TOP002",
        in_module("def d(f):\n    pass\n@d\ndef g():\n    pass"),
        "d\ndef g",
        imports("from dataclasses import dataclass") + "@dataclass(frozen=True)\nclass P:\n    x: int = 0\n",
    ),
    Case("TOP002", in_module("class B(print(1)):\n    pass"), "print", in_module("class B(Exception):\n    pass")),
    Case("TOP002", in_module("class B(metaclass=kit):\n    pass"), "kit):", in_module("class B:\n    pass")),
    Case(
        "TYPE001",
        in_module("def f(a: '__import__(\"os\")'):\n    pass"),
        "'__import__",
        in_module("def f(a: list[str] | None):\n    pass"),
    ),
    Case(
        "TYPE001",
        in_module("X: list['evil()'] = []"),
        "list[",
        imports("from typing import Literal") + "X: Literal['a', 'b'] = 'a'\n",
    ),
    Case("TYPE001", in_module("def f() -> print(1):\n    pass"), "print", in_module("def f() -> kit.Idea:\n    pass")),
    Case(
        "TOP002",
        imports("from enum import Enum") + "class E(Enum):\n    A = 1\n    def __init__(self, x):\n        print(x)\n",
        "def __init__(self, x)",
        imports("from enum import Enum") + "class E(Enum):\n    A = 1\n    def __str__(self):\n        return 'x'\n",
    ),
    Case(
        "TOP002",
        in_module("class P:\n    @x.setter\n    def y(self, z):\n        pass"),
        "x.setter",
        in_module(
            "class P:\n    @property\n    def y(self):\n        pass\n    @y.setter\n    def y(self, z):\n        pass"
        ),
    ),
    Case("TYPE001", in_module("X = 'evil()'\ndef f(a: X) -> None:\n    pass"), "X) ->", in_module(ALIASES)),
    Case("TYPE001", in_module("class C:\n    X = 'evil()'\ndef f(a: C.X) -> None:\n    pass"), "C.X"),
    Case("TYPE001", in_module("X = int\nX = 'evil()'\ndef f(a: X) -> None:\n    pass"), "X) ->"),
    Case("TYPE001", in_module("class X:\n    pass\nX = 'evil()'\ndef f(a: X) -> None:\n    pass"), "X) ->"),
    Case("TYPE001", in_module("def f(a: missing) -> None:\n    pass"), "missing"),
    *(
        Case("TOP002", ENUM + code, at, ENUM + PASSING_ENUM)
        for code, at in (
            ("class E(Enum):\n    _generate_next_value_ = lambda *x: kit.chance(1)\n    A = auto()\n", "_generate"),
            ("class M:\n    pass\nclass E(M, Enum):\n    A = 1\n", "M, Enum"),
            ("class E(bytes, Enum):\n    A = 10**12\n", "bytes, Enum"),
            (
                "class M(Enum):\n    pass\nclass E(M):\n    A = 1\n    def __init__(self):\n        pass\n",
                "def __init__",
            ),
            ("Base = Enum\nclass E(Base):\n    A = 1\n", "Base):"),
            ("class E(Enum):\n    A = 1\n    @property\n    def b(self):\n        pass\nX = E.A.b\n", "E.A.b"),
            ("class E(Enum):\n    A = 1\nX = E.A\nY = X.b\n", "X.b"),
            (
                "class E(Enum):\n    A = 1\n    def setter(self, f):\n        pass\n"
                "class C:\n    y = E.A\n    @y.setter\n    def y(self):\n        pass\n",
                "y.setter",
            ),
        )
    ),
    *(
        Case("TOP002", PYDANTIC + code, at, PYDANTIC + PASSING_PYDANTIC)
        for code, at in (
            ("class M(BaseModel):\n    model_config = ConfigDict(alias_generator=lambda x: x)\n", "ConfigDict(a"),
            ("class M(BaseModel):\n    model_config = ConfigDict({'a': 1})\n", "ConfigDict({"),
            ("class M(BaseModel):\n    model_config = {'alias_generator': str}\n", "model_config"),
            ("class M(BaseModel, alias_generator=str):\n    a: int\n", "str):\n    a"),
            ("class M(BaseModel):\n    class Config:\n        alias_generator = str\n", "class Config"),
            ("class M(BaseModel):\n    class model_config:\n        pass\n", "class model_config"),
            ("class M(BaseModel):\n    a: int = Field(field_title_generator=lambda x, y: x)\n", "Field(f"),
        )
    ),
    Case(
        "TOP002",
        in_module("class P:\n    @classmethod\n    @property\n    def y(cls):\n        pass\nX = P.y"),
        "property",
        in_module("class P:\n    y = 1\n    @classmethod\n    def z(cls):\n        pass\nX = P.y"),
    ),
    Case("TOP003", in_method("class C:\n    pass"), "class C", in_module("class C:\n    class D:\n        pass")),
    Case("CLASS001", HEAD, "from"),
    Case("CLASS001", in_module("Agent = 1"), "Agent = 1", in_module("Other = 1")),
    Case("CLASS001", in_module("class Agent(RoutedAgent):\n    pass"), "class Agent(RoutedAgent):\n    pass"),
    Case("CLASS002", GOOD.replace("Agent(RoutedAgent)", "Agent(RoutedAgent, kit.Idea)"), "class Agent"),
    Case(
        "CLASS002",
        GOOD.replace("class Agent(RoutedAgent)", "class RoutedAgents:\n    pass\nclass Agent(RoutedAgents)"),
        "class Agent(R",
    ),
    Case("CLASS003", GOOD.replace("self, name: str", "self, title: str"), "def __init__"),
    Case("CLASS003", GOOD.replace("name: str", "name: str = 'x'"), "def __init__"),
    Case("CLASS003", GOOD.replace("super().__init__", "print"), "def __init__"),
    Case("CLASS004", GOOD.replace("    @message_handler\n", ""), "class Agent"),
    Case("CLASS005", GOOD.replace("async def introduce", "def introduce"), "def introduce"),
    Case("CLASS005", GOOD.replace("message: kit.Hello, ctx", "msg: kit.Hello, ctx"), "async def intro"),
    Case("CLASS006", GOOD.replace(" -> kit.Introduction", ""), "async def intro"),
    Case("CLASS006", GOOD.replace("message: kit.Hello", "message"), "async def intro"),
    Case("CLASS006", GOOD.replace("ctx: MessageContext", "ctx: str"), "async def intro"),
    Case(
        "FLOW001", in_method("while True:\n    x = 1"), "while", in_method("while True:\n    await self.work(x, items)")
    ),
    Case(
        "FLOW001",
        in_method("while 1:\n    async def f():\n        await x"),
        "while 1",
        in_method("while items:\n    items.pop()"),
    ),
    *(
        Case("FLOW001", in_method(f"while {test}:\n    x = 1"), "while", in_method(f"while {other}:\n    x = 1"))
        for test, other in (
            ("not False", "not x"),
            ("not not 1", "not 1"),
            ("x or True", "x or 0"),
            ("True and 'x'", "True and x"),
            ("[x]", "[*items]"),
            ("{1: x}", "{**x}"),
            ("1 == 1", "1 == 2"),
            ("1 is not 2", "1 < 'a'"),
            ("(y := 1)", "(y := x)"),
            ("-1", "-0"),
            ("1 if x else 2", "1 if x else 0"),
            ("1 if True else 0", "1 if None else 0"),
            ("lambda: 0", "items"),
            ("f'{x} '", "f'{x}'"),
        )
    ),
    Case(
        "FLOW001",
        in_method("while True:\n    x = [lambda: 1 for y in items]"),
        "while",
        in_method("while True:\n    x = [y async for y in items]"),
    ),
    Case("FLOW001", in_method("while 1:\n    lambda: 1"), "while", in_method("while (await x) or True:\n    x = 1")),
    Case(
        "FLOW002",
        in_method("try:\n    pass\nexcept:\n    pass"),
        "except",
        in_method("try:\n    pass\nexcept ValueError:\n    pass"),
    ),
    Case("FLOW002", in_method("raise SystemExit"), "SystemExit", in_method("raise ValueError('x')")),
    Case("FLOW002", in_method("try:\n    pass\nexcept BaseException:\n    pass"), "BaseException"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}-{number}" for number, case in enumerate(CASES)])
def test_a_rule_refuses_with_line_and_column(case: Case) -> None:
    findings = check_module(case.refused, "agent.py")
    assert case.rule in of(findings), findings
    finding = next(one for one in findings if one.rule == case.rule)
    text = case.refused.decode("utf-8", "replace") if isinstance(case.refused, bytes) else case.refused
    index = text.rindex(case.at)
    if case.at == "from":
        index = 0
    assert finding.line == text.count("\n", 0, index) + 1
    assert finding.column == index - text.rfind("\n", 0, index)
    assert str(finding).startswith(f"agent.py:{finding.line}:{finding.column}: {case.rule} ")
    assert len(finding.message) > 15


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}-{number}" for number, case in enumerate(CASES)])
def test_a_rule_lets_its_neighbour_through(case: Case) -> None:
    assert check_module(case.passes, "agent.py") == []


def test_every_rule_has_an_example() -> None:
    assert {case.rule for case in CASES} == set(RULES)


def test_findings_are_sorted_and_bounded() -> None:
    findings = check_module(in_method("eval(open)\n" * 500 + "é = exec; globals()"), "agent.py")
    assert len(findings) == MAX_FINDINGS
    assert [(one.line, one.column) for one in findings] == sorted((one.line, one.column) for one in findings)


def test_columns_count_characters() -> None:
    (finding,) = check_module(in_method("x = '陈🚀é' + eval"), "agent.py")
    assert finding.column == len("        x = '陈🚀é' + ") + 1


def test_messages_cannot_carry_a_hostile_text() -> None:
    findings = check_module(in_method(f"x.__{'e' * 10_000}__\nx.__ﬁ_é__\ngetattr(x, '__\x1b[2J\u202e__')"), "a.py")
    for finding in findings:
        assert finding.message.isascii()
        assert finding.message.isprintable()
        assert len(finding.message) < 400


def test_a_module_as_a_person_would_write_it_passes() -> None:
    source = '''"""A tinkerer."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_core import MessageContext, RoutedAgent, message_handler
from pydantic import BaseModel, Field

from sandbox import kit

WORDS: Final = frozenset({"a", "b"})
PATTERN = re.compile(r"[a-z]+\\d")
SECONDS = 2 * 60
MOOD: Literal["good", "bad"] = "good"


class Mood(Enum):
    """How it goes."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Note:
    """A remark."""

    text: str
    tags: list[str] = field(default_factory=list)


class Score(BaseModel):
    """A number with bounds."""

    value: float = Field(default=0.5, ge=0, le=1)


def best(notes: list[Note], limit: int = 3) -> list[str]:
    """The first few."""
    return [f"{number}: {note.text!r}" for number, note in enumerate(notes[:limit], start=1)]


class Agent(RoutedAgent):
    """Tries twice and picks one."""

    def __init__(self, name: str) -> None:
        super().__init__("A tinkerer")
        self._name = name
        self._seen: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self._model_client = kit.model_client(self, temperature=0.5)

    @property
    def seen(self) -> int:
        """How many."""
        return sum(self._seen.values())

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        """Say hello."""
        return kit.Introduction(name=self._name, sector="tinkering", skills=[Mood.GOOD.value])

    @message_handler
    async def propose(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal:
        """Propose."""
        async with self._lock:
            self._seen[message.objective] = self._seen.get(message.objective, 0) + 1
        try:
            async with asyncio.timeout(SECONDS):
                ideas = await asyncio.gather(self._try(message, ctx), self._try(message, ctx))
        except (ValueError, TimeoutError) as error:
            raise RuntimeError(f"no idea: {type(error).__name__}") from error
        ideas = sorted(ideas, key=lambda idea: len(idea.title))
        json.dumps({"title": ideas[0].title, "words": sorted(WORDS)})
        return kit.Proposal(idea=ideas[0])

    async def _try(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Idea:
        delegate = AssistantAgent(
            name=self._name, model_client=self._model_client, output_content_type=kit.Idea
        )
        task = TextMessage(content=kit.proposal_task(message), source="user")
        return kit.idea_from(await delegate.run(task=task, cancellation_token=ctx.cancellation_token))
'''
    assert check_module(source, "agent.py") == []


def test_the_allowlist_has_what_the_kit_has_and_what_modules_have() -> None:
    assert MODULES["sandbox.kit"] == set(kit.__all__)
    for module, names in MODULES.items():
        loaded = __import__(module, fromlist=["x"])
        assert not [name for name in names if not hasattr(loaded, name)], module


BOMBS = {
    "brackets": "(" * 100_000,
    "closed brackets": "[" * 50_000 + "]" * 50_000,
    "braces in error": "{" * 30 + "a:" + "(" * 9 + "f(x for x in",
    "minus": "X = " + "-" * 100_000 + "1",
    "not": "X = " + "not " * 50_000 + "1",
    "await": "async def f():\n    " + "await " * 50_000 + "x",
    "attributes": "X = a" + ".b" * 100_000,
    "calls": "X = a" + "()" * 100_000,
    "indexes": "X = a" + "[0]" * 60_000,
    "sums": "X = " + "1+" * 100_000 + "1",
    "powers": "X = " + "2**" * 60_000 + "2",
    "conditionals": "X = " + "1 if 1 else " * 30_000 + "1",
    "lambdas": "X = " + "lambda: " * 40_000 + "1",
    "comparisons": "X = " + "1<" * 100_000 + "1",
    "elifs": "if a:\n    b\n" + "elif a:\n    b\n" * 20_000,
    "indents": "".join("\t" * number + "if a:\n" for number in range(99)) + "\t" * 99 + "b",
    "many indents": "".join(" " * number + "if a:\n" for number in range(700)) + " " * 700 + "b",
    "digits": "X = " + "9" * 100_000,
    "names": "X = " + "a," * 190_000,
    "f-strings": "X = f'{" + "(" * 300 + "}'",
    "nested f-strings": "X = f\"\"\"{f'''{f'{1:{2:{3:{4}}}}'}'''}\"\"\"",
    "strings": "X = (" + "'a' " * 90_000 + ")",
    "decorators": "@a\n" * 90_000 + "def f(): pass",
    "backslashes": "\\\n" * 190_000,
    "unterminated": "X = '''" + "a" * 300_000,
    "line ends": "\n" * 390_000,
    "carriage returns": "\r" * 390_000,
    "huge line": "X = '" + "é" * 190_000 + "'; eval(1)",
    "with": "with (" * 30 + "a",
    "walrus": "(a:=" * 38 + "1" + ")" * 38,
    "stars": "X = " + "*" * 10_000,
    "semicolons": "a=1;" * 90_000,
    "matches": "match x:\n    case " + "[" * 38 + "]" * 38 + ":\n        pass",
    "too long": "#" * 50_000_000,
    "null": "\x00",
    "utf-7": "# coding: utf_7\n+AGkAbQBwAG8AcgB0- os",
    "utf-16": GOOD.encode("utf-16"),
    "binary": bytes(range(256)),
    "empty": "",
    "form feed": "\x0c#coding:utf-7\n",
    "surrogates": "\ud800" * 1_000,
    "bad cookie": "# coding: \x85",
    "complex escapes": "X = '\\N{LATIN SMALL LETTER A' + '\\x'",
    "old octal": "X = 0777",
    "warning": "X = '\\d' is 'x'",
}

REPEATED = [
    "-",
    "not ",
    ".b",
    "()",
    "[0]",
    "+1",
    "**2",
    " if 1 else 1",
    "lambda: ",
    "<1",
    ",a",
    "'a' ",
    "(",
    "[",
    "{1:",
    "*",
]
for piece in REPEATED:  # below the bound of a line, and on many lines
    start = "" if piece in {"-", "not ", "lambda: ", "(", "[", "{1:", "*", "'a' "} else "a"
    BOMBS[f"{piece!r} on a line"] = f"X = {start}" + piece * (9_900 // len(piece)) + ("" if start else "1")
    BOMBS[f"{piece!r} on lines"] = f"X = ({start}" + f"{piece}\n" * (390_000 // (len(piece) + 1)) + ")"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_hostile_input_is_refused_in_bounded_time(bomb: str | bytes) -> None:
    assert check_module(bomb, "agent.py")


TOKENS = [
    "import",
    "os;",
    "sys",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "=",
    "==",
    "->",
    "@",
    "*",
    "**",
    "+",
    "-",
    "'a'",
    '"b"',
    "f'{x}'",
    "#",
    "\\",
    "\n",
    "\t",
    "None",
    "x",
    "self",
    "_x",
    "__x__",
    "kit",
    "Agent",
    "class",
    "def",
    "async",
    "await",
    "lambda",
    "for",
    "in",
    "if",
    "else",
    "while",
    "True",
    "try",
    "except",
    "with",
    "as",
    "match",
    "case",
    "global",
    "return",
    "yield",
    "getattr",
    "type",
    "super",
    "eval",
    "�",
    "\x00",
    "\u202e",
    "é",
    "🚀",
]


@given(st.text(st.characters()) | st.binary() | st.lists(st.sampled_from(TOKENS)).map(" ".join))
@settings(deadline=None)
def test_it_never_raises(source: str | bytes) -> None:
    assert check_module(source, "agent.py")


@given(st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join), st.integers(0, len(GOOD)))
@settings(deadline=None)
def test_it_never_raises_on_broken_modules(piece: str, position: int) -> None:
    for finding in check_module(GOOD[:position] + piece + GOOD[position:], "agent.py"):
        assert finding.rule in RULES
        assert finding.line >= 1
        assert finding.column >= 1


def test_a_long_dotted_name_is_refused_before_it_is_parsed() -> None:
    name = "a" + ".\\\na" * 60_000
    (finding,) = check_module(f"import {name}\n", "m.py")
    assert finding.rule == "SOURCE004"
