"""Outputs: reading what a study found, and writing it as tables, files and a report."""
