"""Send empty messages, unknown methods, odd ids, metadata without end."""


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, me = connection(agent), agent.id.type
    await link.send(pb.Message())
    await link.send(pb.Message(request=pb.RpcRequest()))
    await link.send(pb.Message(response=pb.RpcResponse()))
    for text in ("", "\n", "x" * 5_000, "\0", "{0.__class__}", "../x"):
        odd = raw_request("registry", "ColleagueRequest", b"{}", me, timeout=text, parent=text, conversation=text)
        odd.request.request_id = text
        odd.request.method = text
        await link.send(odd)
    many = raw_request("registry", text, b"\xff\xfe\0", me, **{f"m{number}": "x" * 50 for number in range(2_000)})
    await link.send(many)
