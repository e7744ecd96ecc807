"""Structured answers of a small model: slot by slot, in prose, held by grammars; our code builds the object.

Asked for a whole JSON object, a model of 135 million parameters gives valid nonsense. It does continue a good
beginning sensibly, so each long slot starts with one, and each short slot follows four examples. Names, numbers and
whatever else it cannot choose are drawn by our code.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage

from creator.errors import InvalidAnswer
from creator.models.agent_work import work_facts
from creator.models.backend import Completion
from creator.models.filling import TRIES, Filler, FillRequest, parse_object
from creator.models.hints import with_facts
from creator.models.plain_words import plain_grammar
from creator.wording import is_degenerate, words_of

SAMPLING: Final[Mapping[str, Any]] = {
    "min_p": 0.1,
    "top_p": 0.95,
    "top_k": 40,
    "repeat_penalty": 1.05,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 4,
    "dry_penalty_last_n": 512,
    "cache_prompt": True,
}
SENTENCE_TEMPERATURE: Final = 0.3
PHRASE_TEMPERATURE: Final = 0.5
SENTENCE_TOKENS: Final = 90
PHRASE_TOKENS: Final = 32
TEXT_TOKENS: Final = 130
TEXT_SENTENCES: Final = 4
ITEM_WORDS: Final = 4
SYSTEM_CHARACTERS: Final = 900
ASKED_CHARACTERS: Final = 700
FACT_CHARACTERS: Final = 400
"""A call has 640 tokens of context; no single fact may fill it."""

_LOOSE_END: Final = re.compile(
    r"(?:\s+(?:the|a|an|of|to|for|and|or|but|with|in|on|that|which|who|what|is|are|be|as|by|from|at|they|you|we|"
    r"their|your|our|its|not|the most|most|next|more|own|other|new|each|these|very|really|also|if|when|can|will|have|"
    r"has))+$"
)

_DEFAULT_ASK: Final = "Sector: {sector}. Topic: {topic}."
_DEFAULT_SYSTEM: Final = "You write short, concrete sentences about business."


class SlotFiller(Filler):
    """For small models: one call a slot, guided by the schema's ``x-fill`` hints."""

    async def fill(self, agent: str, request: FillRequest) -> str:
        """Fill the slots in the order of their hints; each filled slot is a fact for the next."""
        draw = random.Random(request.seed)
        facts = {name: str(value)[:FACT_CHARACTERS] for name, value in request.facts.items()}
        facts |= work_facts(facts, draw)
        values: dict[str, Any] = {}
        for slot, hint in request.hints.items():
            value = await self._slot(agent, _fitting(hint, facts), facts, draw)
            if value in ("", []):
                raise InvalidAnswer(f"the model left {slot!r} empty")
            values[slot] = value
            facts[slot] = (", ".join(value) if isinstance(value, list) else str(value))[:FACT_CHARACTERS]
        ordered = {slot: values[slot] for slot in request.json_schema.get("properties", {}) if slot in values}
        text = json.dumps(ordered, ensure_ascii=False)
        parse_object(text, request.json_schema)
        return text

    async def text(
        self, agent: str, messages: Sequence[LLMMessage], *, temperature: float, max_tokens: int, seed: int
    ) -> Completion:
        """A few sentences, none of them twice; of a prompt that is too long the beginning and the end."""
        completion = await self._calls.complete(
            agent,
            _shortened(messages),
            temperature=min(temperature, PHRASE_TEMPERATURE),
            max_tokens=min(max_tokens, TEXT_TOKENS),
            extra={**SAMPLING, "seed": seed % 2**31},
        )
        return replace(completion, text=few_sentences(completion.text))

    async def _slot(self, agent: str, hint: Mapping[str, Any], facts: Mapping[str, str], draw: random.Random) -> Any:
        match hint["kind"]:
            case "fact":
                return facts.get(hint["fact"], "")
            case "choice":
                chosen = draw.choice(hint["from"])
                return with_facts(chosen, facts) if isinstance(chosen, str) else chosen
            case "choices":
                return draw.sample(hint["from"], min(hint["items"], len(hint["from"])))
            case "number":
                return round(draw.uniform(hint["low"], hint["high"]), 2)
            case "integer":
                return draw.randint(hint["low"], hint["high"])
            case "sentence":
                return await self._sentence(agent, hint, facts, draw)
            case "phrase":
                return await self._phrase(agent, hint, facts, draw)
            case "list":
                return await self._list(agent, hint, facts, draw)
            case kind:
                raise ValueError(f"unknown kind of slot {kind!r}")

    async def _sentence(
        self, agent: str, hint: Mapping[str, Any], facts: Mapping[str, str], draw: random.Random
    ) -> str:
        """Continue a beginning to one plain sentence."""
        beginnings = hint["prefix"]
        prefix = with_facts(beginnings if isinstance(beginnings, str) else draw.choice(beginnings), facts)
        before = first_sentence(facts.get(hint.get("after", ""), ""))
        low, high = hint.get("min_chars", 90), hint.get("max_chars", 190)
        messages: list[LLMMessage] = [
            SystemMessage(content=with_facts(hint.get("system", _DEFAULT_SYSTEM), facts)),
            UserMessage(content=with_facts(hint.get("ask", _DEFAULT_ASK), facts), source="user"),
            AssistantMessage(content=prefix, source="assistant"),
        ]
        if "plain_words" in hint:
            grammar = plain_grammar(1, hint["plain_words"], facts.get("topic", ""))
        else:
            letters = "a-zA-Z '-" if hint.get("one_clause") else "a-zA-Z0-9 ,'-"
            grammar = f'root ::= " " [a-z] [{letters}]{{{low},{high}}} "."'
        for _ in range(TRIES):
            text = await self._ask(agent, messages, grammar, SENTENCE_TEMPERATURE, SENTENCE_TOKENS, draw)
            sentence = trimmed(text.removeprefix(prefix), high)
            if "plain_words" in hint:  # the limit of words may have cut it
                sentence = _without_loose_end(sentence.rstrip(".")) + "."
            if not is_degenerate(sentence):
                whole = sentence if hint.get("keep_prefix") is False else f"{prefix} {sentence}"
                return f"{before} {whole[:1].upper()}{whole[1:]}".strip()
        return ""

    async def _list(
        self, agent: str, hint: Mapping[str, Any], facts: Mapping[str, str], draw: random.Random
    ) -> list[str]:
        """A few words each, none of which only says again what stands before it."""
        first = with_facts(hint.get("first", ""), facts).replace(",", " ").strip()
        text = await self._phrase(agent, hint, facts, draw, begun=f"{first}," if first else "")
        items = [first] if first else []
        for part in text.split(","):
            item = _without_loose_end(" ".join(part.strip(" .").split()[:ITEM_WORDS]))
            if not is_degenerate(item) and set(words_of(item)) - set(words_of(" ".join(items))):
                items.append(item)
        return items[: hint["items"]] if text else []

    async def _phrase(
        self, agent: str, hint: Mapping[str, Any], facts: Mapping[str, str], draw: random.Random, begun: str = ""
    ) -> str:
        """A few words, after four examples; what goes on after ``begun`` where that is given."""
        label = hint.get("label", "Answer")
        messages: list[LLMMessage] = [SystemMessage(content=f"{label}: answer with a few words.")]
        for asked, answer in hint["examples"]:
            messages.append(UserMessage(content=asked, source="user"))
            messages.append(AssistantMessage(content=answer, source="assistant"))
        messages.append(UserMessage(content=with_facts(hint.get("ask", _DEFAULT_ASK), facts), source="user"))
        low, high = hint.get("min_chars", 4), hint.get("max_chars", 60)
        separator = "," if hint["kind"] == "list" else ""
        grammar = f"[a-zA-Z] [a-zA-Z0-9 {separator}&'-]{{{low},{high}}}"
        grammar = f'root ::= " " {grammar}' if begun else f"root ::= {grammar}"
        if begun:
            messages.append(AssistantMessage(content=begun, source="assistant"))
        for _ in range(TRIES):
            temperature = SENTENCE_TEMPERATURE if begun else PHRASE_TEMPERATURE
            text = await self._ask(agent, messages, grammar, temperature, PHRASE_TOKENS, draw)
            phrase = " ".join(text.removeprefix(begun).split()).strip(" ,.-&'")
            if len(phrase) >= high:
                phrase = phrase[:high].rpartition(" ")[0].strip(" ,.-&'")
            # A list is looked at item by item.
            if len(phrase) >= low and (separator or not is_degenerate(phrase)):
                return phrase
        return ""

    async def _ask(
        self,
        agent: str,
        messages: list[LLMMessage],
        grammar: str,
        temperature: float,
        max_tokens: int,
        draw: random.Random,
    ) -> str:
        completion = await self._calls.complete(
            agent,
            messages,
            temperature=temperature,
            max_tokens=max_tokens,
            extra={**SAMPLING, "grammar": grammar, "seed": draw.getrandbits(31)},
        )
        return completion.text


def _fitting(hint: Mapping[str, Any], facts: Mapping[str, str]) -> Mapping[str, Any]:
    """The hint itself, or what replaces it where an idea is improved, with or without colleagues' advice."""
    if "prior_title" not in facts:
        return hint
    refining: Mapping[str, Any] = hint.get("refine", hint)
    advised: Mapping[str, Any] = refining.get("advised", refining)
    return advised if facts.get("advice") else refining


def _shortened(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """Who it is, and the last thing that was said, within the context of one call."""
    kept: list[LLMMessage] = []
    if isinstance(messages[0], SystemMessage):
        kept.append(SystemMessage(content=messages[0].content[:SYSTEM_CHARACTERS]))
    kept.append(UserMessage(content=str(messages[-1].content)[-ASKED_CHARACTERS:], source="user"))
    return kept


def few_sentences(text: str) -> str:
    """The first sentences of a text without those that repeat one; a last one that was cut off goes."""
    distinct: dict[str, str] = {}
    for sentence in re.findall(r"[^.!?]+[.!?]+", " ".join(text.split())):
        distinct.setdefault(sentence.strip().casefold(), sentence.strip())
    return " ".join(list(distinct.values())[:TEXT_SENTENCES]) or text.strip()


def trimmed(text: str, limit: int) -> str:
    """One sentence of at most about ``limit`` characters, ended at its last clause when it ran into the limit."""
    text = " ".join(text.split()).strip(" -,")
    if text.endswith(".") and len(text) <= limit:
        return text
    text = text.rstrip(".")[:limit]
    clause = re.match(r"(.{15,}?.*)(?:,| and | but | which | so that )", text)
    cut = clause[1] if clause is not None else text.rpartition(" ")[0] or text
    return _without_loose_end(cut.rstrip(" ,-")) + "."


def _without_loose_end(text: str) -> str:
    """A text without the small words at its end that announce more."""
    return _LOOSE_END.sub("", text)


def first_sentence(text: str) -> str:
    """The first sentence of a text, whole; all of a text that has no end."""
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]
