"""The process that cells are forked from, and what the supervisor learns of a cell that cannot even begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from autogen_core import CancellationToken, MessageContext

from sandbox.cell import CellPlace
from sandbox.protocol import StartCell
from sandbox.supervisor import Supervisor
from sandbox.zygote import Zygote

NO_SUCH_USER = 1 << 40
START = StartCell(name="ada", sha256="0" * 64, credential="x", seed=1, deadline=20)


@pytest.fixture
async def zygote(request: pytest.FixtureRequest) -> AsyncIterator[Zygote]:
    place = CellPlace(address="unix:/nowhere", directory=Path("/nowhere"), **request.param)
    zygote = Zygote(place)
    zygote.listen()
    yield zygote
    zygote.close()
    await asyncio.sleep(0)  # for its sockets to be closed


async def ordered(zygote: Zygote) -> str:
    """Why a birth failed."""
    supervisor = Supervisor(zygote)
    context = MessageContext(None, None, False, CancellationToken(), "1")
    async with asyncio.timeout(15):
        report = await supervisor.start_cell(START, context)
    assert report.state == "failed"
    await supervisor.stop()
    return report.reason


@pytest.mark.parametrize("zygote", [{"first_uid": NO_SUCH_USER}], indirect=True)
async def test_a_cell_that_cannot_be_confined_says_why(zygote: Zygote) -> None:
    assert "OverflowError" in await ordered(zygote)


@pytest.mark.parametrize("zygote", [{}], indirect=True)
async def test_a_cell_that_cannot_reach_its_host_says_so(zygote: Zygote) -> None:
    assert "RecipientLost" in await ordered(zygote)


@pytest.mark.parametrize("zygote", [{}], indirect=True)
async def test_a_killed_cell_has_ended_and_can_be_killed_again(zygote: Zygote) -> None:
    cell = await zygote.launch(3)
    cell.kill()
    async with asyncio.timeout(15):
        assert await cell.ended == "signal 9"
    cell.kill()
    cell.send(b"nobody reads this\n")
    assert cell.resident_bytes() == 0
