"""Fail with an exception whose text, name and traceback are made to break whoever looks at them."""

ALONE = "silent ones"
ANSWERS = True
EXPECT = "."


class Failure(Exception):
    def __str__(self):
        raise Failure

    def __repr__(self):
        return 5

    __class__ = property(lambda self: 1 / 0)


Failure.__name__ = Failure.__qualname__ = "MessagingError\n\x1b]0;x\x07" * 1_000
Failure.__module__ = 7


async def attack(agent, message, ctx, targets):
    try:
        raise KeyError
    except KeyError as error:
        failure = Failure()
        failure.__cause__ = error
        error.__context__ = failure
        raise failure from error
