"""The backends under test, each with its runs: a run is started when its first test asks for it, and kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from creator.isolation.base import SandboxUnavailable
from creator.isolation.bubblewrap import probe
from creator.isolation.engine import connect
from creator.isolation.image import ensure_image
from tests.conformance.hostile import GROUPS
from tests.conformance.population import BASE_IMAGE, Result, run_population

BY_DEFAULT: Final = ("docker", "container", "bubblewrap", "process")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All backends, or the one that was asked for."""
    if "backend" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--backend")
        names = BY_DEFAULT if wanted is None else (wanted,)
        marks = {"docker": [pytest.mark.docker], "container": [pytest.mark.docker]}
        values = [pytest.param(name, marks=marks.get(name, [])) for name in names]
        metafunc.parametrize("backend", values, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """A backend that works here. In CI one that does not is a failure, elsewhere a reason to skip."""
    name = str(request.param)
    try:
        if name in {"docker", "container"}:
            request.getfixturevalue("docker_engine")
        elif name == "bubblewrap":
            asyncio.run(probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error}")
    return name


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Any]:
    """A client of the engine, the image built."""
    client = connect()
    ensure_image(client, BASE_IMAGE, print)
    yield client
    client.close()


@pytest.fixture(scope="session")
def result_of(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Result]:
    """Gives the result of a run by its label."""
    results: dict[str, Result | BaseException] = {}
    engine = request.getfixturevalue("docker_engine") if backend in {"docker", "container"} else None

    def give(label: str) -> Result:
        if label not in results:
            output = tmp_path_factory.mktemp(f"{backend}-{label}")
            quiet = label.startswith("batch-")
            birth, reply = (10.0, 30.0) if quiet else (5.0, 15.0)
            if backend == "container":  # dozens of containers that start at once are slow on a busy machine
                birth, reply = 2 * birth + 10, reply + 15
            try:
                results[label] = run_population(backend, GROUPS[label], output, birth=birth, reply=reply, engine=engine)
            except Exception as error:
                results[label] = error
        result = results[label]
        if isinstance(result, BaseException):
            raise RuntimeError(f"the run {label!r} failed") from result
        return result

    return give
