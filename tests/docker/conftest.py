"""A Docker engine with the sandbox image. In CI its absence is a failure, elsewhere a reason to skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from creator.isolation.base import SandboxUnavailable
from creator.isolation.engine import connect
from creator.isolation.image import ensure_image

BASE_IMAGE = os.environ.get("CREATOR_BASE_IMAGE", "python:3.12-slim")


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A client of the engine, the image built."""
    try:
        client = connect()
        ensure_image(client, BASE_IMAGE, print)
    except SandboxUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error}")
    yield client
    client.close()
