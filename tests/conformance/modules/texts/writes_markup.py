"""Write an idea with scripts, styles, images that call home, links that run code, and headings of its own."""

ANSWERS = True
EXPECT = "^answered: "


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    text = (
        "<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1)) ![](http://127.0.0.1:9/x)\n"
        "# Heading\n\n---\n</td></table><style>*{display:none}</style>\n[ref]: javascript:alert(1)\n<!-- "
    )
    title = "<script>alert(1)</script>[x](javascript:alert(1))"
    return kit.Proposal(
        idea=kit.Idea(title=title, problem=text, customer=text, solution=text, revenue_model=text, first_step=text)
    )
