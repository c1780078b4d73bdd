"""Free-text search: words from their beginning, all of which a finding must have.

A text is cut at everything in ASCII that is neither letter nor digit, so that `meridian`, `lake`
and `0c71e8a3` are words of `arn:aws:s3:::meridian-lake-0c71e8a3`, and a pasted ARN finds its finding.
Whatever a person types is words: there are no operators.

Words of one or two characters have to be whole ones: half of all words begin with any of them, and
reading all of those is the one thing that an index of words does slowly.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib.postgres.search import SearchVectorField
from django.db import connection
from django.db.models import Lookup, QuerySet

from findings.models import Finding, FindingText

# Words are cut off here: an index entry has an upper limit.
_WORD_LENGTH: Final = 200
_INDEXED_BYTES: Final = 2000
_SOURCE_LENGTH: Final = 10_000
_SHORTEST_BEGINNING: Final = 3
# A word that more findings than this part have does not help to find the few that are looked for.
_FREQUENT: Final = 0.002
_CUTS: Final = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")
# The values that words_sql() needs: the same for PostgreSQL, where no text has a NUL.
CUTTING: Final[Mapping[str, str]] = {"separators": r"[\x01-/:-@[-`{-\x7f]+"}
_FREQUENCIES: Final = """
SELECT word, COALESCE((
    SELECT sum(frequency) FROM unnest(s.most_common_elems::text::text[],
        s.most_common_elem_freqs[1:array_length(s.most_common_elems::text::text[], 1)])
        known (entry, frequency)
    WHERE entry = word OR (length(word) >= %(shortest)s AND starts_with(entry, word))), 0)
FROM unnest(%(words)s::text[]) word
LEFT JOIN pg_stats s ON s.schemaname = current_schema()
    AND s.tablename = 'findings_findingtext' AND s.attname = 'words'
"""


def words_sql(source: str) -> str:
    """SQL that makes of the text `source` what words() makes of a query, as a tsvector."""
    cut = f"regexp_split_to_array(lower(left({source}, {_SOURCE_LENGTH})), %(separators)s)"
    # A short text has no word that is too long, and most are short: that way is much quicker.
    return (
        f"array_to_tsvector(CASE WHEN octet_length({source}) < {_INDEXED_BYTES}"
        f" THEN array_remove({cut}, '')"
        f" ELSE ARRAY(SELECT left(word, {_WORD_LENGTH}) FROM unnest({cut}) word WHERE word <> '')"
        " END)"
    )


@SearchVectorField.register_lookup
class HasWords(Lookup):
    """`words` has all that a tsquery says."""

    lookup_name = "has"

    def as_sql(self, compiler: Any, connection: Any) -> Any:  # a type that only the stubs have
        left, left_values = self.process_lhs(compiler, connection)
        return f"{left} @@ %s::tsquery", (*left_values, self.rhs)


def words(q: str) -> tuple[str, ...]:
    """The words of a query, each once."""
    typed = " ".join(q.split()).encode("utf-8", "ignore").decode().lower()
    found = (word[:_WORD_LENGTH] for word in _CUTS.split(typed) if word)
    return tuple(dict.fromkeys(found))


def narrow(rows: "QuerySet[Finding]", q: str) -> "QuerySet[Finding]":
    """The findings that have every word; all of them where there is no word in `q`."""
    return narrow_by(rows, words(q))


def narrow_by(rows: "QuerySet[Finding]", found: Sequence[str]) -> "QuerySet[Finding]":
    return rows.filter(text__words__has=_query(found)) if found else rows


def narrow_texts(rows: "QuerySet[FindingText]", found: Sequence[str]) -> "QuerySet[FindingText]":
    return rows.filter(words__has=_query(found)) if found else rows


def selective(found: Sequence[str]) -> tuple[str, ...]:
    """Those of the words that few findings have, as far as the database's statistics tell.

    One query; none without words.
    """
    if not found:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_FREQUENCIES, {"words": list(found), "shortest": _SHORTEST_BEGINNING})
        shares = dict(cursor.fetchall())
    return tuple(word for word in found if shares[word] < _FREQUENT)


def _query(found: Sequence[str]) -> str:
    """A tsquery; a word has neither quotes nor backslashes in it."""
    return " & ".join(
        f"'{word}':*" if len(word) >= _SHORTEST_BEGINNING else f"'{word}'" for word in found
    )
