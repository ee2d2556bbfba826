"""Systolic array accelerators by closed forms."""
