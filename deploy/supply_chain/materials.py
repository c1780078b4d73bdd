"""The bill of materials, in CycloneDX."""

import json
from typing import Any, Final

from deploy.supply_chain import licences
from deploy.supply_chain.locks import PRODUCT, ROOT, program, run
from deploy.supply_chain.scripts import SCRIPTS, Browser, version_of

SBOM: Final = ROOT / "var" / "sbom.cdx.json"


def sbom() -> dict[str, Any]:
    """The bill of materials of the product in CycloneDX: every locked package, and the scripts of pages.

    :raises CouldNotLook: when a version cannot be read, or the result is no valid CycloneDX.
    """
    command = [program("cyclonedx-py"), "requirements", str(PRODUCT)]
    said = run([*command, "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"])
    bom: dict[str, Any] = json.loads(said)
    found = licences.licences()
    for component in bom["components"]:
        # The text of the lock, hashes and all, stands elsewhere.
        component.pop("description", None)
        if licence := found.get(component["name"]):
            component["licenses"] = [{"expression": licence}]
    bom["components"] += [_script(one) for one in SCRIPTS]
    product = bom["metadata"]["component"]["bom-ref"]
    below = sorted(component["bom-ref"] for component in bom["components"])
    others = [one for one in bom.get("dependencies", []) if one["ref"] not in {product, *below}]
    bom["dependencies"] = [
        *others,
        {"ref": product, "dependsOn": below},
        *({"ref": ref} for ref in below),
    ]
    return bom


def _script(one: Browser) -> dict[str, Any]:
    version = version_of(one)
    return {
        "bom-ref": f"script-{one.name}",
        "type": "library",
        "name": one.name,
        "version": version,
        "purl": f"pkg:npm/{one.name}@{version}",
        "licenses": [{"expression": one.licence}],
        "properties": [{"name": "parapet:comes-with", "value": one.package}],
    }
