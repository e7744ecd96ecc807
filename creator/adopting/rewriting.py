"""The rewrite of a foreign module: what has a counterpart in `sandbox.kit` becomes that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from creator.adopting.answers import answers
from creator.adopting.bounces import Bounce
from creator.adopting.names import FIND_RECIPIENT, MESSAGE, MESSAGE_CONTEXT, MESSAGE_HANDLER, is_model_client
from creator.adopting.nodes import (
    DEFAULT_TEMPERATURE,
    content_only,
    dotted_name,
    import_from,
    in_brackets,
    statements_of,
    temperature_of,
    tried,
    with_otherwise,
)
from creator.adopting.notes import Notes
from creator.adopting.plan import Plan, Signature
from creator.policy.findings import quoted

_IS_TEXT: Final = "the original's message is a kit.Text"


def rewrite(source: str, plan: Plan, changes: Notes, unmapped: Notes) -> str:
    """Rewrite a module as it was planned; imports that are needless then are still there.

    Args:
        source: The module, within the bounds of `creator.adopting.bounds`.
        plan: What is to be done.
        changes: Gets what was mapped, by lines of the original.
        unmapped: Gets what could not be.

    Raises:
        libcst.ParserSyntaxError: libcst does not read what Python reads.
        libcst.CSTValidationError: The result would not be Python.
        RecursionError: The module is nested too deeply.
    """
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    return wrapper.visit(_Rewriting(plan, changes, unmapped, wrapper.module.config_for_parsing)).code


class _Replacing(cst.CSTTransformer):
    """Replaces names; what only looks like one (an attribute, the keyword of an argument) stays."""

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)


class _Renaming(_Replacing):
    """Gives the parameters of a function new names."""

    def __init__(self, renamed: dict[str, str]) -> None:
        super().__init__()
        self._renamed = renamed

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value=self._renamed.get(updated_node.value, updated_node.value))


class _Rewriting(_Replacing):
    """The rewrite, in one pass."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, plan: Plan, changes: Notes, unmapped: Notes, config: cst.PartialParserConfig) -> None:
        super().__init__()
        self._plan = plan
        self._names = plan.names
        self._changes = changes
        self._unmapped = unmapped
        self._config = config
        self._places: list[cst.CSTNode] = []  # the classes and functions around a node, from the outside in
        self._bounces = dict(plan.bounces.by_first)
        self._branches: set[cst.CSTNode] = set()  # original blocks whose `try` takes the other branch
        self._missing: set[str] = set()  # names of autogen_core that have to be imported

    # Names and calls

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        if updated_node.value == self._plan.agent.name != "Agent":
            return updated_node.with_changes(value="Agent")
        return self._without_message(original_node, updated_node)

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        changed = updated_node.with_changes(attr=original_node.attr, value=in_brackets(updated_node.value))
        return self._without_message(original_node, changed)

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:
        return updated_node.with_changes(value=in_brackets(updated_node.value))

    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> cst.Param:
        return updated_node.with_changes(name=original_node.name)

    def leave_Annotation(self, original_node: cst.Annotation, updated_node: cst.Annotation) -> cst.Annotation:
        node = updated_node.annotation
        text = node.evaluated_value if isinstance(node, cst.SimpleString) else None
        meaning = self._names.meaning(text) if isinstance(text, str) else None
        if meaning not in {MESSAGE, MESSAGE_CONTEXT}:
            return updated_node
        self._changes.add(self._line(original_node), "a type is written without quotes")
        if meaning == MESSAGE:
            self._changes.add(self._line(original_node), _IS_TEXT)
        return updated_node.with_changes(
            annotation=cst.parse_expression("kit.Text" if meaning == MESSAGE else str(text))
        )

    def leave_Await(self, original_node: cst.Await, updated_node: cst.Await) -> cst.Await:
        inner = updated_node.expression
        if isinstance(inner, cst.Await) and not isinstance(original_node.expression, cst.Await):
            return updated_node.with_changes(expression=inner.expression)  # it was awaited before
        return updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        meaning = self._names.meaning(dotted_name(original_node.func))
        line = self._line(original_node)
        if meaning == MESSAGE:
            arguments = content_only(updated_node.args)
            if arguments is not None:
                return updated_node.with_changes(args=arguments)
            self._unmapped.add(line, "a kit.Text has one argument, its content")
        elif meaning == FIND_RECIPIENT:
            if self._has_self() and self._may_await():
                self._changes.add(line, "the recipient comes from kit.find_recipient, which knows who is live")
                return _with_brackets_of(updated_node, "await kit.find_recipient(self)")
            self._unmapped.add(line, "a recipient can be chosen in an async method of the agent only")
        elif is_model_client(meaning):
            if self._has_self():
                return self._model_client(str(meaning), line, updated_node)
            self._unmapped.add(line, "a model client can be made in a method of the agent only")
        return updated_node.with_changes(func=in_brackets(updated_node.func))

    def _model_client(self, full_name: str, line: int, call: cst.Call) -> cst.BaseExpression:
        given, temperature = temperature_of(call.args)
        others = [one.keyword.value if one.keyword else "…" for one in call.args]
        others = [quoted(one) for one in others if one != "temperature"][:10]
        sentence = f"{quoted(full_name.rpartition('.')[2])} is a kit.model_client, and the run chooses its model"
        sentence += f"; left out: {', '.join(others)}" if others else ""
        if given and temperature is None:
            sentence += f"; its temperature is no plain number from 0 to 2, so it is {DEFAULT_TEMPERATURE}"
        self._changes.add(line, sentence)
        made = f"kit.model_client(self, temperature={temperature or DEFAULT_TEMPERATURE})"
        return _with_brackets_of(call, made)

    def _without_message(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        if self._names.meaning(dotted_name(original)) != MESSAGE:
            return updated
        self._changes.add(self._line(original), _IS_TEXT)
        return _with_brackets_of(updated, "kit.Text")

    # Functions and classes

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._places.append(node)

    def visit_Lambda(self, node: cst.Lambda) -> None:
        self._places.append(node)

    def leave_Lambda(self, original_node: cst.Lambda, updated_node: cst.Lambda) -> cst.Lambda:
        self._places.pop()
        return updated_node

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self._places.append(node)
        return self._line(node) not in self._plan.dropped

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._places.pop()
        line = self._line(original_node)
        signature = self._plan.signatures.get(line, Signature())
        function = updated_node.with_changes(name=original_node.name)
        if signature.renamed:
            function = cst.ensure_type(function.visit(_Renaming(signature.renamed)), cst.FunctionDef)
        parameters = list(function.params.params)
        for old, new in signature.renamed.items():
            self._changes.add(line, f"the parameter {quoted(old)} is called {new!r}")
        if signature.context:
            context = cst.Annotation(cst.parse_expression(self._spelling(MESSAGE_CONTEXT)))
            parameters[-1] = parameters[-1].with_changes(annotation=context)
            self._changes.add(line, "the last parameter is annotated as MessageContext")
        if signature.named:
            parameters.append(cst.Param(cst.Name("name"), cst.Annotation(cst.Name("str"))))
            self._changes.add(line, "the constructor takes the agent's name")
        if signature.returns:
            function = function.with_changes(returns=cst.Annotation(cst.parse_expression("kit.Text")))
            self._changes.add(line, "the handler's answer is annotated as kit.Text")
        return function.with_changes(params=function.params.with_changes(params=parameters))

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._places.pop()
        line = self._line(original_node)
        if line != self._plan.agent.lineno:
            return updated_node.with_changes(name=original_node.name)
        if self._plan.agent.name != "Agent":
            self._changes.add(line, f"the class {quoted(self._plan.agent.name)} is called Agent")
        made = answers(self._plan, self._spelling(MESSAGE_HANDLER), self._spelling(MESSAGE_CONTEXT), self._config)
        told = ", ".join(cst.ensure_type(one, cst.FunctionDef).name.value for one in made)
        self._changes.add(self._plan.agent.end_lineno or line, f"handlers are appended behind it: {told}")
        body = updated_node.body
        if not isinstance(body, cst.IndentedBlock):
            body = cst.IndentedBlock(statements_of(body))
        return updated_node.with_changes(body=body.with_changes(body=[*body.body, *made]))

    def _has_self(self) -> bool:
        """Whether ``self`` is the agent here."""
        if len(self._places) < 2 or self._line(self._places[0]) != self._plan.agent.lineno:
            return False
        method = self._places[1]
        parameters = method.params.params if isinstance(method, cst.FunctionDef) else ()
        return bool(parameters) and parameters[0].name.value == "self"

    def _may_await(self) -> bool:
        place = self._places[-1]
        return isinstance(place, cst.FunctionDef) and place.asynchronous is not None

    # Statements

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body = self._statements(original_node, updated_node)
        return updated_node.with_changes(body=body or [cst.parse_statement("pass")])

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.If:
        """When a branch fails, the other one is taken."""
        other = updated_node.orelse
        if original_node.body in self._branches and other is not None:
            instead = [other.deep_clone()] if isinstance(other, cst.If) else statements_of(other.body)
            return updated_node.with_changes(body=_or_else(updated_node.body, instead))
        if isinstance(original_node.orelse, cst.Else) and original_node.orelse.body in self._branches:
            body = _or_else(cst.ensure_type(other, cst.Else).body, statements_of(updated_node.body))
            return updated_node.with_changes(orelse=cst.ensure_type(other, cst.Else).with_changes(body=body))
        return updated_node

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body = self._statements(original_node, updated_node)
        for line in self._bounces:
            self._unmapped.add(line, "a colleague is asked here; write it on lines of its own, so that it can be tried")
        return updated_node.with_changes(body=body)

    def _statements(
        self, original: cst.IndentedBlock | cst.Module, updated: cst.IndentedBlock | cst.Module
    ) -> list[cst.BaseStatement]:
        """The statements of a block: without those that are dropped, and with those tried that may fail."""
        lines = [self._line(one) for one in original.body]
        pairs = list(zip(lines, updated.body, strict=True))
        result: list[cst.BaseStatement] = []
        until = 0
        for line, statement in pairs:
            if line < until:
                continue
            bounce = self._bounces.pop(line, None)
            if bounce is None:
                result += self._left(line, statement)
                continue
            until = bounce.last + 1
            part = [one for at, first in pairs if line <= at < until for one in self._left(at, first)]
            if not part:
                continue
            result += tried(part, bounce.kept, self._way_out(bounce, pairs))
            if bounce.instead:
                self._branches.add(original)
            self._changes.add(line, "when nobody can be asked, or nobody answers, the agent's own idea stays")
        return result

    def _left(self, line: int, statement: cst.BaseStatement) -> list[cst.BaseStatement]:
        """What a statement is in the end: nothing, itself, or itself beside the imports of ours."""
        if line in self._plan.dropped:
            self._changes.add(line, self._plan.dropped[line])
            return []
        if line != self._plan.imports_at:
            return [statement]
        ours = [import_from("sandbox", "kit"), *(import_from("autogen_core", name) for name in sorted(self._missing))]
        leading = cst.ensure_type(statement, cst.SimpleStatementLine).leading_lines
        return [ours[0].with_changes(leading_lines=leading), *ours[1:], statement.with_changes(leading_lines=())]

    def _way_out(self, bounce: Bounce, pairs: list[tuple[int, cst.BaseStatement]]) -> list[cst.BaseStatement]:
        """What is done when a bounce fails whose other way stands before it."""
        before = (one for line, one in pairs if line == bounce.otherwise)
        return [copy for one in before for copy in statements_of(cst.ensure_type(one, cst.If).body)]

    # Small things

    def _line(self, node: cst.CSTNode) -> int:
        line: int = self.get_metadata(PositionProvider, node).start.line
        return line

    def _spelling(self, full_name: str) -> str:
        """How the module writes a name of autogen_core; one that it does not know is imported."""
        spelling = self._names.spelling(full_name)
        if spelling is None:
            spelling = full_name.rpartition(".")[2]
            self._missing.add(spelling)
        return spelling


def _or_else(block: cst.BaseSuite, instead: Sequence[cst.BaseStatement]) -> cst.BaseSuite:
    """A block that ends in a `try` of ours, with more to do when nobody answers."""
    *before, last = cst.ensure_type(block, cst.IndentedBlock).body
    return block.with_changes(body=[*before, with_otherwise(cst.ensure_type(last, cst.Try), instead)])


def _with_brackets_of(node: cst.BaseExpression, code: str) -> cst.BaseExpression:
    """An expression in the place of another one."""
    return cst.parse_expression(code).with_changes(lpar=node.lpar, rpar=node.rpar)
