"""A small assembler for seccomp's filters: classic BPF, of which only jumps forward are needed.

A filter is a list of instructions that reads `struct seccomp_data` (the call's number, the architecture, and six
arguments of 64 bits) and returns a verdict. Source: Documentation/userspace-api/seccomp_filter.rst of Linux.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_GREATER: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_LONGEST_JUMP: Final = 255


class Instruction(NamedTuple):
    """One instruction, a `struct sock_filter`.

    Attributes:
        code: What it does.
        yes: How many instructions a jump passes over when its condition holds.
        no: How many it passes over when it does not.
        operand: What is loaded, compared with or returned.
    """

    code: int
    yes: int
    no: int
    operand: int


Body = list[Instruction]
"""Instructions that end in a verdict whatever happens."""

LOAD_NUMBER: Final = Instruction(_LOAD, 0, 0, 0)
LOAD_ARCHITECTURE: Final = Instruction(_LOAD, 0, 0, 4)

ALLOW: Final = Instruction(_RETURN, 0, 0, 0x7FFF0000)
KILL_PROCESS: Final = Instruction(_RETURN, 0, 0, 0x80000000)


def fail(error: int) -> Instruction:
    """The call is not made, and fails with this error's number."""
    return Instruction(_RETURN, 0, 0, 0x00050000 | error)


def load_argument(index: int, mask: int = 0xFFFFFFFF) -> list[Instruction]:
    """Load the lower 32 bits of an argument, those of a mask only.

    The kernel itself takes no more of what is compared here: all are of type int, or clone's flags. To look at the
    upper half would let a caller past who sets a bit there.
    """
    load = Instruction(_LOAD, 0, 0, 16 + 8 * index)  # both architectures are little-endian
    return [load] if mask == 0xFFFFFFFF else [load, Instruction(_AND, 0, 0, mask)]


def if_equal(values: int | Iterable[int], body: Body) -> list[Instruction]:
    """Go into the body when what was loaded is one of these values; else go on behind it."""
    return _each(_IF_EQUAL, values, body)


def unless_equal(value: int, body: Body) -> list[Instruction]:
    """Go into the body when what was loaded is another value; else go on behind it."""
    return [Instruction(_IF_EQUAL, len(body), 0, value), *body]


def if_greater(value: int, body: Body) -> list[Instruction]:
    """Go into the body when what was loaded is greater, both taken as unsigned; else go on behind it."""
    return _each(_IF_GREATER, value, body)


def if_any_bit(mask: int, body: Body) -> list[Instruction]:
    """Go into the body when what was loaded has one of these bits; else go on behind it."""
    return _each(_IF_ANY_BIT, mask, body)


def _each(code: int, values: int | Iterable[int], body: Body) -> list[Instruction]:
    if body[-1].code != _RETURN or len(body) > _LONGEST_JUMP:
        raise ValueError(f"a body of {len(body)} instructions has to end in a verdict, after {_LONGEST_JUMP} at most")
    values = [values] if isinstance(values, int) else values
    return [step for value in values for step in (Instruction(code, 0, len(body), value), *body)]


def assemble(program: list[Instruction]) -> bytes:
    """The filter as the kernel takes it."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
