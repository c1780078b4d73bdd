"""Fixtures for every test: real Postgres and Valkey, by DATABASE_URL and REDIS_URL."""

pytest_plugins = ["tests.fixtures.hub", "tests.fixtures.pipeline", "tests.fixtures.reviews"]
