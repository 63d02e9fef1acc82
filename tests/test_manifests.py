"""Manifests: each mark replaced, nothing forgotten, and what comes out is YAML."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshproof import yamls
from meshproof.errors import BadInput
from meshproof.manifests import manifest
from meshproof.names import Names

NAMES = sorted(path.name for path in files("meshproof.manifests").iterdir() if path.name.endswith(".yaml"))
REFERENCE = st.from_regex(r"\A[a-z][a-z0-9./$-]{0,9}:[a-z0-9$]{1,5}\Z")


WITHOUT_AND_WITH = ("gateway", "gateway-with-parameters")


def marks(name: str) -> list[str]:
    return Template(files("meshproof.manifests").joinpath(name).read_text()).get_identifiers()


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_is_objects_with_kind_and_name(name: str) -> None:
    objects = yamls.load(manifest(name, dict.fromkeys(marks(name), "value")), name)
    assert objects
    assert all(each["kind"] and each["apiVersion"] and each["metadata"]["name"] for each in objects)


@settings(max_examples=25, deadline=None)  # reading YAML is slow
@given(st.fixed_dictionaries(dict.fromkeys(("httpbin_image", "curl_image", "hey_image"), REFERENCE)))
def test_values_are_put_in_as_they_are_even_with_dollars_in_them(values: dict[str, str]) -> None:
    deployment = yamls.load(manifest("app.yaml", Names().marks() | values))[-1]
    images = [container["image"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    assert images == [values[f"{container}_image"] for container in ("httpbin", "curl", "hey")]


@pytest.mark.parametrize("word", ["123", "null", "on", "y", "1e3", "0x1f", "true", "plain"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "address-pool.yaml"])  # which has no name to give
def test_names_that_yaml_would_read_as_something_else_stay_text(name: str, word: str) -> None:
    def renamed(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: renamed(value) for key, value in cast(dict[str, Any], part).items()}
        if isinstance(part, list):
            return [renamed(value) for value in cast(list[Any], part)]
        return part.replace("value", word) if isinstance(part, str) else part

    plain, other = (yamls.load(manifest(name, dict.fromkeys(marks(name), each))) for each in ("value", word))
    assert other == renamed(plain)


@pytest.mark.parametrize("text", ["1.5", "12:30", "a: b", "it's", '"', "", " a", "a ", "#a", "a #b", "é", "~", "-"])
def test_any_text_can_be_a_value(text: str) -> None:
    assert yamls.load(f"a: {yamls.scalar(text)}") == [{"a": text}]


def test_the_apps_containers_are_those_that_are_counted() -> None:
    images = dict.fromkeys(("httpbin_image", "curl_image", "hey_image"), "it:1")
    deployment = yamls.load(manifest("app.yaml", Names().marks() | images))[-1]
    containers = deployment["spec"]["template"]["spec"]["containers"]
    assert tuple(each["name"] for each in containers) == Names().app_containers


def test_a_mark_without_a_value_is_named() -> None:
    with pytest.raises(BadInput, match=r"manifest app\.yaml: no value given for \$curl_image"):
        manifest("app.yaml", {**Names().marks(), "httpbin_image": "a", "hey_image": "b"})


def test_a_manifest_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadInput, match=r"manifest nothing\.yaml"):
        manifest("nothing.yaml", {})


def test_the_gateway_with_parameters_differs_in_them_alone() -> None:
    [plain], [other] = (yamls.load(manifest(f"{name}.yaml", Names().marks())) for name in WITHOUT_AND_WITH)
    reference = other["spec"].pop("infrastructure")["parametersRef"]
    assert (reference["kind"], reference["name"]) == ("GatewayParameters", "http-istio")
    assert plain == other
