"""AutoGen's gRPC worker runtime, mended: every request ends in an answer or a typed error within its deadline.

What the plain `GrpcWorkerAgentRuntime` 0.7.5 does instead stands in ``docs/explanation/autogen-faults.md``, fault by
fault; the host's half of the mending stands in ``creator.runtime``.
"""

from sandbox.runtime.worker import HardenedRuntime

__all__ = ["HardenedRuntime"]
