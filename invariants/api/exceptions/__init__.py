"""Exceptions for programs: read by the queries of the pages, written by their actions."""
