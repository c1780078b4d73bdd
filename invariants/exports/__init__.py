"""Invariants for other tools: plain policy JSON, Terraform, CloudFormation.

Pure: text in, text out. Which invariants are exported is the caller's choice.
"""

from invariants.exports.cloudformation import MAX_RESOURCES, cloudformation
from invariants.exports.documents import Document, NotExportable, document, policy_json, targets
from invariants.exports.packing import pack
from invariants.exports.terraform import quoted, resource, terraform

__all__ = [
    "MAX_RESOURCES",
    "Document",
    "NotExportable",
    "cloudformation",
    "document",
    "pack",
    "policy_json",
    "quoted",
    "resource",
    "targets",
    "terraform",
]
