"""Register under the name of another live agent, take it away from it, and replace it."""

REFUSED = "may not register 'honest_ada'"


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, found = connection(agent), []
    for extra in ([], [("operation", "unregister")], [("operation", "replace")]):
        request = pb.RegisterAgentTypeRequest(type=targets["honest"])
        with _contextlib.suppress(Exception):
            await link.stub.RegisterAgent(request, metadata=[*link.metadata, *extra])
            found.append(extra)
    return found
