"""Hide code in a comment, which an encoding cookie turns into a line of its own."""
# -*- coding: utf-7 -*-
# +AAo-HIDDEN = True
# Read as UTF-8 the line above is a comment; read as its cookie says it begins a new line.


async def attack(agent, message, ctx, targets):
    return globals().get("HIDDEN")
