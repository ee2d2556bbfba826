"""Configurations: YAML with line numbers, checked options, built experiments."""
