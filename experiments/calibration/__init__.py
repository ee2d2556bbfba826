"""Fitting predictors to devices: what is known, what is measured, how far the predictions can be trusted."""
