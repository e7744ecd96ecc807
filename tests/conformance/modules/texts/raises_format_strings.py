"""Fail with a text that a format string would be fooled by."""

ANSWERS = True
EXPECT = r"^it raised RuntimeError: \{0\.__class__\.__mro__\} %s%n\{self\} \$\{HOME\} #\{7\*7\}$"


async def attack(agent, message, ctx, targets):
    raise RuntimeError("{0.__class__.__mro__} %s%n{self} ${HOME} #{7*7}")
