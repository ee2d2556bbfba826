"""Which of two methods is better, seed by seed: the Wilcoxon signed-rank test, and wins, ties and losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .harness import Row, row


def p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the Wilcoxon signed-rank test; pairs without a difference are left out, and 1 is for none left.

    Args:
        a: One figure per seed.
        b: The other method's, the same seeds in the same order.
    """
    from scipy.stats import wilcoxon

    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return float(wilcoxon(difference, zero_method="wilcox").pvalue) if difference.any() else 1.0


def paired_rows(
    method: str, other: str, subject: str, a: Sequence[float], b: Sequence[float], budget: str
) -> Iterator[Row]:
    """Rows ``p_vs_OTHER``, ``wins_vs_OTHER``, ``ties_vs_OTHER`` and ``losses_vs_OTHER`` of a method; less is better.

    Args:
        method: Its label.
        other: Label of the other.
        subject: What both were used on.
        a: One figure per seed.
        b: The other's, paired.
        budget: What was spent.
    """
    n = min(len(a), len(b))
    difference = np.asarray(a[:n], dtype=float) - np.asarray(b[:n], dtype=float)
    figures = {
        "p": p_value(a[:n], b[:n]),
        "wins": float((difference < 0).sum()),
        "ties": float((difference == 0).sum()),
        "losses": float((difference > 0).sum()),
    }
    for name, value in figures.items():
        yield row(method, subject, f"{name}_vs_{other}", value, budget=budget)
