"""The pages about invariants; `invariants.urls` names each from here or from its module."""

from invariants.views.accounts import accounts_csv, invariant_account, invariant_accounts
from invariants.views.detail import invariant_detail
from invariants.views.listing import invariant_list, invariants_csv
from invariants.views.matrix import matrix, matrix_csv

__all__ = [
    "accounts_csv",
    "invariant_account",
    "invariant_accounts",
    "invariant_detail",
    "invariant_list",
    "invariants_csv",
    "matrix",
    "matrix_csv",
]
