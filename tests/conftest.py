"""Fixtures for every test: real Postgres and Valkey, by DATABASE_URL and REDIS_URL."""

import gc

import pytest

pytest_plugins = [
    "tests.fixtures.audit",
    "tests.fixtures.emptied",
    "tests.fixtures.hub",
    "tests.fixtures.pipeline",
    "tests.fixtures.receivers",
    "tests.fixtures.chats",
    "tests.fixtures.notifications",
    "tests.fixtures.reviews",
    "tests.fixtures.served",
    "tests.fixtures.sign_in",
]


def _is_large(item):
    return any("large" in mark.args for mark in item.iter_markers("xdist_group"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest test comes first, so that the other worker has all the rest to fill its time with."""
    items.sort(key=lambda item: not _is_large(item))


def pytest_configure():
    """Rarer looks for garbage: migrations, pages and generated cases make many objects that live shortly."""
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish():
    """What is imported and collected stays to the end: it need not be searched for garbage again."""
    gc.collect()
    gc.freeze()
