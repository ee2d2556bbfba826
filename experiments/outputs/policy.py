"""The policy of a study: its strategy, trained again on its trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...search.marl.policy_file import HasPolicy, save_policy
from ...search.trial import Trials
from ...spaces.errors import StrategyError
from ..ledger import Ledger
from ..store import TrialStore
from ..study import Study


def write_policy(folder: Path, out: Path) -> list[Path]:
    """Replay a study's trials through its strategy, and save what that has learnt.

    Args:
        folder: The study's folder.
        out: Where to write; made when it is missing.

    Returns:
        The files written.

    Raises:
        StoreError: When there is no study, or its space changed.
        StrategyError: When its strategy has no policy, or the folder cannot be written.
    """
    experiment = Study.open(folder).experiment
    strategy = experiment.strategy(experiment.problem, experiment.seed)
    if not isinstance(strategy, HasPolicy):
        raise StrategyError(
            f"the study in {folder} was searched by {type(strategy).__name__}, which has no policy",
            "search with mappo, ippo, ppo, sac or model_based_mappo",
        )
    ledger = Ledger(experiment.problem, experiment.seed)
    with TrialStore.open(folder, readonly=True) as store:
        finished, _ = ledger.load(store)
    # A deterministic study tells its trials in the order of their numbers, any other as they end.
    told = np.sort(finished) if experiment.execution.deterministic else finished
    nothing = Trials.empty(experiment.problem.space.n_knobs, experiment.problem.n_objectives)
    strategy.tell(ledger.trials(told), nothing)
    return save_policy(strategy, out)
