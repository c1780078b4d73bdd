"""Tests that commit leave the tables as the migrations made them, whatever guards their rows."""

import pytest
from django.contrib.auth.models import Group

from tests import factories
from tests.fixtures import emptied, reviews


def contents():
    found = emptied.Tables.read().rows
    return {name: sorted(text.splitlines()) for name, text in found.items()}


@pytest.mark.parametrize("large", [emptied._LARGE_BYTES, -1], ids=["by deleting", "by truncating"])
@pytest.mark.django_db(transaction=True)
def test_what_was_committed_goes_and_what_migrations_made_comes_back(large, monkeypatch):
    monkeypatch.setattr(emptied, "_LARGE_BYTES", large)
    tables = emptied.Tables.read()
    before = contents()
    assert {"auth_group", "auth_permission", "django_content_type"} <= set(before)
    person = factories.security_engineer()
    reviews.published_review()
    person.groups.clear()
    Group.objects.all().delete()
    # The audit log and what was published are kept from everybody else.
    filled = contents()
    assert "posture_weeklyreview" in set(filled) - set(before)
    assert filled["posture_auditentry"] != before.get("posture_auditentry")
    assert "auth_group" not in filled
    tables.put_back()
    assert contents() == before
    assert factories.security_engineer().groups.exists()
