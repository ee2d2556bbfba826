import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from cosearch.search.archive import Archive, keys
from cosearch.search.listing import Listing
from cosearch.search.trial import Trials


def trials(codes, start=0):
    codes = np.asarray(codes, np.int64).reshape(-1, 2)
    n = len(codes)
    return Trials(np.arange(start, start + n), codes, np.zeros((n, 1)), np.zeros(n))


ROWS = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=20)


@settings(max_examples=100, deadline=None)
@given(ROWS, ROWS, ROWS, st.integers(0, 20))
def test_unseen_equals_the_definition(told, running, offered, before):
    archive = Archive(2, 1)
    archive.add(trials(told[:5]), trials([]))
    archive.add(trials(told[5:], 5), trials(running))
    assert archive.n_known == len(told) + len(running)
    assert archive.completed.codes.tolist() == [list(row) for row in told]
    for limit, known in ((None, told + running), (before, told[:before])):
        expected = []
        for row in offered:
            if row not in known and row not in expected:
                expected.append(row)
        got = archive.unseen(np.array(offered, np.int64).reshape(-1, 2), limit)
        assert [tuple(row) for row in got.tolist()] == expected


def test_columns_survive_growth():
    archive = Archive(2, 1)
    for start in range(0, 2000, 7):
        codes = np.column_stack([np.arange(start, start + 7), np.zeros(7)])
        archive.add(trials(codes, start), trials([]))
    assert archive.completed.ids.tolist() == list(range(archive.n_completed))
    assert archive.completed.codes[:, 0].tolist() == list(range(archive.n_completed))


def test_listing_draws_what_is_left_however_it_was_told():
    designs = np.array([[a, b] for a in range(5) for b in range(4)], np.int64)
    told = designs[[3, 0, 17, 9]]
    once, twice = Listing(designs), Listing(designs)
    archive = Archive(2, 1)
    archive.add(trials(told[:2]), trials([]))
    twice.forget(archive)
    archive.add(trials(told[2:], 2), trials([]))
    once.forget(archive)
    twice.forget(archive)
    draws = [listing.draw(100, np.random.default_rng(0)) for listing in (once, twice)]
    assert np.array_equal(*draws)
    assert set(keys(draws[0])) == set(keys(designs)) - set(keys(told))
