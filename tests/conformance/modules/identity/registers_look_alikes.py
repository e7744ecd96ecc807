"""Register names that look like others: Cyrillic letters, blanks, line ends, path separators, capitals, very long."""

REFUSED = "may not register"
NAMES = ["cre\u0430tor", "honest_\u0430da", "honest_ada ", "honest_ada\n", "../creator", "Creator", "creator\0", "x" * 90_000]
NAMES += ["", " ", "h\u200bonest_ada", "honest_ada/default", "\u202erotaerc", "cr\u00e9ator", "{self}", "%s%n"]


async def attack(agent, message, ctx, targets):
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    link, found = connection(agent), []
    for name in NAMES:
        with _contextlib.suppress(Exception):
            await link.stub.RegisterAgent(pb.RegisterAgentTypeRequest(type=name), metadata=link.metadata)
            found.append(name)
    return found
