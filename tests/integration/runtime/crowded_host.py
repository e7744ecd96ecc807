"""A host in a process of its own whose N clients, in another one, are gone all at once: ``crowded_host N``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile

from creator.runtime import HardenedHost
from sandbox.runtime import HardenedRuntime


async def connect(address: str, count: int) -> None:
    runtimes = [HardenedRuntime(address, reconnect_for=0, frozen_after=None) for _ in range(count)]
    for runtime in runtimes:
        await runtime.start()
    print("connected", flush=True)
    await asyncio.Event().wait()


async def serve(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="crowded-") as folder:
        async with HardenedHost(f"unix:{folder}/host") as host:
            command = (sys.executable, "-m", "tests.integration.runtime.crowded_host", str(count), host.address)
            clients = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            try:
                assert clients.stdout is not None
                await clients.stdout.readline()
                print(host.counters.clients, flush=True)
            finally:
                clients.kill()
                await clients.wait()


if __name__ == "__main__":
    asyncio.run(connect(sys.argv[2], int(sys.argv[1])) if len(sys.argv) > 2 else serve(int(sys.argv[1])))
