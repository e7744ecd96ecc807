"""Raise what ends a program and not a handler: SystemExit, out of the handler of a message."""

ANSWERS = True
EXPECT = "SystemExit|exit code|process ended|lost|closed"


async def attack(agent, message, ctx, targets):
    raise SystemExit(0)
