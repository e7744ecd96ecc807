"""Which trace a request belongs to. What a cell says of it is hostile: it could hang the user's spans anywhere."""

from __future__ import annotations

import re
from typing import Final

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from sandbox.runtime.tracing import FIELDS

_VALUE: Final = re.compile(r"[\x20-\x7e]{1,512}", re.ASCII)
_TRACE_ID: Final = slice(0, 36)
"""Of a ``traceparent``: its version and its trace's id, each with a dash behind it."""


def trace_of(request: pb.RpcRequest) -> dict[str, str]:
    """What a request says of its trace, as far as it has the form of that."""
    found = {field: request.metadata[field] for field in FIELDS if field in request.metadata}
    return {field: value for field, value in found.items() if _VALUE.fullmatch(value)}


def joined_trace(request: pb.RpcRequest, answered: pb.RpcRequest | None) -> dict[str, str]:
    """The trace of a cell's request: that of the request which it is answering, whatever else it says.

    Args:
        request: What it sends; a span of its own is believed when it is in that trace.
        answered: The request that it is answering; None when it asks of its own accord.
    """
    known = trace_of(answered) if answered is not None else {}
    parent, own = known.get("traceparent", ""), trace_of(request).get("traceparent", "")
    return {**known, "traceparent": own} if parent and own[_TRACE_ID] == parent[_TRACE_ID] else known
