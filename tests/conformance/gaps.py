"""Which checks a backend does not pass on this machine, by what it lacks: `creator.isolation.guarantees` in detail.

For these the suite asserts that the attack succeeds, so that the table stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from creator.isolation.control_group import make_control_group
from creator.isolation.guarantees import CALLS, FILES, TOTAL, Means, missing

CHECKS: Final[Mapping[str, frozenset[str]]] = {
    FILES: frozenset(
        [
            "changes_a_host_file",
            "drops_a_file_on_the_host",
            "imports_the_trusted_side",
            "opens_devices",
            "opens_kernel_switches",
            "reads_a_secret_file",
            "reads_passwords_and_keys",
        ]
    ),
    CALLS: frozenset(),
    TOTAL: frozenset(),
}
"""What is not contained where something is missing."""


def gaps(backend: str) -> dict[str, str]:
    """Names of checks, and what is missing to pass them; of ``docker`` and ``container`` nothing is."""
    if backend in {"docker", "container"}:
        return {}
    group = make_control_group(1 << 30, 100)
    if group is not None:
        group.remove()
    lacks = missing(backend, Means.here(group=group is not None, packed=False))
    return {check: what for what in lacks for check in CHECKS[what]}
