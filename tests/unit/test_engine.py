"""Removing a container from an engine that does not want to."""

from __future__ import annotations

from typing import Any

import docker.errors
import pytest
import requests.exceptions

from creator.isolation import SandboxUnavailable, engine


class Response:
    """What docker-py looks at of an HTTP answer."""

    reason = "it says no"

    def __init__(self, status: int) -> None:
        self.status_code = status


def refusal(status: int) -> docker.errors.APIError:
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("refused", response=Response(status), explanation="the device\nis busy")


class Container:
    """Answers each try to remove it with the next of its outcomes."""

    short_id = "0123456789ab"

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.waits = 0

    def remove(self, *, force: bool) -> None:
        assert force
        if (outcome := self.outcomes.pop(0)) is not None:
            raise outcome

    def wait(self, **options: Any) -> None:
        self.waits += 1
        raise requests.exceptions.ReadTimeout


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "REMOVE_PAUSES", (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "outcomes",
    [
        [None],
        [refusal(404)],
        [refusal(500), None],
        [requests.exceptions.ReadTimeout(), refusal(404)],
        [refusal(409), refusal(409), None],
    ],
)
def test_a_container_is_removed_however_often_it_takes(outcomes: list[Exception | None]) -> None:
    container = Container(*outcomes)
    engine.remove_container(container)
    assert container.outcomes == []
    assert container.waits == sum(getattr(one, "status_code", 0) == 409 for one in outcomes)


def test_one_that_cannot_be_removed_is_named_with_the_engines_reason() -> None:
    with pytest.raises(SandboxUnavailable, match="0123456789ab cannot be removed: the device is busy"):
        engine.remove_container(Container(*[refusal(500)] * 3))
