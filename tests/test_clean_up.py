"""The clean-up: what of the page it finds in a cluster, and what it compares that with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from api_stand_in import Served, objects, thing
from mesh_objects import LEFT, PLAIN, SWITCH, but, controller
from snapshots import SETTING

from meshproof.cluster import Cluster
from meshproof.errors import NotReady
from meshproof.kube import inventory
from meshproof.steps import PAGE
from meshproof.steps.clean_up import baseline
from meshproof.steps.install_istio import inventory_name, note_inventory
from meshproof.steps.traces import FEW, Traces, no_trace, traces

INVENTORY = inventory_name(SETTING)


def cluster_of(served: Served) -> Cluster:
    return cast(Cluster, served)


def found(*things: dict[str, Any]) -> Traces:
    return traces(SETTING).read(cluster_of(Served(list(things))))


def test_each_section_that_can_be_taken_back_has_its_traces_in_page_order() -> None:
    _, *walked, _ = PAGE.values()
    assert list(found()) == [section.slug for section in walked if section(SETTING).undo]


def test_a_cluster_where_the_page_begins_has_no_trace_of_it() -> None:
    assert not any(found(*PLAIN).values())
    assert no_trace(found(*PLAIN)).holds
    assert no_trace(found()).holds, "nor has one with nothing in it"
    old = controller(SWITCH, deletionTimestamp="now")
    assert no_trace(found(*but(old))).holds, "nor one whose old controller is on its way out"


@pytest.mark.parametrize("told", LEFT)
def test_each_thing_that_a_section_brings_is_a_trace_of_it(told: str) -> None:
    slug, left = LEFT[told]
    seen = found(*but(left))
    assert told in seen[slug]
    finding = no_trace(seen)
    assert not finding.holds
    assert f"{slug}: {told}" in finding.observed


def test_of_many_traces_the_first_few_are_named() -> None:
    seen = no_trace({"istio": tuple(f"Secret s{number}" for number in range(FEW + 2))})
    assert seen.observed == "istio: Secret s0, Secret s1, Secret s2 and 2 more"


def test_an_inventory_that_was_never_taken_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=INVENTORY):
        baseline(SETTING).read(cluster_of(Served(work=tmp_path)))


def test_the_first_inventory_of_a_cluster_stands_whatever_a_run_leaves(tmp_path: Path) -> None:
    cluster = Served(list(PLAIN), tmp_path)
    note_inventory(SETTING, cluster_of(cluster))
    first = baseline(SETTING).read(cluster_of(cluster))
    assert first.objects == inventory.inventory_of(objects(*PLAIN))
    assert first.taken.startswith("20")
    cluster.objects.append(thing("ClusterRole", "istiod-left-by-run-1"))
    note_inventory(SETTING, cluster_of(cluster))
    assert baseline(SETTING).read(cluster_of(cluster)) == first


def test_an_inventory_with_istio_in_it_is_none(tmp_path: Path) -> None:
    cluster = Served([*PLAIN, thing("Namespace", "istio-system")], tmp_path)
    note_inventory(SETTING, cluster_of(cluster))
    assert not (tmp_path / INVENTORY).exists()
