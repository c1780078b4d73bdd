"""A token bucket in Valkey, shared by every worker on every machine.

botocore's own rate limit lives in one client of one process: forty workers would be forty
times too fast. Here one script, run by the server on its own clock, decides for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import redis

if TYPE_CHECKING:
    from inventory.aws.rates import Rate

# Tokens may go below zero: a caller books its place in the queue and waits until it is due, so
# that nobody starves and nobody has to ask twice. `taken` counts what was ever given.
_SCRIPT = """
local rate, burst, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local was = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(was[1]) or burst
local at = tonumber(was[2]) or now
-- A clock that was set back must not take tokens away.
tokens = math.min(burst, tokens + math.max(0, now - at) * rate) - 1
local wait = math.max(0, -tokens / rate)
if wait > limit then
  return {0, tostring(wait), tostring(now)}
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('HINCRBY', KEYS[1], 'taken', 1)
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate + wait) + 600)
return {1, string.format('%.6f', wait), string.format('%.6f', now)}
"""
_PREFIX = "parapet:aws-rate:"


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to call at `due_at` (server clock, epoch seconds), `wait_seconds` from now.

    `is_granted` is False when the queue is longer than the caller would wait.
    """

    is_granted: bool
    wait_seconds: float
    due_at: float


class TokenBucket:
    """The buckets of one Valkey."""

    def __init__(self, url: str) -> None:
        # Short time-outs: a rate limit that hangs is worse than one that fails.
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self._script = self._redis.register_script(_SCRIPT)

    def take(self, key: str, rate: Rate, *, limit_seconds: float) -> Grant:
        """Book one call, and say when it is due.

        :raises redis.RedisError: Valkey does not answer
        """
        answer = self._script(
            keys=[_PREFIX + key], args=[rate.per_second, rate.burst, limit_seconds]
        )
        granted, wait, now = cast("tuple[int, bytes, bytes]", tuple(answer))
        return Grant(granted == 1, float(wait), float(now) + float(wait))

    def taken(self, key: str) -> int:
        """Return how many calls were granted since the bucket was last forgotten (10 idle minutes)."""
        count = cast("bytes | None", self._redis.hget(_PREFIX + key, "taken"))
        return int(count or 0)

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()
