"""Experiments: running it all."""
