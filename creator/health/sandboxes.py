"""The sandboxes: Docker's engine and its image, bubblewrap, and what dead runs left behind."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from creator.errors import CreatorError, EnvironmentFault
from creator.health import advice
from creator.health.check import Check, Mend, first_line
from creator.isolation.bubblewrap import probe
from creator.isolation.engine import connect
from creator.isolation.image import ImageMissing, ensure_image, find_image
from creator.isolation.leftovers import Leftover, find_leftovers

_DOCKER_SECONDS: Final = 10.0


def docker_checks(base_image: str) -> list[Check]:
    """The engine, and its image where it answers. Asked in a thread of its own: an engine that hangs must not hang us.

    Args:
        base_image: What the image is built on.
    """
    answer: list[list[Check]] = []
    thread = threading.Thread(target=lambda: answer.append(_ask(base_image)), daemon=True)
    thread.start()
    thread.join(_DOCKER_SECONDS)
    if answer:
        return answer[0]
    return [Check("Docker", "missing", f"the engine did not answer within {_DOCKER_SECONDS:g} s", "restart it")]


def _ask(base_image: str) -> list[Check]:
    try:
        client = connect()
    except CreatorError as error:
        return [Check("Docker", "missing", first_line(error), advice.docker(error))]
    try:
        version = str(client.version().get("Version", "of unknown version"))
        return [Check("Docker", "ok", f"engine {version} answers"), _image(client, base_image)]
    except Exception as error:
        return [Check("Docker", "missing", f"the engine fails: {first_line(error)}", "restart it")]
    finally:
        client.close()


def _image(client: Any, base_image: str) -> Check:
    try:
        return Check("image", "ok", f"{find_image(client, base_image)} is built")
    except ImageMissing:
        mend = Mend("Build the sandbox image now, in about a minute?", lambda say: build_image(base_image, say))
        return Check("image", "missing", "the sandbox image is not built yet", "the next spawn builds it", mend)
    except CreatorError as error:
        return Check("image", "missing", first_line(error))


def build_image(base_image: str, say: Callable[[str], None]) -> None:
    """Build Docker's image of the sandbox; blocking.

    Args:
        base_image: What it is built on.
        say: Called with a line for each step.

    Raises:
        SandboxUnavailable: The engine does not answer, or the build failed.
    """
    client = connect()
    try:
        ensure_image(client, base_image, say)
    finally:
        client.close()


def bubblewrap_check() -> Check:
    """Whether bubblewrap works here."""
    try:
        return Check("bubblewrap", "ok", asyncio.run(probe()))
    except CreatorError as error:
        return Check("bubblewrap", "missing", first_line(error), advice.bubblewrap())


def remove_leftovers(base_image: str) -> Iterator[tuple[Leftover, str]]:
    """Remove what nothing uses any more.

    Args:
        base_image: What the present sandbox image is built on; that image stays.

    Yields:
        Each with the reason why it could not be removed, or an empty one.
    """
    with _leftovers(base_image) as found:
        for leftover in found:
            try:
                leftover.remove()
                yield leftover, ""
            except Exception as error:  # each engine has its own: the others are removed all the same
                yield leftover, first_line(error)


def leftovers_check(base_image: str, *, engine: bool) -> Check:
    """What dead runs and earlier versions left behind.

    Args:
        base_image: As above.
        engine: Whether Docker's engine answers.
    """

    def tidy(say: Callable[[str], None]) -> None:
        failed = [problem for _, problem in remove_leftovers(base_image) if problem]
        if failed:
            raise EnvironmentFault(f"{len(failed)} of them stay: {failed[0]}")

    with _leftovers(base_image) if engine else nullcontext(find_leftovers(None, base_image)) as leftovers:
        found = Counter(leftover.kind for leftover in leftovers)
    if not found:
        return Check("leftovers", "ok", "none")
    what = ", ".join(f"{number} {kind}{'s' * (number > 1)}" for kind, number in found.items())
    mend = Mend(f"Remove what is left over ({what})?", tidy)
    return Check("leftovers", "missing", f"{what}, of dead runs or earlier versions", "", mend)


@contextmanager
def _leftovers(base_image: str) -> Iterator[list[Leftover]]:
    """What is left over, which can be removed while the connection to the engine is open."""
    try:
        client = connect()
    except CreatorError:
        yield find_leftovers(None, base_image)  # then there is nothing of Docker's to remove
        return
    try:
        yield find_leftovers(client, base_image)
    finally:
        client.close()
