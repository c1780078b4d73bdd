"""The OU tree with ids in AWS's real patterns."""

from sandbox import chance
from sandbox.model import OrganizationalUnit
from sandbox.org import names


def ou_ids(root_id: str, seed: int) -> dict[str, str]:
    """Return the id of every OU by its key."""
    suffix = root_id.removeprefix("r-")
    return {
        ou.key: f"ou-{suffix}-{chance.letters(chance.seed_of(seed, 'ou', ou.key), 8)}"
        for ou in names.TREE
    }


def build(
    *, seed: int, organization_id: str, root_id: str, management_id: str
) -> tuple[OrganizationalUnit, ...]:
    """Return the OUs, parents before children."""
    ids = ou_ids(root_id, seed)
    paths: dict[str, str] = {}
    depths: dict[str, int] = {}
    units = []
    for ou in names.TREE:
        above = paths[ou.parent] if ou.parent else f"{organization_id}/{root_id}/"
        paths[ou.key] = f"{above}{ids[ou.key]}/"
        depths[ou.key] = depths[ou.parent] + 1 if ou.parent else 1
        units.append(
            OrganizationalUnit(
                ou_id=ids[ou.key],
                arn=f"arn:aws:organizations::{management_id}:ou/{organization_id}/{ids[ou.key]}",
                name=ou.name,
                parent_id=ids[ou.parent] if ou.parent else root_id,
                path=paths[ou.key],
                depth=depths[ou.key],
            )
        )
    return tuple(units)
