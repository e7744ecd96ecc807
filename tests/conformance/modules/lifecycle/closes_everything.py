"""Close every descriptor that it has, the supervisor's and the host's too."""

import os

EXPECT = "process ended|lost|went away|unresponsive|exit|signal|closed|raised"


async def attack(agent, message, ctx, targets):
    os.closerange(3, 4_096)
