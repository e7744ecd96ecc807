"""How a small model fills an idea, slot by slot, in this order. ``refine`` replaces a hint for a colleague's idea."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

IDEA_HINTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "problem": {
        "kind": "sentence",
        "system": "You are {persona}, {role} for {sector}. You work on: {objective}.",
        "ask": "What is the biggest problem with {topic}?",
        "prefix": "In {sector}, the biggest problem with {topic} is that",
        "min_chars": 60,
        "max_chars": 190,
        "refine": {"kind": "fact", "fact": "prior_problem"},
    },
    "solution": {
        "kind": "sentence",
        "system": "You are {persona}, {role} for {sector}. You work on: {objective}.",
        "ask": "{problem} How could an AI agent help with {topic}?",
        "prefix": "An AI agent could help by",
        "min_chars": 60,
        "max_chars": 190,
        "refine": {
            "kind": "sentence",
            "system": "You are {persona}, {role} for {sector}. You improve ideas of colleagues.",
            "ask": "Problem: {prior_problem} Idea: {prior_solution} How could the AI agent do this better?",
            "prefix": "The AI agent could do this better by",
            "min_chars": 60,
            "max_chars": 190,
        },
    },
    "customer": {
        "kind": "phrase",
        "label": "Customer",
        "max_chars": 60,
        "ask": "Sector: {sector}. Topic: {topic}.",
        "examples": [
            ["Sector: bakeries. Topic: unsold bread.", "owners of small bakeries"],
            ["Sector: parcel delivery. Topic: failed first attempts.", "managers of delivery depots"],
            ["Sector: music schools. Topic: empty lesson slots.", "directors of private music schools"],
            ["Sector: scrap metal trading. Topic: price swings.", "buyers at scrap yards"],
        ],
        "refine": {"kind": "fact", "fact": "prior_customer"},
    },
    "title": {
        "kind": "phrase",
        "label": "Product name",
        "max_chars": 48,
        "ask": "Sector: {sector}. Topic: {topic}. {solution}",
        "examples": [
            ["Sector: bakeries. Topic: unsold bread. An AI agent forecasts daily demand.", "Bread Demand Planner"],
            ["Sector: parcel delivery. Topic: failed first attempts. An AI agent asks when.", "Doorstep Timing Agent"],
            ["Sector: music schools. Topic: empty lesson slots. An AI agent fills gaps.", "Lesson Gap Filler"],
            ["Sector: scrap metal. Topic: price swings. An AI agent watches the market.", "Scrap Price Watch"],
        ],
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
        "kind": "choice",
        "from": [
            "Language models can now read the messy papers and messages that {topic} comes with.",
            "Running such an agent all day has become cheaper than one hour of work.",
            "Most people in {sector} carry a phone that an agent can talk to.",
            "The tools of {sector} have interfaces by now that an agent can use.",
        ],
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
            "Do the agent's work by hand for three {sector} businesses for a week.",
            "Collect fifty real cases of {topic} and sort them by cost.",
            "Show a clickable sketch to five {sector} businesses and ask for a deposit.",
            "Sit beside someone in {sector} for a day and write down every step around {topic}.",
            "Solve {topic} for three {sector} businesses with a spreadsheet first.",
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
        "kind": "choice",
        "from": [
            "People in {sector} may not trust an agent with {topic}.",
            "The records about {topic} may be too poor to learn from.",
            "Larger suppliers of software for {sector} may add the same.",
            "One wrong answer about {topic} can cost more than a year of right ones saves.",
        ],
        "refine": {"kind": "fact", "fact": "prior_risks"},
    },
}
