"""Carve-outs as edits of policies."""
