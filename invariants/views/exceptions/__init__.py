"""The pages about exceptions; `invariants.exception_urls` names each from its module."""
