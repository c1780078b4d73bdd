"""What a person sees while things start: one line a step, with its seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

NAME_WIDTH = 34


class Console:
    """Writes whole lines at once, so that two threads never share a line."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output if output is not None else sys.stdout

    def say(self, text: str = "") -> None:
        self._output.write(text + "\n")
        self._output.flush()

    def done(self, name: str, seconds: float) -> None:
        self.say(f"  {name.ljust(NAME_WIDTH)} {seconds:6.1f} s")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report `name` and its seconds when the block ends well; a failure is reported by who catches it."""
        start = time.monotonic()
        yield
        self.done(name, time.monotonic() - start)
