"""The table of rules: each says why it exists, refuses its first example and lets the second one through."""

import re
from pathlib import Path

import pytest

import creator.policy
from creator.policy import RULES, Rule, check_module

EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@EACH_RULE
def test_a_rule_refuses_its_example_and_no_other_rule_does(rule: Rule) -> None:
    assert {finding.rule for finding in check_module(rule.refused.module, "agent.py")} == {rule.id}


@EACH_RULE
def test_a_rule_lets_the_nearest_example_through(rule: Rule) -> None:
    assert check_module(rule.passes.module, "agent.py") == []


@EACH_RULE
def test_a_rule_explains_itself_on_a_narrow_page(rule: Rule) -> None:
    assert 0 < len(rule.summary) <= 66
    assert rule.summary.isprintable()
    assert rule.reason.endswith(".")
    assert 40 <= len(rule.reason) <= 400
    assert rule.refused.shown != rule.passes.shown
    for example in (rule.refused, rule.passes):
        assert max(map(len, example.shown.splitlines())) <= 78


@EACH_RULE
def test_what_is_shown_is_in_the_module(rule: Rule) -> None:
    for example in (rule.refused, rule.passes):
        assert example.shown.startswith("# ") or example.shown in str(example.module)


def test_the_rules_are_those_that_findings_name() -> None:
    folder = Path(creator.policy.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    assert set(re.findall(r'"([A-Z]+[0-9]{3})"', text)) == set(RULES)


def test_each_rule_stands_under_its_own_id() -> None:
    assert [rule.id for rule in RULES.values()] == list(RULES)
