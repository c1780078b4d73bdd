"""Counts of what the sandbox was asked."""

import threading
from collections import Counter


class Stats:
    """Calls by `service.operation`, and error answers by `service.operation.code`; services by signing name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def count(self, service: str, operation: str, code: str) -> None:
        """Count one answer; an empty code is success."""
        name = f"{service}.{operation or 'Unknown'}"
        with self._lock:
            self._calls[name] += 1
            if code:
                self._errors[f"{name}.{code}"] += 1

    @property
    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def errors(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._errors.items()))

    def reset(self) -> None:
        """Count from zero again."""
        with self._lock:
            self._calls.clear()
            self._errors.clear()
