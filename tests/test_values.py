"""Helm values in layers, merged as Helm merges files."""

from __future__ import annotations

from meshproof.steps.values import merged


def test_later_layers_win_and_mappings_are_merged_at_every_depth() -> None:
    first = {"image": {"tag": "1", "registry": "r"}, "env": {"A": "1"}, "list": [1, 2], "kept": True}
    second = {"image": {"tag": "2"}, "env": {"B": {"c": 1}}, "list": [3]}
    third = {"env": {"B": {"d": 2}}, "image": {"registry": None}}
    assert merged(first, second, third) == {
        "image": {"tag": "2", "registry": None},
        "env": {"A": "1", "B": {"c": 1, "d": 2}},
        "list": [3],
        "kept": True,
    }
    assert first["image"] == {"tag": "1", "registry": "r"}, "what was given is left alone"


def test_a_mapping_and_a_value_replace_each_other() -> None:
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
    assert merged({"a": 2}, {"a": {"b": 1}}) == {"a": {"b": 1}}
    assert merged() == {}
