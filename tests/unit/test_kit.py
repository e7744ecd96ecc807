"""What a generated module may import from us."""

from __future__ import annotations

from contextvars import copy_context

from sandbox import kit


def test_each_agent_of_a_shared_cell_draws_its_own_chances() -> None:
    def draws(seed: int) -> list[bool]:
        kit._configure(seed, None)
        return [kit.chance(0.5) for _ in range(20)]

    alone = copy_context().run(draws, 1), copy_context().run(draws, 2)
    assert alone[0] != alone[1]

    contexts = copy_context(), copy_context()
    for seed, context in enumerate(contexts, start=1):
        context.run(kit._configure, seed, None)
    together = [[context.run(kit.chance, 0.5) for context in contexts] for _ in range(20)]
    assert tuple(map(list, zip(*together, strict=True))) == alone


def test_the_runs_own_probability_goes_before_an_agents() -> None:
    def drawn(override: float) -> set[bool]:
        kit._configure(1, override)
        return {kit.chance(0.5) for _ in range(50)}

    assert copy_context().run(drawn, 1.0) == {True}
    assert copy_context().run(drawn, 0.0) == {False}
