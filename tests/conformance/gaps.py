"""Which checks a backend does not pass on this machine, by what it lacks: `creator.isolation.guarantees` in detail.

For these the suite asserts that the attack succeeds, so that the table stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from creator.isolation.control_group import make_control_group
from creator.isolation.guarantees import CALLS, FILES, HELPERS, TOTAL, Means, missing

WITHOUT: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "process": {
        FILES: (
            "drops_a_file_on_the_host",
            "imports_the_trusted_side",
            "lists_interfaces",
            "makes_others_die_first",
            "opens_devices",
            "opens_kernel_switches",
            "plants_a_library",
            "reads_a_secret_file",
            "reads_command_lines_of_others",
            "reads_passwords_and_keys",
            "runs_setuid_programs",
            "writes_among_the_modules",
            "writes_everywhere",
        ),
        CALLS: (
            "asks_the_metadata_service",
            "connects_to_a_unix_socket",
            "forks_without_end",
            "handles_page_faults",
            "leaves_a_child_with_its_pipes",
            "leaves_a_daemon",
            "lists_interfaces",
            "makes_namespaces",
            "opens_a_vsock",
            "opens_odd_sockets",
            "sends_a_datagram",
            "slows_others_down",
            "talks_behind_the_hosts_back",
            "talks_to_the_engine",
            "uses_io_uring",
            "uses_keyrings",
            "watches_performance",
            "writes_among_the_modules",
        ),
        TOTAL: ("starts_threads_without_end",),
    },
    "bubblewrap": {
        HELPERS: (
            "makes_others_die_first",
            "opens_kernel_switches",
            "reads_descriptors_of_others",
            "reads_memory_of_others",
        ),
        CALLS: (
            "forks_without_end",
            "handles_page_faults",
            "opens_a_vsock",
            "opens_odd_sockets",
            "talks_behind_the_hosts_back",
            "uses_io_uring",
            "uses_keyrings",
            "watches_performance",
        ),
        TOTAL: ("starts_threads_without_end",),
    },
}
"""By backend and by what is missing: what is not contained then."""


def gaps(backend: str) -> dict[str, str]:
    """Names of checks that a backend does not pass here, and what is missing for it; Docker passes them all."""
    if backend not in WITHOUT:
        return {}
    group = make_control_group(1 << 30, 100)
    if group is not None:
        group.remove()
    lacks = missing(backend, Means.here(group=group is not None, packed=False))
    return {check: what for what in lacks for check in WITHOUT[backend].get(what, ())}
