"""Wildcard patterns as regular expressions that never backtrack far, whatever a policy holds.

Every * but the last becomes an atomic group: the leftmost match of what follows it is always good enough.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from invariants.engine.templates import Pattern, Wild

ARN_SEGMENTS: Final = 6


@lru_cache(maxsize=8192)
def glob(pattern: Pattern) -> re.Pattern[str]:
    """Return the expression for a whole text: * is any text, of any kind, and ? any one letter."""
    return compiled([glob_source(pattern)])


def glob_source(pattern: Pattern) -> str:
    return _body(pattern, ".")


def arn_source(pattern: Pattern) -> str | None:
    """Return the expression for an ARN, each of whose six segments is compared by itself.

    None where the pattern has fewer.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    segments: list[list[str | Wild]] = [[]]
    for piece in pattern:
        if isinstance(piece, Wild):
            segments[-1].append(piece)
            continue
        # The last segment keeps its colons.
        heads = piece.split(":", ARN_SEGMENTS - len(segments))
        segments[-1].append(heads[0])
        segments += [[head] for head in heads[1:]]
    if len(segments) < ARN_SEGMENTS:
        return None
    bodies = [_body(tuple(segment), "[^:]") for segment in segments[:-1]]
    return ":".join([*bodies, _body(tuple(segments[-1]), ".")])


def compiled(sources: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for any of these, to be used with fullmatch."""
    return re.compile("|".join(f"(?:{source})" for source in sources), re.DOTALL)


def _body(pattern: Pattern, letter: str) -> str:
    chunks: list[str] = [""]
    for piece in pattern:
        if piece is Wild.MANY:
            chunks.append("")
        elif piece is Wild.ONE:
            chunks[-1] += letter
        else:
            chunks[-1] += re.escape(piece)
    if len(chunks) == 1:
        return chunks[0]
    head, *middle, tail = chunks
    between = "".join(f"(?>{letter}*?{chunk})" for chunk in middle if chunk)
    return f"{head}{between}{letter}*{tail}"
