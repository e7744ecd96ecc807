"""Where generated modules run: one protocol, three backends."""

from creator.isolation.base import Sandbox, SandboxUnavailable
from creator.isolation.choose import inspect_sandbox, open_sandbox

__all__ = ["Sandbox", "SandboxUnavailable", "inspect_sandbox", "open_sandbox"]
