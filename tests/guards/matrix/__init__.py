"""The matrix: which address answers what, and to whom. Every address of the site has a row here.

A new address gets its row in the file of its subject, and what its address names a thing in the world
(`furnish` in that file): see `Row`, `World.thing` and `World.marker`. tests/guards/test_matrix.py walks
it, and `python -m pytest tests/guards/test_matrix.py` says which address has no row.
"""

from tests.fixtures import leak_world
from tests.fixtures.leak_world import World
from tests.guards.matrix import (
    api,
    audit,
    exceptions,
    findings,
    invariants,
    notifications,
    people,
    reviews,
    scores,
    sign_in,
    single_sign_on,
    webhooks,
)
from tests.guards.matrix.row import OPEN, Row

_SUBJECTS = (
    scores,
    findings,
    reviews,
    people,
    sign_in,
    single_sign_on,
    api,
    webhooks,
    audit,
    invariants,
    exceptions,
    notifications,
)
ROWS: tuple[Row, ...] = tuple(row for subject in _SUBJECTS for row in subject.ROWS)


def build() -> World:
    """The world with the things of every subject in it."""
    world = leak_world.build()
    for subject in _SUBJECTS:
        furnish = getattr(subject, "furnish", None)
        if furnish is not None:
            furnish(world)
    return world


__all__ = ["OPEN", "ROWS", "Row", "build"]
