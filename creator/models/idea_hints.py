"""How a small model fills an idea, slot by slot, in this order. ``refine`` replaces a hint where an idea is improved.

The facts that begin with ``work_`` come from `creator.models.agent_work`, those that begin with ``prior_`` from the
idea that shall be made better.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SYSTEM: Final = "You write short, concrete sentences about business."

IDEA_HINTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "problem": {
        "kind": "sentence",
        "system": _SYSTEM,
        "ask": "What is the biggest problem with {topic} in {sector}?",
        "prefix": "In {sector}, the biggest problem with {topic} is that {work_problem}",
        "one_clause": True,
        "min_chars": 10,
        "max_chars": 70,
        "refine": {"kind": "fact", "fact": "prior_problem"},
    },
    "solution": {
        "kind": "sentence",
        "system": _SYSTEM,
        "ask": "How could an AI agent help with {topic} in {sector}?",
        "prefix": "An AI agent could {work_solution}",
        "plain_words": 5,
        "refine": {
            "kind": "sentence",
            "system": "You are {persona}, {role} for {sector}. You improve ideas of colleagues.",
            "ask": "Problem: {prior_problem} Idea: {prior_solution} How could the AI agent do this better?",
            "prefix": [
                "The AI agent could do this better by asking the staff each evening what",
                "The AI agent could do this better by asking customers first which",
                "The AI agent could do this better by keeping a list of",
                "The AI agent could do this better by letting a person check",
                "The AI agent could do this better by telling people why",
                "The AI agent could do this better by starting with",
            ],
            "after": "prior_solution",
            "one_clause": True,
            "min_chars": 15,
            "max_chars": 100,
            "advised": {
                "kind": "sentence",
                "system": _SYSTEM,
                "ask": "{advice} What could an AI agent for {topic} do about that?",
                "prefix": [
                    "To meet what colleagues object, the AI agent could start small, with only",
                    "To meet what colleagues object, the AI agent could ask a person whenever",
                    "To meet what colleagues object, the AI agent could tell the staff each week how",
                    "To meet what colleagues object, the AI agent could let the staff choose which",
                ],
                "after": "prior_solution",
                "one_clause": True,
                "min_chars": 15,
                "max_chars": 100,
            },
        },
    },
    "customer": {
        "kind": "choice",
        "from": [
            "Small businesses in {sector} that lose hours to {topic}.",
            "Managers in {sector} who deal with {topic} every week.",
            "Owners in {sector} who look after {topic} in the evening.",
            "Teams in {sector} that have nobody to look after {topic}.",
        ],
        "refine": {"kind": "fact", "fact": "prior_customer"},
    },
    "title": {
        "kind": "fact",
        "fact": "work_title",
        "refine": {"kind": "fact", "fact": "prior_title"},
    },
    "revenue_model": {
        "kind": "choice",
        "from": [
            "A monthly subscription for each site.",
            "A monthly subscription for each user.",
            "A fee for each case that the agent closes.",
            "A share of the money that it saves.",
            "A free pilot of a month, then a yearly contract.",
            "A setup fee and a small monthly price.",
            "A price for each thousand requests.",
            "Free for one user, paid for teams.",
        ],
        "refine": {"kind": "fact", "fact": "prior_revenue_model"},
    },
    "why_now": {
        "kind": "fact",
        "fact": "work_why_now",
        "refine": {"kind": "fact", "fact": "prior_why_now"},
    },
    "cost_to_try": {
        "kind": "choice",
        "from": [
            "Two weeks of one person, and less than 500 in fees.",
            "Three days and no money: the first cases are done by hand.",
            "One week, and about 200 for a model and a phone number.",
            "Ten days for two people, and a small fee for each pilot customer.",
        ],
        "refine": {"kind": "fact", "fact": "prior_cost_to_try"},
    },
    "first_step": {
        "kind": "choice",
        "from": [
            "Interview ten people in {sector} about {topic} this week.",
            "Do the agent's work by hand for three customers in {sector} for a week.",
            "Collect fifty real cases of {topic} and sort them by cost.",
            "Show a clickable sketch to five customers in {sector} and ask for a deposit.",
            "Sit beside someone in {sector} for a day and write down every step around {topic}.",
            "Try it for three customers in {sector} with nothing but a spreadsheet and a phone.",
        ],
        "refine": {
            "kind": "choice",
            "from": [
                "Test the better version with three customers for two weeks.",
                "Compare both versions on twenty real cases.",
                "Ask five customers which of the two versions they would pay for.",
                "Measure for one week what the first version would have missed.",
            ],
        },
    },
    "risks": {
        "kind": "fact",
        "fact": "work_risk",
        "refine": {"kind": "fact", "fact": "prior_risks"},
    },
}
