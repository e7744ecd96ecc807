"""Rules about names, attributes and calls, wherever in a module they stand."""

from __future__ import annotations

import ast
import builtins
import string
from typing import Final

from creator.policy.allowed import (
    BUILTINS,
    DUNDER_ATTRIBUTES,
    DUNDER_METHODS,
    INHERITED_PRIVATE,
    LITERAL_NAME_CALLS,
    OUTSIDE_BUILTINS,
    PROCESS_ENDING,
    UNSAFE_ATTRIBUTES,
)
from creator.policy.findings import quoted
from creator.policy.forms import Parents, check_form
from creator.policy.imports import Refuse, unlisted
from creator.policy.scope import Function, Scope, bindings, is_receiver

_INTERPRETER_NAMES: Final = frozenset(vars(builtins))
_ALLOWED_SUPER_CALLS: Final = frozenset({"__init__", "__post_init__"})


def check_node(node: ast.AST, scope: Scope, parents: Parents, refuse: Refuse) -> None:
    """NAME, ATTR, CALL and FLOW002 for names, and IMPORT002 and IMPORT005 where imported names are used."""
    _check_bindings(node, scope, parents, refuse)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        _check_name(node, scope, parents, refuse)
    elif isinstance(node, ast.Attribute):
        _check_attribute(node, scope, parents, refuse)
    elif isinstance(node, ast.Subscript):
        _check_change(node, scope, refuse)
    elif isinstance(node, ast.Call):
        _check_call(node, scope, refuse)
    elif isinstance(node, ast.MatchClass):
        for name in node.kwd_attrs:  # a pattern reads attributes as well
            _check_attribute_name(node, name, refuse, may_be_private=False)
    elif isinstance(node, ast.Global):
        refuse(node, "NAME004", "keep state on self; global is not allowed")


def _check_bindings(node: ast.AST, scope: Scope, parents: Parents, refuse: Refuse) -> None:
    for name in bindings(node):
        if not name.isascii():
            refuse(node, "NAME002", f"{quoted(name)} is not ASCII")
        if name in scope.imported:
            refuse(node, "NAME003", f"{quoted(name)} is imported; choose another name for what is bound here")
        if name in {"self", "cls"} and not isinstance(node, ast.arg):
            refuse(node, "NAME003", f"{name!r} may not be bound again")
        if name.startswith("__"):
            is_method = isinstance(node, Function) and isinstance(parents[node], ast.ClassDef)
            if not (is_method and name in DUNDER_METHODS):
                refuse(node, "NAME001", f"{quoted(name)} may not be defined")
        if name in INHERITED_PRIVATE and isinstance(parents.get(node), ast.ClassDef | ast.Assign | ast.AnnAssign):
            refuse(node, "ATTR001", f"{quoted(name)} belongs to RoutedAgent; choose another name")


def _check_name(node: ast.Name, scope: Scope, parents: Parents, refuse: Refuse) -> None:
    name, parent = node.id, parents[node]
    if not name.isascii():
        refuse(node, "NAME002", f"{quoted(name)} is not ASCII")
    elif name in PROCESS_ENDING:
        refuse(node, "FLOW002", f"{name} ends the process or hides its end; use Exception or a subclass of it")
    elif name.startswith("__") or name in OUTSIDE_BUILTINS or (name in _INTERPRETER_NAMES and name not in BUILTINS):
        refuse(node, "NAME001", f"{quoted(name)} is not allowed")
    elif scope.module(node) and not isinstance(parent, ast.Attribute):
        refuse(node, "IMPORT005", f"use {quoted(name)} as {name}.something only")
    elif name in LITERAL_NAME_CALLS and not (isinstance(parent, ast.Call) and parent.func is node):
        refuse(node, "CALL001", f"call {name} directly, with a literal name")
    else:
        check_form(node, scope, parents, refuse)


def _check_attribute(node: ast.Attribute, scope: Scope, parents: Parents, refuse: Refuse) -> None:
    module = scope.module(node.value)
    if module:
        reason = unlisted(module, node.attr)
        if reason:
            refuse(node, "IMPORT002", reason)
        else:
            check_form(node, scope, parents, refuse)
    elif node.attr in _ALLOWED_SUPER_CALLS and _is_super(node.value):
        pass
    elif node.attr == "format" and not _is_plain_format(node, parents[node]):
        refuse(node, "CALL003", "format a literal with plain fields such as '{name}', or use an f-string")
    else:
        own = is_receiver(node.value) and node.attr in scope.private
        _check_attribute_name(node, node.attr, refuse, may_be_private=own)
    _check_change(node, scope, refuse)


def _check_attribute_name(node: ast.AST, name: str, refuse: Refuse, *, may_be_private: bool) -> None:
    if not name.isascii():
        refuse(node, "NAME002", f"{quoted(name)} is not ASCII")
    elif name in UNSAFE_ATTRIBUTES:
        refuse(node, "ATTR002", f"attribute {quoted(name)} is not allowed; use sandbox.kit, or choose another name")
    elif name.startswith("__") and name not in DUNDER_ATTRIBUTES:
        refuse(node, "ATTR001", f"attribute {quoted(name)} is not allowed")
    elif name.startswith("_") and not name.startswith("__") and (name in INHERITED_PRIVATE or not may_be_private):
        refuse(node, "ATTR001", f"{quoted(name)} is private to another class; set private attributes on self only")


def _check_change(node: ast.Attribute | ast.Subscript, scope: Scope, refuse: Refuse) -> None:
    if not isinstance(node.ctx, ast.Load) and scope.is_imported(node):
        refuse(node, "IMPORT005", "what is imported may not be changed")


def _check_call(node: ast.Call, scope: Scope, refuse: Refuse) -> None:
    if not (isinstance(node.func, ast.Name) and node.func.id in LITERAL_NAME_CALLS):
        return
    name = node.func.id
    attribute = node.args[1] if len(node.args) > 1 else None
    is_literal = isinstance(attribute, ast.Constant) and isinstance(attribute.value, str)
    if not is_literal or node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
        refuse(node, "CALL001", f"{name} takes a literal name only")
    elif isinstance(attribute, ast.Constant):
        text = str(attribute.value)
        _check_attribute_name(node, text, refuse, may_be_private=False)
        if text in {"format", *DUNDER_ATTRIBUTES}:
            refuse(node, "CALL001", f"write the attribute {text!r} out")
        if name in {"setattr", "delattr"} and scope.is_imported(node.args[0]):
            refuse(node, "IMPORT005", "what is imported may not be changed")


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _is_plain_format(node: ast.Attribute, parent: ast.AST) -> bool:
    """A call of a literal's format whose fields are names or numbers: "{0.x}" and "{0[x]}" walk attributes."""
    called = isinstance(parent, ast.Call) and parent.func is node
    if not (called and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
        return False
    pending = [node.value.value]
    try:
        while pending:
            for _, name, spec, _ in string.Formatter().parse(pending.pop()):
                if name and not name.isidentifier() and not name.isdecimal():
                    return False
                if spec:
                    pending.append(spec)
    except ValueError:
        return False
    return True
