"""Manifests: each mark replaced, nothing forgotten, and what comes out is YAML."""

from __future__ import annotations

from importlib.resources import files
from string import Template

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshproof import yamls
from meshproof.errors import BadInput
from meshproof.manifests import manifest

NAMES = sorted(path.name for path in files("meshproof.manifests").iterdir() if path.name.endswith(".yaml"))
REFERENCE = st.from_regex(r"\A[a-z][a-z0-9./$-]{0,9}:[a-z0-9$]{1,5}\Z")


def marks(name: str) -> list[str]:
    return Template(files("meshproof.manifests").joinpath(name).read_text()).get_identifiers()


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_is_objects_with_kind_and_name(name: str) -> None:
    objects = yamls.load(manifest(name, **dict.fromkeys(marks(name), "value")), name)
    assert objects
    assert all(each["kind"] and each["apiVersion"] and each["metadata"]["name"] for each in objects)


@settings(max_examples=25, deadline=None)  # reading YAML is slow
@given(st.fixed_dictionaries(dict.fromkeys(("httpbin_image", "curl_image", "hey_image"), REFERENCE)))
def test_values_are_put_in_as_they_are_even_with_dollars_in_them(values: dict[str, str]) -> None:
    deployment = yamls.load(manifest("httpbin.yaml", **values))[-1]
    images = [container["image"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    assert images == [values[f"{container}_image"] for container in ("httpbin", "curl", "hey")]


def test_a_mark_without_a_value_is_named() -> None:
    with pytest.raises(BadInput, match=r"manifest httpbin\.yaml: no value given for \$curl_image"):
        manifest("httpbin.yaml", httpbin_image="a", hey_image="b")


def test_a_manifest_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadInput, match=r"manifest nothing\.yaml"):
        manifest("nothing.yaml")


def test_the_gateway_with_parameters_differs_in_them_alone() -> None:
    [plain], [other] = yamls.load(manifest("gateway.yaml")), yamls.load(manifest("gateway-with-parameters.yaml"))
    reference = other["spec"].pop("infrastructure")["parametersRef"]
    assert (reference["kind"], reference["name"]) == ("GatewayParameters", "http-istio")
    assert plain == other
