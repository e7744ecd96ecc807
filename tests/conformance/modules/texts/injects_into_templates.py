"""Write an idea whose text templates and shells would run."""

ANSWERS = True
EXPECT = r"^answered: \{\{7\*7\}\} \$\{7\*7\} \{% raw %\} \$\(id\) `id`"


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    text = "{{7*7}} ${7*7} {% raw %} $(id) `id` {{ config.__class__.__mro__ }} <%= 7*7 %> {0} %(x)s"
    return kit.Proposal(
        idea=kit.Idea(title=text, problem=text, customer=text, solution=text, revenue_model=text, first_step=text)
    )
