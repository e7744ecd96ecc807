"""A host on a unix socket, with a trusted client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from creator.runtime import Credentials, HardenedHost
from tests.integration.runtime.house import House

OpenHouse = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path short enough for a unix socket."""
    return Path(tmp_path_factory.mktemp("s", numbered=True)) / "host.sock"


@pytest.fixture
def open_house(socket: Path) -> OpenHouse:
    """Opens a house whose host has further options."""

    @asynccontextmanager
    async def opened(address: str | None = None, client: dict[str, Any] | None = None, **options: Any) -> Any:
        credentials = Credentials()
        holder: list[House] = []
        async with HardenedHost(
            address or f"unix:{socket}",
            credentials=credentials,
            on_exchange=lambda exchange: holder[0].exchanges.append(exchange),
            on_refusal=lambda client, reason: holder[0].refusals.append((client, reason)),
            on_disconnect=lambda client: holder[0].disconnected.append(client),
            **{"hop_limit": 2} | options,
        ) as host:
            house = House(host, credentials)
            holder.append(house)
            house.trusted = await house.connect("creator", role="trusted", **client or {})
            yield house
            for runtime in house.runtimes:
                if runtime._running:
                    await runtime.stop(grace=0)

    return opened


@pytest.fixture
async def house(open_house: OpenHouse) -> AsyncIterator[House]:
    """A host with a trusted client."""
    async with open_house() as house:
        yield house
