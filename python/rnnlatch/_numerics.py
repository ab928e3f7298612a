"""The version of the results."""

NUMERICS_VERSION = 2
"""Rises only when the same settings and seed give other numbers; stores of another version are refused."""
