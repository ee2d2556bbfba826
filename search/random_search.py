"""Random search: uniform over the space, without repeats."""

from __future__ import annotations

from ..spaces.knobs import Codes
from .strategy import Strategy


class RandomSearch(Strategy):
    """Unseen designs drawn at random, see :meth:`cosearch.spaces.space.Space.sample`.

    The baseline that every other strategy has to beat (Bergstra and Bengio 2012).
    """

    def ask(self, n: int) -> Codes:
        rng = self.rng()
        return self.novel(self.problem.space.sample(rng, n), n, rng)
