"""Introduce itself with a colleague's name and with texts that templates would run."""

ANSWERS = True
WHEN = "hello"


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    return kit.Introduction(name=targets["honest"], sector="{{7*7}}\x1b[2J<script>alert(1)</script>", skills=["{0}"] * 16)
