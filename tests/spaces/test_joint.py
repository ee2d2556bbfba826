import numpy as np
import pytest

from cosearch.spaces.check_space import check_space
from cosearch.spaces.errors import SpaceError
from cosearch.spaces.joint import JointSpace
from cosearch.spaces.space import Space


def parts():
    arch = Space(
        {
            "depth": [1, 2, 3],
            # A value that equals a knob's name, and a knob named like a keyword of the grammar.
            "kind": ["depth", "sum"],
            "sum": {"type": "integer", "low": 1, "high": 4, "active_if": {"kind": "sum"}},
        },
        forbid=[{"kind": "depth", "depth": 1}],
        constraints=[
            {"if": {"kind": "sum"}, "then": {"sum": ["depth", "sum"], "at_most": 5}},
            {"if": {"depth": 3}, "then": {"kind": "depth"}},
        ],
    )
    hardware = Space({"rows": [2, 4, 8], "cols": [2, 4, 8]}, constraints=[{"divides": ["rows", "cols"]}])
    return arch, hardware


def test_joint_spaces_are_products_under_shared_constraints():
    arch, hardware = parts()
    joint = JointSpace({"arch": arch, "hw": hardware})
    assert joint.names == ("arch.depth", "arch.kind", "arch.sum", "hw.rows", "hw.cols")
    assert joint.size() == arch.size() * hardware.size() == len(joint.enumerate())
    tied = JointSpace(
        {"arch": arch, "hw": hardware}, constraints=[{"product": [2, "arch.depth"], "at_most": "hw.rows"}]
    )
    expected = [d for d in joint.decode(joint.enumerate()) if 2 * d["arch.depth"] <= d["hw.rows"]]
    assert tied.decode(tied.enumerate()) == expected
    assert tied.size() == len(expected)
    check_space(joint, n=64)
    check_space(tied, n=64)


def test_the_parts_of_a_joint_design_are_designs_of_the_parts():
    arch, hardware = parts()
    joint = JointSpace({"arch": arch, "hw": hardware}, forbid=[{"arch.depth": 2, "hw.rows": 8}])
    batch = joint.designs(joint.sample(np.random.default_rng(0), 200))
    for name, space in (("arch", arch), ("hw", hardware)):
        part = batch.part(name)
        assert part.space is space
        assert space.is_valid(part.codes).all()
        assert [d.part(name) for d in batch] == list(part)


def test_joint_spaces_nest():
    arch, hardware = parts()
    inner = JointSpace({"a": arch, "h": hardware})
    outer = JointSpace({"net": inner, "extra": Space({"bits": [4, 8]})})
    assert outer.names[0] == "net.a.depth"
    assert outer.size() == 2 * inner.size()
    part, columns = outer.part("net")
    assert part is inner
    assert columns.tolist() == [0, 1, 2, 3, 4]


def test_wrong_parts_are_named():
    arch, _ = parts()
    with pytest.raises(SpaceError, match="no parts"):
        JointSpace({})
    with pytest.raises(SpaceError, match=r"'a.b' has a dot"):
        JointSpace({"a.b": arch})
    with pytest.raises(SpaceError, match=r"no part 'hw'.*arch"):
        JointSpace({"arch": arch}).part("hw")
    with pytest.raises(SpaceError, match=r"did you mean 'arch.depth'"):
        JointSpace({"arch": arch}, constraints=[{"expr": "arch.deph", "at_most": 2}])
