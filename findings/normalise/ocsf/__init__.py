"""OCSF findings to FindingRecord: Security Hub's V2 calls and events (1.6), and Prowler's files.

A finding that Security Hub also gives as ASFF comes out with the same key, account, Region, control
and resource: `productv2` becomes `product`, CloudFormation's types become ASFF's, bare ids ARNs.
"""

from findings.normalise.ocsf.finding import CLASSES, parse

__all__ = ["CLASSES", "parse"]
