"""Words: cut the same way in the database and in a query, all of which a finding must have."""

import re

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings.models import DirtyCell, Finding, FindingText, FindingVulnerability
from findings.queries import search
from posture import rollups
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

ARN = "arn:aws:s3:::meridian-lake-0c71e8a3"


def roll_up():
    cells = Finding.objects.values_list("account_id", "control_id").distinct()
    DirtyCell.objects.bulk_create(DirtyCell(account_id=a, control_id=c) for a, c in cells)
    rollups.roll_up(now=NOW)


@pytest.fixture
def bucket(db):
    """A finding of S3.8 on one bucket, beside another one that has nothing of it."""
    account = factories.account(account_id="200000000001", name="payments-prod")
    control = factories.control(control_id="S3.8", title="Buckets should block public access")
    found = factories.finding(account=account, control=control, resource_id=ARN)
    FindingVulnerability.objects.create(finding=found, cve="CVE-2021-44228")
    other = factories.account(account_id="300000000009", name="sandbox")
    factories.finding(
        account=other, control=factories.control(control_id="EC2.2", title="Close the ports")
    )
    roll_up()
    return found


def matches(q):
    return set(search.narrow(Finding.objects.all(), q).values_list("pk", flat=True))


@pytest.mark.parametrize(
    "q",
    [
        "meridian",
        "lake",
        "0c71e8a3",
        "0c7",
        "S3.8",
        "s3.8",
        "buck block",
        "public BUCKETS",
        ARN,
        "200000000001",
        "payments-prod",
        "payments",
        "CVE-2021-44228",
        "44228",
        "meridian\u00a0lake",
    ],
)
def test_a_finding_is_found_by_words_of_its_title_resource_ids_account_and_vulnerabilities(
    bucket, q
):
    assert matches(q) == {bucket.pk}


def test_a_finding_is_found_by_its_whole_id(bucket):
    assert matches(bucket.finding_id) == {bucket.pk}


@pytest.mark.parametrize("q", ["meridian ports", "eridian", "s3.9", "pu", "nothing"])
def test_every_word_has_to_be_there_from_its_beginning_and_short_ones_whole(bucket, q):
    assert matches(q) == set()


@pytest.mark.parametrize(
    "q",
    [
        "meridian & !lake | x:*",
        "'meridian' lake\\",
        "meridian') OR 1=1 --",
        "meridian <-> lake",
        "(((((",
        "\0meridian\0",
        "!" * 200,
        "\ud800meridian",
        "%s %(words)s {}",
        "x" * 5000,
    ],
)
def test_whatever_is_typed_is_words_and_nothing_else(bucket, q):
    wanted = search.words(q)
    found = matches(q)
    assert found <= set(Finding.objects.values_list("pk", flat=True))
    assert all(re.fullmatch(r"[^\x00-/:-@\[-`{-\x7f]+", word) for word in wanted)
    if not wanted:
        assert found == set(Finding.objects.values_list("pk", flat=True))


def test_words_follow_the_finding_and_are_written_only_where_something_changed(bucket):
    before = dict(FindingText.objects.values_list("pk", "tokens"))
    account = bucket.account
    account.name = "ledger"
    account.save()
    Finding.objects.filter(pk=bucket.pk).update(region="us-east-1")
    roll_up()
    assert matches("ledger") == {bucket.pk}
    assert matches("payments") == set()
    after = dict(FindingText.objects.values_list("pk", "tokens"))
    assert {pk for pk in after if after[pk] != before[pk]} == {bucket.pk}


def test_a_text_of_one_enormous_word_is_no_obstacle(db):
    found = factories.finding(
        account=factories.account(), control=factories.control(), resource_id="r" * 30_000
    )
    roll_up()
    assert matches("r" * 30_000) == {found.pk}


texts = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0x2FFF),
    max_size=60,
)


class Cut(TestCase):
    @settings(max_examples=150, deadline=None)
    @given(text=texts)
    def test_the_database_cuts_a_text_as_a_query_is_cut(self, text):
        # Letters whose small form is another word altogether (one into two) are left out.
        text = "".join(sign for sign in text if len(sign.lower()) == 1 and sign == sign.lower())
        text = " ".join(text.split())
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT tsvector_to_array({search.words_sql('%(text)s')})",
                {"text": text, **search.CUTTING},
            )
            found = cursor.fetchone()[0]
        assert sorted(found) == sorted(search.words(text))
