import pytest

from cosearch.search.stopping import HypervolumeStalled, TargetHypervolume


def first_stop(rule, history):
    return next((n for n, volume in history if rule.update(n, volume)), None)


def test_stalls_a_window_after_the_last_growth():
    history = [(n, min(n, 50) / 50) for n in range(1, 200)]
    assert first_stop(HypervolumeStalled(window=40, relative=0.001), history) == 90


def test_slow_growth_counts_as_a_stall_only_below_the_share():
    history = [(n, 1.0 + 0.0001 * n) for n in range(1, 500)]
    assert first_stop(HypervolumeStalled(window=100, relative=0.001), history) is None
    assert first_stop(HypervolumeStalled(window=100, relative=0.02), history) == 101


def test_looks_back_at_least_the_window_when_batches_are_uneven():
    rule = HypervolumeStalled(window=100, relative=0.001)
    assert rule.update(60, 1.0) is None
    assert rule.update(150, 1.0) is None
    assert "100 trials" in rule.update(160, 1.0)


def test_finding_nothing_is_not_convergence():
    assert first_stop(HypervolumeStalled(window=5), [(n, 0.0) for n in range(100)]) is None


@pytest.mark.parametrize(("volume", "stops"), [(0.99, False), (1.0, True), (1.5, True)])
def test_target(volume, stops):
    assert (TargetHypervolume(1.0).update(7, volume) is not None) == stops
