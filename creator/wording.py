# ruff: noqa: RUF001 - marks of different scripts look alike, and all of them are meant
"""Plain checks of a text's wording, in any language and script: does it repeat itself, is it cut off?

They find what small models do wrong most: loops, stutter, and sentences that end in the middle. None of them judges
whether a text is true or good, and each lets a text pass when in doubt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Final

MOST_CHARACTERS: Final = 4_000
"""Of a text that are looked at: these checks have to end soon whatever they are given."""

WINDOW: Final = 24
PHRASE_WORDS: Final = 5
PHRASE_LETTERS: Final = 8
UNENDED_SENTENCE: Final = 200
"""Characters of a single sentence that may lack its end: phrases, as of customers or costs, need none."""

_WORD: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_SENTENCE: Final = re.compile(r"[^.!?…。！？।؟۔]+")
_SAME_LETTER: Final = re.compile(r"([^\W\d_])\1{5,}")
# Scripts that put no blanks between words: Thai to Myanmar, Khmer, kana, Han.
_UNSPACED: Final = re.compile("[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WITHOUT_STOPS: Final = re.compile("[\u0e00-\u0eff]")
"""Thai and Lao end a sentence with nothing but a blank."""

_ENDS: Final = frozenset(".!?…。！？．｡।॥؟۔։።။។॰")
_CLOSING: Final = "\"'”’»›“‘)]}）］｝」』】》〉*_` \n\t"
_OPEN_ENDED: Final = frozenset(",;–—-/(&+[{„、，；・،؛")
_PAIRS: Final = ("()", "[]", "{}", "（）", "［］", "「」", "『』", "【】", "《》")
_INNER_END: Final = re.compile(r"[^\W\d_]{3}[.!?]\s+[^\W\d_a-z]|[。！？]")
_LIST_LINE: Final = re.compile(r"\s*(?:[-*•–]|\d{1,2}[.)])\s")

_SMALL_WORDS: Final = "the a an and of to for in is are that with on it they by"
_ENGLISH: Final = frozenset(_SMALL_WORDS.split())
_ANNOUNCING: Final = "the a an and or but because nor whose their your every"
_NEVER_LAST_IN_ENGLISH: Final = frozenset(_ANNOUNCING.split())
_ANNOUNCING_ANYWHERE: Final = (
    "the a an and or but of to for with in on by from at because that which is are their our your "
    "der die das den dem des und oder aber ein eine einen einem einer für von im weil dass sowie "
    "le la les un une et ou de du pour avec que dans sur qui leur "
    "el los las y o con para por una unos del lo il gli e di che per della dei het een en van voor met"
)
_NEVER_LAST: Final = frozenset(_ANNOUNCING_ANYWHERE.split())
"""Words that end no sentence, in languages that are written much; a text without a full stop is cut after them."""


def words_of(text: str) -> list[str]:
    """Its words in lower case, of at most the first 4,000 characters; scripts without blanks are not split."""
    return [word.casefold() for word in _WORD.findall(text[:MOST_CHARACTERS])]


def is_english(text: str) -> bool:
    """Whether a text is in English, as far as its small words tell."""
    words = words_of(text)
    return bool(words) and sum(word in _ENGLISH for word in words) >= max(2, 0.15 * len(words))


def is_unspaced(text: str) -> bool:
    """Whether most of its letters are of a script that puts no blanks between words."""
    text = text[:MOST_CHARACTERS]
    return 2 * len(_UNSPACED.findall(text)) > sum(character.isalpha() for character in text)


def repeats_itself(text: str) -> bool:
    """Whether a text says the same over and over: a word, a phrase, a sentence, or very few words in turn."""
    text = unicodedata.normalize("NFC", text[:MOST_CHARACTERS])
    if _SAME_LETTER.search(text):
        return True
    sentences = [" ".join(words_of(one)) for one in _SENTENCE.findall(text)]
    sentences = [one for one in sentences if len(one) >= 8]
    if len(set(sentences)) < len(sentences):
        return True
    if is_unspaced(text):
        letters = [character for character in text if character.isalpha()]
        return _share_said_before(letters, PHRASE_LETTERS) > 0.3
    words = words_of(text)
    return _stutters(words) or _has_few_words(words) or _share_said_before(words, PHRASE_WORDS) > 0.3


def is_degenerate(text: str) -> bool:
    """Whether a text of a small model says nothing: it is empty, repeats itself, or says any word twice in a row.

    The last is right in German or Turkish; small models are asked in English.
    """
    words = words_of(text)
    return not words or any(first == second for first, second in pairwise(words)) or repeats_itself(text)


def is_cut_off(text: str) -> bool:
    """Whether a text ends in the middle: of a sentence, a pair of brackets, or a quotation."""
    cut = len(text) > MOST_CHARACTERS
    text = text[:MOST_CHARACTERS].strip()
    if not text or cut:
        return False
    if any(text.count(pair[0]) > text.count(pair[1]) for pair in _PAIRS) or _is_quotation_open(text):
        return True
    last_line = text.splitlines()[-1]
    bare = text.rstrip(_CLOSING)
    words = words_of(bare[-60:])
    if not bare or not words:
        return False
    if bare[-1] in _ENDS:
        return words[-1] in _NEVER_LAST_IN_ENGLISH and is_english(text)
    if bare[-1] in _OPEN_ENDED or (len(text) >= 40 and words[-1] in _NEVER_LAST):
        return True
    if _WITHOUT_STOPS.search(bare[-1]) or _LIST_LINE.match(last_line) or bare[-1] == ":":
        return False
    return len(last_line) >= UNENDED_SENTENCE or (len(last_line) >= 60 and _INNER_END.search(last_line) is not None)


def say_the_same(first: str, second: str) -> bool:
    """Whether two texts are made of nearly the same words."""
    one, other = _units(first), _units(second)
    return min(len(one), len(other)) >= 5 and len(one & other) > 0.8 * len(one | other)


def _units(text: str) -> set[str]:
    """What a text is made of: its words, or pairs of letters where words cannot be told apart."""
    text = text[:MOST_CHARACTERS]
    if is_unspaced(text):
        return {first + second for first, second in pairwise(text) if first.isalpha() and second.isalpha()}
    return set(words_of(text))


def _stutters(words: Sequence[str]) -> bool:
    """A word three times in a row, or a long one twice; short ones come twice in good German, Turkish, Vietnamese."""
    thrice = any(words[place] == words[place + 1] == words[place + 2] for place in range(len(words) - 2))
    return thrice or any(one == other and len(one) >= 8 for one, other in pairwise(words))


def _has_few_words(words: Sequence[str]) -> bool:
    """Whether any stretch of a text uses fewer than half, in short texts 0.6, of its words once."""
    if 6 <= len(words) <= WINDOW:
        return len(set(words)) < (0.6 if len(words) < 12 else 0.5) * len(words)
    stretches = (words[place : place + WINDOW] for place in range(0, len(words) - WINDOW + 1, WINDOW // 4))
    return any(len(set(stretch)) < 0.45 * WINDOW for stretch in stretches)


def _share_said_before(units: Sequence[Hashable], length: int) -> float:
    """How much of a text, from 0 to 1, is phrases of ``length`` units that were said before."""
    seen: set[Hashable] = set()
    again: set[int] = set()
    for place in range(len(units) - length + 1):
        phrase = tuple(units[place : place + length])
        if phrase in seen:
            again.update(range(place, place + length))
        seen.add(phrase)
    return len(again) / len(units) if units else 0


def _is_quotation_open(text: str) -> bool:
    """Marks of inches and minutes stand after a digit, and pairs of marks differ from language to language."""
    straight = len(re.findall(r'(?<!\d)"', text))
    after_digits = len(re.findall(r'(?<=\d)"', text))
    curly, angled = (sum(map(text.count, marks)) for marks in ("„“”", "«»"))
    return (straight % 2 == 1 and after_digits == 0) or curly % 2 == 1 or angled % 2 == 1
