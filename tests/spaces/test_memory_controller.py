"""The space of memory controllers: published size, narrowing, conditions of the wide space."""

import itertools

import numpy as np
import pytest

from cosearch.spaces.check_space import check_space
from cosearch.spaces.errors import SpaceError
from cosearch.spaces.memory_controller import ADDRESS_MAPPINGS, FURTHER, address_fields, memory_controller

SMALL = {
    "request_buffer_size": [1, 8],
    "max_active_transactions": [1, 64],
    "refresh_max_postponed": [1, 8],
    "refresh_max_pulledin": [1, 8],
    "page_timeout_cycles": [0, 128],
    "address_mapping": ADDRESS_MAPPINGS[:1],
}


def test_the_default_space_is_the_published_one():
    space = memory_controller()
    assert space.size() == 4 * 3 * 3 * 8 * 2 * 2 * 4 * 4 * 3 * 8 == 442_368
    assert not space.is_conditional
    assert space.n_knobs == 10
    check_space(memory_controller, n=64)


def test_every_knob_narrows():
    space = memory_controller(
        page_policy=["Closed"], request_buffer_size=list(range(1, 9)), max_active_transactions=range(1, 129)
    )
    assert space.size() == 442_368 // 4 * 128 // 8
    assert memory_controller(refresh_policy=["AllBank", "PerBank"]).size() == 442_368


def test_the_wide_space_keeps_the_contract():
    space = memory_controller(wide=True)
    assert set(FURTHER) < set(space.names)
    assert space.size() > 10**7
    check_space(lambda: memory_controller(wide=True), n=64)


def test_the_wide_space_is_counted_as_by_hand():
    space = memory_controller(wide=True, **SMALL)
    # page policies with two timeouts each or none; arbiters; refresh or none; schedulers with their command orders
    pages, arbiters, refreshes, orders = 2 + 2 + 1 + 1, 1 + 2 + 2, 1 + 2 * 2, 2 + 1 + 1
    assert space.size() == pages * orders * 3 * 2 * 2 * refreshes * arbiters * 2 * 3 * 2
    check_space(space, n=64)


def test_conditions_and_the_forbidden_order():
    space = memory_controller(wide=True)
    for design in space.decode(space.sample(np.random.default_rng(0), 2000)):
        assert ("max_active_transactions" in design) == (design["arbiter"] != "Simple")
        assert ("refresh_max_postponed" in design) == (design["refresh_policy"] != "NoRefresh")
        assert ("page_timeout_cycles" in design) == design["page_policy"].startswith("Open")
        assert design["cmd_mux"] == "Oldest" or design["scheduler"] == "Fifo"


def test_knobs_without_effect_are_left_out_and_conditions_that_always_hold_are_dropped():
    bare = memory_controller(wide=True, arbiter=["Simple"], refresh_policy=["NoRefresh"], page_policy=["Closed"])
    absent = {"max_active_transactions", "refresh_max_postponed", "refresh_max_pulledin", "page_timeout_cycles"}
    assert not absent & set(bare.names)
    always = memory_controller(
        wide=True, arbiter=["Fifo"], refresh_policy=["AllBank"], page_policy=["Open"], cmd_mux=["Oldest"]
    )
    assert absent < set(always.names)
    assert not always.is_conditional
    strict = memory_controller(wide=True, cmd_mux=["Strict"], **SMALL)
    assert {design["scheduler"] for design in strict.decode(strict.sample(np.random.default_rng(0), 200))} == {"Fifo"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": [1]}, ["channels", "set wide"]),
        ({"pages": ["Open"]}, ["pages", "page_policy"]),
        ({"page_policy": ["open"]}, ["page_policy", "'open'", "OpenAdaptive"]),
        ({"page_policy": "Open"}, ["page_policy", "list"]),
        ({"request_buffer_size": [0, 1]}, ["request_buffer_size", "0", "1 or more"]),
        ({"request_buffer_size": [2, 1, True]}, ["request_buffer_size", "True"]),
        ({"wide": True, "ranks": [3]}, ["ranks", "3", "powers of two"]),
        ({"wide": True, "address_mapping": ["row-bank-column"]}, ["address_mapping", "row-bank-column", "channel"]),
        ({"arbiter": []}, ["arbiter", "no values"]),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(SpaceError) as caught:
        memory_controller(**options)
    for word in words:
        assert word in str(caught.value)


def test_any_order_of_the_fields_is_a_mapping():
    for order in itertools.permutations(("channel", "rank", "bank", "row", "column")):
        assert address_fields("-".join(order)) == order
    assert memory_controller(wide=True, address_mapping=["row-bank-rank-channel-column"]).size()
