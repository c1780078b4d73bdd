import pytest

from inventory import aws
from inventory.sources import regions
from tests.fixtures.aws_door import (  # noqa: F401
    MEMBER,
    base_credentials_fixture,
    door_fixture,
    endpoint_fixture,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

REGIONS = {
    "Regions": [
        {"RegionName": "eu-west-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
        {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"},
        {"RegionName": "eu-south-1", "RegionOptStatus": "ENABLED"},
    ]
}


def test_regions_come_by_name_and_say_whether_they_are_usable(endpoint, door):
    endpoint.say("ListRegions", REGIONS)
    found = regions.read_regions(door.client("account"), account_id=MEMBER)
    assert [(row.region, row.is_usable) for row in found] == [
        ("af-south-1", False),
        ("eu-south-1", True),
        ("eu-west-1", True),
    ]
    assert endpoint.asked[-1].params["AccountId"] == MEMBER


def test_the_own_account_is_asked_without_an_id(endpoint, door):
    endpoint.say("ListRegions", REGIONS)
    regions.read_regions(door.client("account"))
    assert "AccountId" not in endpoint.asked[-1].params


def test_a_denial_is_no_empty_list(endpoint, door):
    endpoint.fail("ListRegions", "AccessDeniedException", status=403)
    with pytest.raises(aws.Denied, match="account:ListRegions"):
        regions.read_regions(door.client("account"))
