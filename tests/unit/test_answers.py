"""However a model dresses a module up, it comes out as it was; what is no module is refused in a few words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creator.authors.answers import MAX_ANSWER, module_in
from creator.errors import InvalidAnswer

MODULE = '''\
"""Ada, who counts."""

from __future__ import annotations

from autogen_core import RoutedAgent

TEXT = """
Answer like this:
```python
class Agent:
    pass
```
~~~
# or so
~~~
"""


class Agent(RoutedAgent):
    """Counts."""

    def __init__(self, name: str) -> None:
        super().__init__("Ada")
        self._name = name
'''

PLAIN = MODULE.replace("class Agent:\n    pass", "{}")

some_words = """
    Sure here is the agent it's (with care) import from class def return Note: `code` 1. - * Enjoy "quoted" don't
    [list] {x} #1 é 🚀 \\ ~ ``
"""
words = st.sampled_from(some_words.split())
sentences = st.lists(words, min_size=2, max_size=9).map(lambda some: "So " + " ".join(some) + ".")
prose = st.lists(sentences | st.just(""), max_size=5).map("\n".join)

values = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("`~#<>\"'\\\n\t "), max_size=60)
strings = values.map(repr) | values.filter(lambda text: '"' not in text and "\\" not in text).map('"""{}"""'.format)
constants = st.tuples(st.sampled_from(["DESCRIPTION", "SECTOR: Final", "A"]), strings).map(" = ".join)
methods = strings.map("    async def say(self) -> str:\n        return {}\n".format)
modules = st.tuples(
    st.sampled_from(["", "# by a model\n", '"""An agent.\n\n```\nwith a fence\n```\n"""\n']),
    st.sampled_from(["from __future__ import annotations\n", "import json, re\n", "from sandbox import kit\n\n\n"]),
    st.lists(constants, max_size=4).map(lambda lines: "".join(line + "\n" for line in lines)),
    st.lists(methods, min_size=1, max_size=3).map(lambda some: "\nclass Agent(RoutedAgent):\n" + "\n".join(some)),
    st.sampled_from(["", "\n\ndef _helper(x: int) -> int:\n    return (\n        x\n    )\n", "\n# the end\n"]),
).map("".join)

thoughts = st.sampled_from(
    ["", "<think>\nI could write\n```python\nclass Agent: pass\n```\n</think>\n\n", "<think></think>", "So\n</think>\n"]
)
other_blocks = st.sampled_from(
    ["", "```bash\npip list\n```\n", "~~~\nimport nothing\n~~~\n", '```json\n{"a": 1}\n```\n']
)


@st.composite
def fences(draw: st.DrawFn, module: str) -> str:
    """The module in a fenced block, with other blocks and prose around."""
    mark = draw(st.sampled_from(["```", "~~~", "````", "~~~~~"]))
    language = draw(st.sampled_from(["", "python", "py", " Python 3", "python title='agent.py'"]))
    indent = draw(st.sampled_from(["", "   "]))
    closed = draw(st.booleans())
    lines = [mark + language, *module.removesuffix("\n").split("\n"), *([mark] if closed else [])]
    block = "\n".join(indent + line for line in lines)
    before = draw(prose) + "\n" + draw(other_blocks)
    after = "\n" + draw(other_blocks) + draw(prose) if closed else draw(st.sampled_from(["", "\n", "\n\n"]))
    return before + block + after


@st.composite
def bare(draw: st.DrawFn, module: str) -> str:
    """The module between prose, without fences."""
    return draw(prose) + "\n" + module + "\n" + draw(prose)


@settings(max_examples=300)
@given(st.data())
def test_a_module_comes_out_of_any_dressing_as_it_was(data: st.DataObject) -> None:
    module = data.draw(modules | st.just(MODULE))
    answer = data.draw(thoughts) + data.draw(fences(module) | bare(module))
    if data.draw(st.booleans()):
        answer = answer.replace("\n", "\r\n")
    assert module_in(answer) == module


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (f"```python\n{PLAIN}X = = 1\n```\n", f"{PLAIN}X = = 1\n"),
        ("```python\nX = 1\n```\nor\n```python\nclass Agent:\n    pass\n```\n", "class Agent:\n    pass\n"),
        ("```python\nX = 1\n```\nor\n```python\nX = 1\nY = 2\n```\n", "X = 1\nY = 2\n"),
        ("````markdown\n```python\nclass Agent:\n    pass\n```\n````\n", "class Agent:\n    pass\n"),
        ("```python\nclass Agent:\n    def f(self):\n  return 1\n```", "class Agent:\n    def f(self):\n  return 1\n"),
        ("class Agent:\n    x = 1\n\nEnjoy\n", "class Agent:\n    x = 1\n"),
        ("import json\n\nX = = 1\n\nclass Agent:\n    pass\n", "import json\n\nX = = 1\n\nclass Agent:\n    pass\n"),
    ],
    ids=[
        "broken, with a fence in a text",
        "class Agent",
        "the longest",
        "a block in a block",
        "broken code",
        "a word at the end",
        "broken and bare",
    ],
)
def test_the_part_that_is_meant_is_taken(answer: str, expected: str) -> None:
    assert module_in(answer) == expected


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "it is empty"),
        (" \r\n\t\n", "it is empty"),
        ("```python\n\n```", "its code block is empty"),
        ("I'm sorry, but I can't help with that.", "it refuses"),
        ("I would rather talk about the weather.", "it holds no Python module; it begins with 'I would rather"),
        ("# Weather\n\nIt = fine.", "holds no Python module"),
        ("<think>\nFirst, I import", "cut off before the module began"),
        ("```python\nimport json\n\nclass Agent:\n    def f(self):\n        return json.du(", "it ends in the middle"),
        ("```python\nimport json\n\nclass Agent:\n    X = '''abc", "it ends in the middle"),
        ("import json\n\nclass Agent:\n    def f(self):", "it ends in the middle, after 4 lines"),
        ("class Agent: pass\n" * (MAX_ANSWER // 10), "more than 100,000 characters"),
    ],
)
def test_what_holds_no_module_is_refused_with_a_reason(answer: str, reason: str) -> None:
    with pytest.raises(InvalidAnswer) as error:
        module_in(answer)
    assert reason in str(error.value)
    assert len(str(error.value)) < 250
    assert str(error.value).isprintable()


def test_every_cut_of_a_module_is_whole_or_refused() -> None:
    """Of a class that was cut off inside a statement, the rest is never taken for the whole."""
    whole = f"Here it is:\n\n```python\n{PLAIN}"
    for end in range(len(whole)):
        try:
            module = module_in(whole[:end])
        except InvalidAnswer:
            continue
        if "class Agent" in module:
            assert whole[:end].rstrip().endswith(module.rstrip())


HOSTILE = {
    "four million characters": "a = (" * 800_000,
    "nested brackets": "class Agent:\n    x = " + "(" * 40_000 + ")" * 40_000,
    "nested brackets in a fence": "```python\nclass Agent:\n    x = " + "[" * 90_000,
    "nested blocks": "```\n" + "\n".join(" " * depth + "if 1:" for depth in range(400)),
    "null bytes": "```python\nclass Agent:\n    x = '\x00'\n\x00\n```",
    "only fences": "```\n" * 24_000,
    "fences of every length": "\n".join("`" * length for length in range(3, 400)),
    "fences and blanks": ("```" + " " * 900 + "`\n") * 100,
    "one long line of blanks": "```" + " " * 90_000 + "`",
    "lines that start Python": "import json\n" * 8_000 + "no (Python",
    "prose that starts Python": 'class Agent(\n"' * 6_000,
    "quotes": '"""\n' * 24_000,
    "class after class": ("class Agent:\n    x = 1\n\nand then\n\n") * 2_500,
    "thoughts": "<think>a</think>" * 6_000,
    "unary operators": "class Agent:\n    x = " + "-" * 9_000 + "1",
    "escapes": "```python\nclass Agent:\n    pass  # \x1b[2J\x1b]0;x\x07\u202e\n```",
    "half characters": "```python\nclass Agent:\n    x = '\ud800'\n```",
    "blank lines": "\n" * 99_000,
    "tildes": "~" * 99_000,
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(60)
def test_hostile_answers_neither_hang_nor_break(answer: str) -> None:
    try:
        assert isinstance(module_in(answer), str)
    except InvalidAnswer as error:
        assert len(str(error)) < 250
