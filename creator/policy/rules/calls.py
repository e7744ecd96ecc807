"""ATTR and CALL: what is reached through a dot, and what may be called in one form only."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.rule import Rule, part

CALL_RULES: Final = (
    Rule(
        id="ATTR001",
        summary="no dunder attributes, and only the module's own private ones",
        reason="From any object, __class__, __globals__ and their like lead to every class and module of the process; "
        "private attributes lead into AutoGen's runtime.",
        refused=part("""
            def kind(x):
                return x.__class__.__subclasses__()
        """),
        passes=part("""
            def kind(x):
                return type(x).__name__
        """),
    ),
    Rule(
        id="ATTR002",
        summary="no attributes that lead to frames, loops, the runtime, other code",
        reason="Some public attributes lead out of the module as well: gi_frame to its callers' variables, get_loop to "
        "threads and sockets, load_component to any import.",
        refused=part("""
            def caller(generator):
                return generator.gi_frame.f_back
        """),
        passes=part("""
            def caller(generator):
                return list(generator)
        """),
    ),
    Rule(
        id="CALL001",
        summary="getattr, setattr, delattr and hasattr take literal public names",
        reason="A name that is worked out while the module runs, such as '__cla' + 'ss__', cannot be checked.",
        refused=part("""
            def read(idea, field):
                return getattr(idea, field)
        """),
        passes=part("""
            def read(idea):
                return getattr(idea, "title", "")
        """),
    ),
    Rule(
        id="CALL002",
        summary="type, super, iter and what makes types only in simple forms",
        reason="type(name, bases, body), TypedDict(name, fields) and StructuredMessage[text] make types of texts that "
        "Python evaluates as code; iter(function, end) never ends.",
        refused=part("""
            def record(fields):
                return type("Record", (), fields)
        """),
        passes=part("""
            def is_text(x):
                return type(x) is str
        """),
    ),
    Rule(
        id="CALL003",
        summary="str.format only on a literal with plain fields",
        reason="A format such as '{0.__class__}' walks attributes, unseen by the other rules.",
        refused=part("""
            def title(idea):
                return "{0.title}".format(idea)
        """),
        passes=part("""
            def title(idea):
                return "{title}".format(title=idea.title)
        """),
    ),
)
