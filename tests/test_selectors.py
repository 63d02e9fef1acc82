"""Label selectors: what they match, as the API machinery has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshproof.kube.raw import Malformed
from meshproof.kube.selectors import Selector, any_matches

PROD = {"env": "prod"}
CASES: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({}, {}, True),
    ({}, PROD, True),
    ({"matchLabels": {"env": "prod"}}, PROD, True),
    ({"matchLabels": {"env": "prod"}}, {"env": "test"}, False),
    ({"matchLabels": {"env": "prod"}}, {}, False),
    ({"matchLabels": {"env": "prod", "team": "a"}}, PROD, False),
    ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test", "prod"]}]}, PROD, True),
    ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test"]}]}, PROD, False),
    ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test"]}]}, {}, False),
    ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, PROD, False),
    ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["test"]}]}, PROD, True),
    ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, {}, True),
    ({"matchExpressions": [{"key": "env", "operator": "Exists"}]}, PROD, True),
    ({"matchExpressions": [{"key": "env", "operator": "Exists"}]}, {}, False),
    ({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, PROD, False),
    ({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, {}, True),
    ({"matchExpressions": [{"key": "env", "operator": "Gt", "values": ["1"]}]}, {"env": "2"}, False),
    ({"matchLabels": PROD, "matchExpressions": [{"key": "env", "operator": "Exists"}]}, PROD, True),
    ({"matchLabels": PROD, "matchExpressions": [{"key": "team", "operator": "Exists"}]}, PROD, False),
]


@pytest.mark.parametrize(("raw", "labels", "matches"), CASES)
def test_a_selector_matches(raw: dict[str, Any], labels: dict[str, str], matches: bool) -> None:
    assert Selector.from_dict(raw).matches(labels) is matches


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")),
    st.sampled_from("abc"),
    st.sets(st.sampled_from("xy")),
)
def test_each_operator_and_its_opposite_part_all_labels(labels: dict[str, str], key: str, values: set[str]) -> None:
    def meets(operator: str) -> bool:
        expression = {"key": key, "operator": operator, "values": sorted(values)}
        return Selector.from_dict({"matchExpressions": [expression]}).matches(labels)

    assert meets("In") != meets("NotIn")
    assert meets("Exists") != meets("DoesNotExist")


def test_of_several_selectors_one_is_enough_and_none_is_all() -> None:
    prod, test = (Selector.from_dict({"matchLabels": {"env": value}}) for value in ("prod", "test"))
    assert any_matches([prod, test], PROD)
    assert not any_matches([test], PROD)
    assert any_matches([], PROD)


def test_a_selector_is_told_as_people_write_it() -> None:
    expressions = [{"key": "team", "operator": "NotIn", "values": ["a", "b"]}, {"key": "x", "operator": "Exists"}]
    told = Selector.from_dict({"matchLabels": PROD, "matchExpressions": expressions})
    assert (str(told), str(Selector())) == ("env=prod, team NotIn (a, b), x Exists", "all")


@pytest.mark.parametrize("raw", [{"matchExpressions": [{"key": "env"}]}, {"matchExpressions": {}}, {"matchLabels": []}])
def test_what_is_no_selector_is_told_so(raw: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="label selector"):
        Selector.from_dict(raw)
