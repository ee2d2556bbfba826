"""Tracking: MLflow, live from a background thread or replayed from the trial table."""
