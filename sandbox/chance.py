"""Chance without a stream: every draw is a hash of what it is about, so that any moment can be told in any order."""

from collections.abc import Sequence
from hashlib import blake2b
from math import log
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_LETTERS = bytes(b"abcdefghijklmnopqrstuvwxyz0123456789"[value % 36] for value in range(256))


def seed_of(*parts: object) -> int:
    """Return the 64-bit seed of something named by its parts."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(seed: int, number: int) -> int:
    """Return another 64-bit seed: cheap, for the draws inside one thing."""
    value = (seed ^ (number + 1) * 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 32) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 29


def unit(seed: int) -> float:
    """Return the seed as a number in [0, 1)."""
    return (seed >> 11) * 2.0**-53


def draw(seed: int, number: int) -> float:
    """Return the numbered draw of a seed, in [0, 1): `unit(mix(…))`, written out for speed."""
    value = (seed ^ (number + 1) * 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 32) * 0x94D049BB133111EB & _MASK
    return ((value ^ value >> 29) >> 11) * 2.0**-53


def waiting(mean: float, share: float) -> float:
    """Return an exponential waiting time with that mean, for a draw in [0, 1)."""
    return -mean * log(1.0 - share)


def pick(seed: int, number: int, items: Sequence[T]) -> T:
    """Return one of the items."""
    return items[mix(seed, number) % len(items)]


def hexadecimal(seed: int, digits: int) -> str:
    """Return that many hexadecimal digits, at most 128."""
    return blake2b((seed & _MASK).to_bytes(8, "big")).hexdigest()[:digits]


def uuid_text(seed: int) -> str:
    """Return a version 4 UUID in text."""
    text = hexadecimal(seed, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def letters(seed: int, length: int) -> str:
    """Return lower-case letters and digits, as Organizations uses in its ids; at most 64."""
    digest = blake2b((seed & _MASK).to_bytes(8, "big"), person=b"letters").digest()
    return digest[:length].translate(_LETTERS).decode()
