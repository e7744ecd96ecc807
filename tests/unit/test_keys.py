"""The key of a model call: another question has another key, the same question the same."""

from __future__ import annotations

import json
from typing import Any

from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import assume, given
from hypothesis import strategies as st

from creator.models.keys import call_key, embedding_key

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
tables = st.none() | st.dictionaries(texts, values, max_size=4)
messages: st.SearchStrategy[list[LLMMessage]] = st.lists(
    st.one_of(
        st.builds(lambda text: SystemMessage(content=text), texts),
        st.builds(lambda text, source: UserMessage(content=text, source=source), texts, texts),
        st.builds(lambda text: AssistantMessage(content=text, source="assistant"), texts),
    ),
    max_size=3,
)
questions = st.fixed_dictionaries(
    {
        "model": texts,
        "messages": messages,
        "temperature": st.sampled_from([0.0, 0.5, 1.0]),
        "max_tokens": st.integers(1, 9),
        "json_schema": tables,
        "extra": tables,
        "sample": texts,
    }
)


def key(question: dict[str, Any]) -> str:
    rest = dict(question)
    return call_key(rest.pop("model"), rest.pop("messages"), **rest)


def turned(value: Any) -> Any:
    """The same value with the fields of its objects in another order."""
    if isinstance(value, dict):
        return {name: turned(one) for name, one in reversed(value.items())}
    return [turned(one) for one in value] if isinstance(value, list) else value


@given(questions, questions, st.sampled_from(sorted(["model", "messages", "temperature", "max_tokens", "sample"])))
def test_any_difference_makes_another_key(question: dict[str, Any], other: dict[str, Any], field: str) -> None:
    assume(question[field] != other[field])
    assert key({**question, field: other[field]}) != key(question)


@given(questions, tables, st.sampled_from(["json_schema", "extra"]))
def test_any_difference_in_a_table_makes_another_key(question: dict[str, Any], other: Any, field: str) -> None:
    assume(json.dumps(question[field], sort_keys=True) != json.dumps(other, sort_keys=True))
    assert key({**question, field: other}) != key(question)


@given(questions)
def test_the_order_of_fields_makes_none(question: dict[str, Any]) -> None:
    same = {**question, "json_schema": turned(question["json_schema"]), "extra": turned(question["extra"])}
    assert key(same) == key(question)
    assert len(key(question)) == 64


@given(texts, texts, texts, texts)
def test_a_text_of_another_model_has_another_key(model: str, text: str, other_model: str, other_text: str) -> None:
    assert (embedding_key(model, text) == embedding_key(other_model, other_text)) == (
        (model, text) == (other_model, other_text)
    )
