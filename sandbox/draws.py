"""What an agent draws by chance."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from weakref import WeakKeyDictionary

from sandbox.runtime.current import Answering, answering


class Draws:
    """Numbers by chance: of its own for each request of a conversation that an agent is answering.

    So an agent decides the same when the same is asked of it in the same conversation, whatever else it does meanwhile.

    Args:
        seed: The agent's.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._elsewhere = random.Random(seed)
        self._asked: Counter[str] = Counter()
        self._dice: WeakKeyDictionary[Answering, random.Random] = WeakKeyDictionary()

    def random(self) -> float:
        """The next number, from 0 to just below 1."""
        request = answering.get()
        if request is None or not request.conversation:
            return self._elsewhere.random()
        dice = self._dice.get(request)
        if dice is None:
            place = f"{request.conversation}/{hashlib.sha256(request.asked).hexdigest()}"
            self._asked[place] += 1  # whoever is asked the same again may decide otherwise
            dice = self._dice[request] = random.Random(f"{self._seed}/{place}/{self._asked[place]}")
        return dice.random()
