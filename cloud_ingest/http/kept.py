# SPDX-License-Identifier: MIT
"""What takes long to count is counted once a minute, however many look at it.

In: a key that changes with whatever a person enters, how it is counted. Out: the value, at most a
minute old. Owns: at most `MOST` values. Never: a value of another key.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

_R = TypeVar("_R")

FOR_S: Final = 60.0
MOST: Final = 64


@dataclass(slots=True)
class _Value:
    counting: threading.Lock = field(default_factory=threading.Lock)
    counted_at: float | None = None
    value: Any = None


class Kept:
    """Values by key, of one process."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, now_s: float, count: Callable[[], _R]) -> _R:
        """Return a value; who asks while it is counted waits for it.

        Args:
            key: Its name, with all that it depends on.
            now_s: The time, in seconds of a clock that never goes back.
            count: How it is counted.
        """
        with self._lock:
            own = self._values.setdefault(key, _Value())
            self._values.move_to_end(key)
            while len(self._values) > MOST:
                self._values.popitem(last=False)
        with own.counting:
            if own.counted_at is None or now_s - own.counted_at >= FOR_S:
                own.value, own.counted_at = count(), now_s
            found: _R = own.value
            return found
