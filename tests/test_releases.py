"""Cells: defaults, and bad input named with what is supported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshproof import releases
from meshproof.errors import BadInput
from meshproof.releases import RELEASES as RELEASES_FILE
from meshproof.releases import cells, find_cell


def test_the_default_is_the_first_cell() -> None:
    cell = find_cell()
    assert cell is cells()[0]
    assert (cell.kgateway, cell.istio, cell.kubernetes, cell.dialect) == ("2.4.2", "1.31-dev", "1.36.3", "2.4")
    assert (cell.gateway_api, cell.kind) == ("1.6.1", "0.33.0")


RELEASES = (Path(releases.__file__).parent / "releases.toml").read_text()


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("[cell.source.modules]", "[cell.source.modles]", "unknown field `modles` - at `$.cell[0].source`"),
        ('dialect = "2.4"', 'dialect = "2.4"\ndialet = "2.4"', "unknown field `dialet` - at `$.cell[0]`"),
        ('dialect = "2.4"', "dialect = 2.4", "Expected `str`, got `float` - at `$.cell[0].dialect`"),
        ("istiod = { chart =", "istiod = { chrt =", "at `$.released.charts[...]`"),
        (
            '36.4", gateway-api',
            '36.4", gatway-api',
            "missing required field `versions.gateway-api` - at `$.cell[0].published`",
        ),
        ("[[cell]]", "[[cell]", "releases.toml: "),
    ],
)
def test_a_key_that_is_wrong_is_named_with_its_place(right: str, wrong: str, told: str) -> None:
    assert right in RELEASES
    with pytest.raises(BadInput) as caught:
        releases.read(RELEASES.replace(right, wrong, 1))
    assert str(caught.value).startswith("releases.toml: ")
    assert told in str(caught.value)


def test_versions_may_be_given_in_part_and_with_blanks() -> None:
    assert find_cell(istio=" 1.31-dev ") is cells()[0]


@pytest.mark.parametrize("name", ["kgateway", "istio", "kubernetes"])
def test_an_unknown_version_is_named_with_those_that_are_known(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_cell(**{name: "9.9.9"})
    assert f"{name.upper()}=9.9.9 is not known" in str(caught.value)
    assert getattr(cells()[0], name) in str(caught.value)


def test_known_versions_that_do_not_go_together_are_refused_with_the_nearest_that_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = replace(cells()[0], kubernetes="1.35.4")
    older = replace(first, kgateway="2.2.0", istio="1.29-dev", dialect="2.2")
    monkeypatch.setattr(releases, "cells", lambda: (first, older))
    assert find_cell(kgateway="2.2.0") is older
    with pytest.raises(BadInput) as caught:
        find_cell(kgateway="2.2.0", istio="1.31-dev")
    assert str(caught.value).startswith("KGATEWAY=2.2.0 ISTIO=1.31-dev: not supported together")
    assert "nearest is KGATEWAY=2.2.0 ISTIO=1.29-dev KUBERNETES=1.35.4" in str(caught.value)
    assert first.label in str(caught.value)
    assert older.label in str(caught.value)
    newest = replace(first, kubernetes="1.36.3")
    monkeypatch.setattr(releases, "cells", lambda: (older, first, newest))
    with pytest.raises(BadInput, match=r"nearest is KGATEWAY=2\.4\.2 ISTIO=1\.31-dev KUBERNETES=1\.36\.3"):
        find_cell(kgateway="2.2.0", istio="1.31-dev", kubernetes="1.36.3")


def test_the_values_of_what_is_assembled_are_of_the_cells_versions() -> None:
    for cell in cells():
        assert cell.source is not None
        assert cell.source.istiod_values["tag"] == cell.istio
        assert cell.source.kgateway_values["image"] == {
            "registry": "meshproof.local/kgateway",
            "tag": f"v{cell.kgateway}",
            "pullPolicy": "IfNotPresent",
        }
    assert len({cell.label for cell in cells()}) == len(cells())


def test_both_forms_of_a_cell_name_all_that_a_cluster_needs() -> None:
    told = [cell.published for cell in cells() if cell.published]
    assert told
    for form in told:
        assert form.charts.keys() == {"istio-base", "istiod", "kgateway-crds", "kgateway"}
        images = {"pilot", "proxyv2", "kgateway", "envoy-wrapper", "sds", "httpbin", "curl", "hey"}
        assert form.images.keys() == images
        assert form.images["sds"].endswith(f":v{form.versions['kgateway']}")
        assert form.images["proxyv2"].endswith(f":{form.versions['istio']}")
        assert form.charts["istiod"].version == form.versions["istio"]
        assert f"v{form.versions['gateway-api']}/" in form.gateway_api_crds
        assert f":v{form.versions['kubernetes']}@sha256:" in form.node_image


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split("."))


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.published], ids=lambda cell: cell.label)
def test_what_is_published_is_of_the_line_that_is_assembled_and_not_older(cell: releases.Cell) -> None:
    """Istio apart: what is assembled here is a development version, what is documented the release before it."""
    assert cell.published is not None
    assembled = {"kgateway": cell.kgateway, "kubernetes": cell.kubernetes, "gateway-api": cell.gateway_api}
    for name, version in assembled.items():
        released = numbers(cell.published.versions[name])
        assert released[:2] == numbers(version)[:2], name
        assert released >= numbers(version), name
    assert cell.published.versions["kind"] == cell.kind
    assert numbers(cell.istio)[1] - numbers(cell.published.versions["istio"])[1] in {0, 1}


def test_a_file_of_ones_own_stands_for_the_supported_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.toml"
    own.write_text(RELEASES.replace('kgateway = "2.4.2"', 'kgateway = "2.4.9"', 1))
    monkeypatch.setenv(RELEASES_FILE, str(own))
    assert cells.__wrapped__()[0].kgateway == "2.4.9"
    own.write_text("[[cells]]")
    with pytest.raises(BadInput, match=f"^{re.escape(str(own))}: "):
        cells.__wrapped__()
    monkeypatch.setenv(RELEASES_FILE, str(tmp_path / "missing.toml"))
    with pytest.raises(BadInput, match=r"MESHPROOF_RELEASES=.*missing\.toml: expected a file as meshproof/releases"):
        cells.__wrapped__()
