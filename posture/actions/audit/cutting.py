"""Taking the beginning of the audit log out, into a file, with an anchor from which the rest goes on."""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from posture.models import AuditCut, AuditEntry
from posture.queries.audit import chain, exports

_LAST: Final = """
SELECT seq, hash FROM posture_auditentry
WHERE seq < coalesce(
    (SELECT min(seq) FROM posture_auditentry WHERE at >= %s),
    (SELECT max(seq) FROM posture_auditentry))
ORDER BY seq DESC LIMIT 1
"""


class Refused(ValueError):
    """A cut that cannot be; the text is a sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Cut:
    anchor: chain.Anchor
    entries: int
    file_hash: str


def cut(file: Path, *, before: datetime, now: datetime) -> Cut:
    """Write the entries from before that moment into a new file, check it, and remove them.

    The newest entry always stays. The cut is an entry itself.

    :raises Refused: for a log that is broken, a file that is there, and when there is nothing to cut.
    """
    if broken := chain.verify().broken:
        raise Refused(f"The audit log is broken: {broken}. Nothing was removed.")
    last = _last(before)
    if last is None:
        raise Refused(f"No entry is from before {before:%Y-%m-%d}. Nothing was removed.")
    file_hash, entries = _write(file, last)
    with transaction.atomic():
        AuditCut.objects.create(
            seq=last.seq, hash=last.hash, entries=entries, file_hash=file_hash, cut_at=now
        )
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM posture_auditentry WHERE seq <= %s", [last.seq])
            if cursor.rowcount != entries:
                raise Refused(f"{cursor.rowcount} entries, not {entries}: nothing was removed.")
    return Cut(last, entries, file_hash)


def _last(before: datetime) -> chain.Anchor | None:
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [before])
        row = cursor.fetchone()
    return chain.Anchor(*row) if row else None


def _write(file: Path, last: chain.Anchor) -> tuple[str, int]:
    """The file's SHA-256 and its number of lines, once it is on the disk."""
    digest, entries = hashlib.sha256(), 0
    try:
        # Never over an older export.
        with file.open("xb") as out:
            file.chmod(0o600)
            for sealed, text in exports.sealed(AuditEntry.objects.filter(seq__lte=last.seq)):
                # The database makes the text; what it makes has to be what was sealed.
                if hashlib.sha256(text.encode()).hexdigest() != sealed:
                    raise Refused(f"{file} would not hold what was sealed. Nothing was removed.")
                written = chain.line(sealed, text).encode()
                digest.update(written)
                out.write(written)
                entries += 1
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError as e:
        raise Refused(f"{file} is there already: name a new file.") from e
    return digest.hexdigest(), entries
