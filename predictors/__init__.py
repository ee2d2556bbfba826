"""Predictors: what a choice would cost, with error bars."""
