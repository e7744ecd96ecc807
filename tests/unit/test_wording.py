# ruff: noqa: RUF001 - letters of different scripts look alike
"""Plain checks of wording: what small models do wrong, and what people write in many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.wording import (
    MOST_CHARACTERS,
    is_cut_off,
    is_degenerate,
    is_english,
    is_unspaced,
    repeats_itself,
    say_the_same,
)

GOOD = [
    "Small hauliers lose hours on customs forms, because every border wants the same facts in another order.",
    "The agent reads the e-mail, fills in the form (T1 or EUR.1) and asks the driver only for what is missing.",
    "Owners of 5 to 20 trucks",
    'A 3" pipe costs $4.20; the agent compares 40 shops, e.g. Acme Inc., and orders the cheapest one.',
    "1) Call ten dentists. 2) Ask what they pay. 3) Build what eight of them want.",
    "- reads mail\n- sorts it\n- drafts answers for the front desk and waits for approval",
    "More time for patients, more time for families, and more sleep for nurses.",
    'She said: "Nobody ever asked us what we need!"',
    "It had had many owners who said that that was fine.",
    "Zahnärzte verlieren jeden Tag Termine, weil Kunden, die die Praxis nicht erreicht, einfach nicht kommen.",
    "Der Agent ruft die Kunden am Vorabend an („Kommen Sie morgen?“) und bietet einen anderen Termin an.",
    "Les petits boulangers jettent chaque soir un dixième de leur pain, faute de savoir combien ils vendront.",
    "L'agent compare les ventes, la météo et les fêtes, puis conseille le boulanger : « Cuisez moins demain. »",
    "Los talleres pequeños pierden horas buscando repuestos; el agente pregunta a todos los proveedores a la vez.",
    "¿Quién paga? Las clínicas que pierden citas cada semana.",
    "Yavaş yavaş büyüyen kooperatifler her sabah süt miktarını elle yazıyor ve zaman zaman hata yapıyor.",
    "小さなパン屋は毎朝どれだけ焼けばよいか分からず、売れ残ったパンを捨てている。",
    "エージェントは天気と過去の売上を調べ、店主に「明日は二割少なく焼きましょう」と知らせる。",
    "小型货运公司每天花很多时间填写海关表格，因为每个国家的要求都不一样。",
    "작은 빵집은 매일 아침 얼마나 구워야 할지 몰라서 저녁에 많은 빵을 버린다.",
    "ร้านขนมปังขนาดเล็กไม่รู้ว่าควรอบขนมปังวันละเท่าไร จึงต้องทิ้งขนมปังที่เหลือทุกเย็น",
    "छोटी बेकरियाँ हर सुबह अंदाज़ा लगाती हैं कि कितनी रोटी बिकेगी, और धीरे धीरे पैसा खोती हैं।",
    "المخابز الصغيرة لا تعرف كم من الخبز ستبيع غدا، ولذلك ترمي الكثير منه كل مساء.",
    "Небольшие пекарни каждый вечер выбрасывают хлеб, потому что не знают, сколько его купят завтра.",
]
REPEATING = [
    "save time save time save time save time",
    "It helps the staff. It helps the staff. It helps the staff.",
    "the agent reads the mail and sorts the mail and reads the mail and sorts the mail and reads the mail and sorts it",
    "Optimisation optimisation for hotels.",
    "very very very good bread",
    "aaaaaaaaaaaa",
    "Der Agent liest die Post. Der Agent liest die Post.",
    "パンを焼く量を知らせるパンを焼く量を知らせるパンを焼く量を知らせる",
    "面包店每天早上烤面包。面包店每天早上烤面包。",
    "一二三四五六七八九十一二三四五六七八九十",
]
CUT = [
    "Small hauliers lose hours on customs forms because every border wants the",
    "The agent reads the mail, sorts it,",
    "The agent compares prices (fuel, tolls and",
    'She said: "Nobody ever asked us.',
    "It reads the mail. It sorts the mail by urgency and then drafts answers that the front desk may",
    "The staff of the practice have to call everybody who did not come, and the.",
    "Der Agent ruft die Kunden am Vorabend an und bietet ihnen einen anderen Termin für den",
    "エージェントは天気を調べ、店主に「明日は少なく焼きましょう",
    "word " * 50,
]


@pytest.mark.parametrize("text", GOOD)
def test_what_people_write_is_left_alone(text: str) -> None:
    assert not repeats_itself(text)
    assert not is_cut_off(text)


@pytest.mark.parametrize("text", REPEATING)
def test_a_text_that_says_the_same_over_and_over_is_noticed(text: str) -> None:
    assert repeats_itself(text)


@pytest.mark.parametrize("text", CUT)
def test_a_text_that_ends_in_the_middle_is_noticed(text: str) -> None:
    assert is_cut_off(text)


@pytest.mark.parametrize("text", ["", "...", "The the end", "word word", *REPEATING])
def test_a_small_models_text_may_not_even_stutter(text: str) -> None:
    assert is_degenerate(text)


def test_two_texts_of_the_same_words_say_the_same() -> None:
    assert say_the_same("Bakers throw away bread every evening.", "Every evening bakers throw away bread!")
    assert say_the_same(GOOD[16], GOOD[16] + "。")
    assert not say_the_same(GOOD[0], GOOD[1])
    assert not say_the_same(GOOD[16], GOOD[17])
    assert not say_the_same("No.", "No."), "a word or two tell nothing"


def test_english_and_scripts_without_blanks_are_told_apart() -> None:
    assert is_english(GOOD[0])
    assert not any(is_english(text) for text in GOOD[9:])
    assert [is_unspaced(text) for text in GOOD[16:21]] == [True, True, True, False, True]


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    for check in (repeats_itself, is_cut_off, is_degenerate, is_english, is_unspaced):
        assert check(text) in (True, False)
    assert say_the_same(text, text) in (True, False)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["a", "ab ", "a.", "(", '"', "-", "字", "a-", "'", "\n", "é\u0301", "1) "])
def test_of_a_text_of_any_length_only_the_beginning_is_looked_at(unit: str) -> None:
    text = unit * 500_000
    for check in (repeats_itself, is_degenerate, is_english):
        assert check(text) == check(text[:MOST_CHARACTERS])
    assert is_cut_off(text) in (True, False)
    assert say_the_same(text, text) in (True, False)
