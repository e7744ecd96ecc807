"""Register as the trusted agents: creator, registry, model gateway, supervisor."""

REFUSED = "may not register 'creator'"


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, found = connection(agent), []
    for name in ("creator", "registry", "model_gateway", "supervisor", "world", "host"):
        request = pb.RegisterAgentTypeRequest(type=name)
        if attempt_result := await answered(link.stub.RegisterAgent(request, metadata=link.metadata)):
            found.append((name, attempt_result))
    return found


async def answered(call):
    try:
        await call
        return "accepted"
    except Exception as error:
        NOTES.append(f"{error}"[:80])
