"""What long work says while it runs, and how it stops: Ctrl-C asks, the next safe point obeys."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from .errors import Interrupted

DEFAULT_SEED = 20261124
# Lines are for people and for logs: one every few seconds, not one a step.
SECONDS_BETWEEN_LINES = 5.0


def say(text: str) -> None:
    """A line for people; results for programs go to standard output."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Progress:
    """Counts towards a known end and says so now and then."""

    what: str
    total: int
    done: int = 0
    _started: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)
    _first: int | None = None

    def step(self, note: str = "", by: int = 1) -> None:
        if self._first is None:
            self._first = self.done
        self.done += by
        now = time.monotonic()
        if now - self._said < SECONDS_BETWEEN_LINES and self.done < self.total:
            return
        self._said = now
        each = (now - self._started) / max(1, self.done - self._first)
        left = each * (self.total - self.done)
        tail = f"; {note}" if note else ""
        say(f"  {self.what}: {self.done}/{self.total}, about {left:.0f} s left{tail}")


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def check(self, how_to_go_on: str) -> None:
        """Ends the work at a safe point, if somebody asked."""
        if self.asked:
            raise Interrupted(f"stopped; {how_to_go_on}")

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.asked:  # twice: at once
            raise KeyboardInterrupt
        self.asked = True
        say(f"  {signal.Signals(signum).name}: stopping at the next safe point (again: at once)")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """SIGINT and SIGTERM set `asked` in this block instead of ending the program in the middle of a write."""
    stop = Stop()
    before = {number: signal.signal(number, stop._ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
