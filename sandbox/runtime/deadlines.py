"""Deadlines of many requests, with one timer of the event loop for all of them."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Hashable
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

SPARE: Final = 256
"""How many entries of items that are done may stay before they are thrown out."""


class Deadlines(Generic[Item]):
    """Calls back for each item whose deadline passes.

    Nearly every request is answered long before, so adding and discarding has to be cheap: a timer of the event
    loop for each costs more than all the rest of passing a small request on.

    Args:
        expire: Called with the item.
    """

    def __init__(self, expire: Callable[[Item], None]) -> None:
        self._expire = expire
        self._numbers = itertools.count()
        self._live: dict[Item, int] = {}
        self._heap: list[tuple[float, int, Item]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def add(self, item: Item, when: float) -> None:
        """Expire an item at the event loop's time ``when``, unless it is discarded before."""
        number = next(self._numbers)
        self._live[item] = number
        heappush(self._heap, (when, number, item))
        if when < self._next:
            self._arm(when)
        if len(self._heap) > 2 * len(self._live) + SPARE:
            self._heap = [entry for entry in self._heap if self._live.get(entry[2]) == entry[1]]
            heapify(self._heap)

    def discard(self, item: Item) -> None:
        """Forget an item; no error when there is none."""
        self._live.pop(item, None)

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = asyncio.get_running_loop().call_at(when, self._fire)

    def _fire(self) -> None:
        self._timer, self._next = None, math.inf
        now = asyncio.get_running_loop().time()
        while self._heap:
            when, number, item = self._heap[0]
            alive = self._live.get(item) == number
            if alive and when > now:
                self._arm(when)
                return
            heappop(self._heap)
            if alive:
                del self._live[item]
                self._expire(item)
