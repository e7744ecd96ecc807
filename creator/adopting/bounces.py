"""Where a foreign agent asks a colleague, and what it falls back to when nobody answers.

A bounce is usually one branch: ``if random.random() < 0.5:`` ask somebody, and take the answer for one's own idea.
When the asking fails, the agent has to go on as if the branch had not been taken.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from creator.adopting.names import FIND_RECIPIENT, MESSAGE, Function, Names, dotted, methods, read_names
from creator.policy.scope import bindings

_NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_SEND: Final = "self.send_message"
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)

Block = list[ast.stmt]


@dataclass(frozen=True)
class Bounce:
    """Statements of one block that are to be tried.

    Attributes:
        first: The line of the first of them.
        last: The line where the last of them begins.
        kept: Variables that they change before the answer is there, and free names to keep their values under.
        instead: Whether the other branch of their ``if`` is taken when they fail.
        otherwise: The line of the ``if`` before them that returns without a bounce, when there is one.
    """

    first: int
    last: int
    kept: dict[str, str] = field(default_factory=dict)
    instead: bool = False
    otherwise: int | None = None


@dataclass
class Bounces:
    """All bounces of an agent.

    Attributes:
        by_first: The statements to be tried, by the line of the first.
        without_own_idea: Lines of requests to a colleague whose failure cannot be helped.
    """

    by_first: dict[int, Bounce] = field(default_factory=dict)
    without_own_idea: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, agent: ast.ClassDef, names: Names, handlers: list[Function]) -> Bounces:
        """Finds the bounces of an agent's handlers, and of the methods that they use."""
        bounces = cls()
        asking = {_SEND}
        for method in methods(agent):
            if method not in handlers and bounces._add(method, names, {_SEND}):
                asking.add(f"self.{method.name}")  # its callers can fall back to what they had
        for handler in handlers:
            bounces.without_own_idea += bounces._add(handler, names, asking)
        return bounces

    def _add(self, method: Function, names: Names, asking: set[str]) -> list[int]:
        """Add the bounces of a method; gives the lines where a failure cannot be helped."""
        search = _Search(names, asking, taken={one.id for one in ast.walk(method) if isinstance(one, ast.Name)})
        search.look_at(method.body, set(), {one.arg for one in method.args.args}, method)
        self.by_first.update({one.first: one for one in search.found})
        return search.lost


@dataclass
class _Search:
    """Looks for the bounces of one method."""

    names: Names
    asking: set[str]
    taken: set[str]
    found: list[Bounce] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    def look_at(self, block: Block, later: set[str], bound: set[str], of: ast.AST) -> None:
        """Find the bounces of a block, and the lines where there is nothing to fall back to.

        Args:
            block: Its statements.
            later: The variables that are read after it.
            bound: The variables that surely have a value before it.
            of: The statement that the block belongs to, or the method.
        """
        asking = [index for index, statement in enumerate(block) if self._asks(statement)]
        if any(self._asks_itself(block[index]) for index in asking):
            if isinstance(of, Function):
                self._try_method(block, asking, bound)
            else:
                self._try_branch(block, asking, later, bound, of)
            return
        needed = _needed_before(block, later)
        for index, statement in enumerate(block):
            for inner in _blocks(statement) if index in asking else []:
                again = _needed(inner) if isinstance(statement, _LOOPS) else set()
                self.look_at(inner, needed[index + 1] | again, bound, statement)
            bound = bound | _bound_by([statement])

    def _try_branch(self, block: Block, asking: list[int], later: set[str], bound: set[str], of: ast.AST) -> None:
        """A branch is tried to its end: if that fails, the other branch is taken, or all goes on behind it."""
        other = (of.orelse if block is of.body else of.body) if isinstance(of, ast.If) else []
        instead = bool(other) and not any(map(self._asks, other))
        may_be_left_out = instead or (isinstance(of, ast.If) and not other)
        returns = isinstance(block[-1], ast.Return) and not isinstance(of, _LOOPS)
        if not may_be_left_out and (returns or (_written(block) & later) - bound):
            self.lost.append(block[asking[0]].lineno)
            return
        kept = self._changed_before_answer(block) & (later | _needed(other)) & bound
        self._found(block if kept else block[asking[0] :], kept, instead=instead)

    def _try_method(self, block: Block, asking: list[int], bound: set[str]) -> None:
        """Of a whole method, what stands before its ``return`` is tried; or all, when there is another way out."""
        first = asking[0]
        way_out = next((i for i in reversed(range(first)) if self._is_way_out(block[i])), None)
        if way_out is not None:
            kept = self._changed_before_answer(block[way_out + 1 :]) & _needed([block[way_out]])
            tried = block[way_out + 1 if kept else first :]
            self._found(tried, kept & (bound | _bound_by(block[:way_out])), otherwise=block[way_out].lineno)
            return
        bound = bound | _bound_by(block[:first])
        end = next((i for i, one in enumerate(block) if i >= first and isinstance(one, ast.Return)), len(block))
        tried, after = block[first:end], _needed(block[end:])
        on_one_line = end < len(block) and block[end].lineno == block[end - 1].lineno
        unknown = (_written(tried) - bound) | self._answers(tried, block[:first])
        if end <= asking[-1] or on_one_line or unknown & after:
            self.lost.append(block[first].lineno)
        else:
            self._found(tried, self._changed_before_answer(tried) & after)

    def _found(self, block: Block, kept: set[str], *, instead: bool = False, otherwise: int | None = None) -> None:
        copies = {name: next(one for one in _copies(name) if one not in self.taken) for name in sorted(kept)}
        self.found.append(Bounce(block[0].lineno, block[-1].lineno, copies, instead, otherwise))

    def _asks(self, node: ast.AST) -> bool:
        """Whether this piece of code looks for a colleague, or asks one."""
        if isinstance(node, _NESTED):
            return False
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in self.asking or self.names.meaning(name) == FIND_RECIPIENT:
                return True
        return any(self._asks(child) for child in ast.iter_child_nodes(node) if not _handles_failures(node, child))

    def _asks_itself(self, statement: ast.stmt) -> bool:
        """Whether a statement asks somewhere else than in its blocks."""
        inner = {id(one) for block in _blocks(statement) for one in block}
        inner.update(id(one) for one in getattr(statement, "handlers", []))
        if not inner:
            return self._asks(statement)
        return any(self._asks(child) for child in ast.iter_child_nodes(statement) if id(child) not in inner)

    def _changed_before_answer(self, block: Block) -> set[str]:
        """The variables that a block changes while a failure is still possible."""
        asking = [index for index, statement in enumerate(block) if self._asks(statement)]
        if not asking:
            return set()
        changed = _written(block[: asking[-1]])
        return changed.union(*(self._changed_before_answer(inner) for inner in _blocks(block[asking[-1]])))

    def _is_way_out(self, statement: ast.stmt) -> bool:
        """Whether this is an ``if`` that draws lots and, without any bounce, returns."""
        if not isinstance(statement, ast.If) or statement.orelse or not isinstance(statement.body[-1], ast.Return):
            return False
        calls = (self.names.of_node(one.func) for one in ast.walk(statement.test) if isinstance(one, ast.Call))
        return any((name or "").startswith("random.") for name in calls) and not self._asks(statement)

    def _answers(self, tried: Block, before: Block) -> set[str]:
        """The variables that hold a colleague's whole answer, unless they held a message of one's own before."""
        own: set[str] = set()
        for target, value in _assignments(before):
            is_message = isinstance(value, ast.Call) and self.names.of_node(value.func) == MESSAGE
            own = own | {target} if is_message else own - {target}
        awaited = ((target, value.value) for target, value in _assignments(tried) if isinstance(value, ast.Await))
        return {
            target
            for target, call in awaited
            if isinstance(call, ast.Call) and dotted(call.func) == _SEND and target not in own
        }


def _copies(name: str) -> Iterator[str]:
    """Names for a variable that keeps the value of another one."""
    return (f"own_{name}{'_' * count}" for count in itertools.count())


def _assignments(statements: Sequence[ast.stmt]) -> list[tuple[str, ast.expr]]:
    nodes = (one for statement in statements for one in ast.walk(statement))
    return [
        (target.id, node.value)
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def _handles_failures(node: ast.AST, child: ast.AST) -> bool:
    """Whether this is a statement of a ``try`` whose author took care of every failure."""
    if not isinstance(node, ast.Try) or child not in node.body:
        return False
    return any(one.type is None or dotted(one.type) in {"Exception", "BaseException"} for one in node.handlers)


def _blocks(statement: ast.stmt) -> list[Block]:
    """The blocks of a compound statement that are lines of their own, definitions excepted."""
    if isinstance(statement, _NESTED):
        return []
    blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [handler.body for handler in getattr(statement, "handlers", [])]
    return [block for block in blocks if block and block[0].lineno > statement.lineno]


def _written(statements: Iterable[ast.stmt]) -> set[str]:
    return {name for statement in statements for node in ast.walk(statement) for name in bindings(node)}


def _bound_by(statements: Iterable[ast.stmt]) -> set[str]:
    """The variables that surely have a value after these statements."""
    bound: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.If):
            branches = [statement.body, statement.orelse]
        elif isinstance(statement, ast.Try):
            branches = [statement.body, *(handler.body for handler in statement.handlers)]
        elif isinstance(statement, ast.With | ast.AsyncWith):
            branches = [statement.body]
        else:
            branches = []
            bound |= set() if isinstance(statement, _LOOPS) else _written([statement])
        if branches:
            bound |= set.intersection(*map(_bound_by, branches))
    return bound


def _needed(block: Block) -> set[str]:
    """The variables that are read in a block before they get a value there."""
    return _needed_before(block, set())[0]


def _needed_before(block: Block, later: set[str]) -> list[set[str]]:
    """For each statement of a block, and for its end: the variables that are read from there on, in it or later."""
    needed = [later]
    for statement in reversed(block):
        needed.append(_reads(statement) | (needed[-1] - _bound_by([statement])))
    return needed[::-1]


def _reads(statement: ast.stmt) -> set[str]:
    """The variables that a statement reads before it gives them a value."""
    blocks = _blocks(statement)
    inner = {id(one) for block in blocks for one in block}
    headers = (one for one in ast.iter_child_nodes(statement) if id(one) not in inner) if inner else [statement]
    reads = {name for one in headers if not isinstance(one, ast.ExceptHandler) for name in read_names(one)}
    return reads.union(*map(_needed, blocks))
