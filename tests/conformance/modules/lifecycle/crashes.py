"""Crash the process with a bad pointer."""

import ctypes

EXPECT = "^its process ended: signal 11$|went away before it answered"


async def attack(agent, message, ctx, targets):
    ctypes.string_at(8)
