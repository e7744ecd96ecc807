"""Read a file of the host that only its owner may read."""

CONTROL = True


async def attack(agent, message, ctx, targets):
    with open(targets["secret_file"], encoding="utf-8") as file:
        return file.read()
