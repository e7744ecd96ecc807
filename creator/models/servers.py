"""Which server a model is on, as it may be kept: two models of the same name on two servers are two models."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

SERVER_VARIABLES: Final = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "OLLAMA_HOST")
"""Where the providers' packages look for a server when nobody names one."""


def server_address(url: str) -> str:
    """A server's URL without user, password and query; empty when it is no URL."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2].lower()
    return parts._replace(netloc=host, path=parts.path.rstrip("/"), query="", fragment="").geturl()
