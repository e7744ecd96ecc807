"""A pytest plugin that gives AutoGen's own tests our host and our worker runtime, in the place of AutoGen's.

``UPSTREAM_CLASSES`` says whose the tests get: ``ours``, or ``plain`` for AutoGen's. Upstream's conftest.py, which
skips what needs gRPC, has to stay away (``--noconftest``).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

import pytest
import pytest_asyncio
from autogen_ext.runtimes import grpc
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime as AutoGenRuntime
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntimeHost as AutoGenHost

NAMES: Final = ("GrpcWorkerAgentRuntimeHost", "GrpcWorkerAgentRuntime")


def _classes() -> tuple[type[Any], type[Any]]:
    match os.environ.get("UPSTREAM_CLASSES"):
        case "plain":
            return AutoGenHost, AutoGenRuntime
        case "ours":
            from creator.runtime import HardenedHost
            from sandbox.runtime import HardenedRuntime

            return HardenedHost, HardenedRuntime
        case other:
            raise pytest.UsageError(f"UPSTREAM_CLASSES has to be 'plain' or 'ours', not {other!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected: the marks that upstream's files carry, and the classes."""
    config.addinivalue_line("markers", "grpc: starts a gRPC host")
    config.addinivalue_line("markers", "windows: runs on Windows")
    for name, replacement in zip(NAMES, _classes(), strict=True):
        setattr(grpc, name, replacement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing runs with other classes than those that were asked for."""
    for module in {item.getparent(pytest.Module) for item in items}:
        assert module is not None
        for name in NAMES:
            assert getattr(module.obj, name) is getattr(grpc, name), f"{module.name} has another {name}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips itself has failed."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test has failed that was skipped by anything but a mark which always skips it."""
    report = yield
    if report.skipped and item.get_closest_marker("skip") is None:
        report.outcome = "failed"
    return report


@pytest_asyncio.fixture(autouse=True)
async def no_plain_host_left(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None, None]:
    """Stop AutoGen's hosts which a test leaves running: they keep the process from ever ending.

    Ours has to end with its event loop, so it is left alone.
    """
    started: list[AutoGenHost] = []
    start = AutoGenHost.start

    def start_noted(host: AutoGenHost) -> None:
        start(host)
        started.append(host)

    if os.environ["UPSTREAM_CLASSES"] == "plain":
        monkeypatch.setattr(AutoGenHost, "start", start_noted)
    yield
    for host in started:
        if host._serve_task is not None:
            await host.stop(grace=0)
