"""Write an idea that moves the cursor, changes the title and the clipboard of a terminal, and hides text."""

ANSWERS = True
EXPECT = "^answered: "


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    text = "a\x1b[2J\x1b]0;title\x07\x1b]52;c;eA==\x07\x9b31m\x1bPq\x1b\\b\x08\x08\x7f\u202eterces\u202c\u2066x\u2069\u200b\ufeff\r\nc"
    return kit.Proposal(
        idea=kit.Idea(title=text, problem=text, customer=text, solution=text, revenue_model=text, first_step=text)
    )
