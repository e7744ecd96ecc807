"""Answer with an object that says it is whatever it is asked to be."""

ANSWERS = True
EXPECT = "^it raised|cannot be read"


class Meta(type):
    def __getattr__(cls, name):
        return lambda *args, **kwargs: cls()

    def __instancecheck__(cls, instance):
        return True

    def __subclasscheck__(cls, other):
        return True


class Chameleon(metaclass=Meta):
    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    @property
    def __class__(self):
        from sandbox import kit

        return kit.Proposal

    def __str__(self):
        return "x"


async def attack(agent, message, ctx, targets):
    return Chameleon()
