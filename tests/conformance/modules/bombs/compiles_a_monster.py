"""Have the interpreter compile a text that has brought down parsers, at import."""

WHEN = "import"
EXPECT = "contained|signal|MemoryError|RecursionError|not registered|SyntaxError"


async def attack(agent, message, ctx, targets):
    for text in ("(" * 100_000, "-" * 100_000 + "1", "x" + ".x" * 50_000, "[" * 150 + "]" * 150, "lambda: " * 20_000):
        with _contextlib.suppress(SyntaxError, MemoryError, RecursionError):
            compile(text, "monster", "exec")
