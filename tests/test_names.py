"""What things are called is in one module: no other writes a name, a namespace, a host or a port of the page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest

import meshproof
from meshproof.kube.kinds import BACKEND, DEPLOYMENT, GATEWAY, NAMESPACE, POD, SERVICE, Kind, Labelled, Ref
from meshproof.names import Names

LIBRARY = Path(meshproof.__file__).parent
# Manifests have marks; dialects say what a line of kgateway calls things, and images what programs are called.
HAVE_NAMES = {"names.py", "dialects", "images"}
# Words that are also something else: a scheme, a chart and program of that name, what all is about.
ALSO_ELSE = {"http", "kgateway", "hey", "curl"}
PORTS = {8000, 8080}  # of the Service and the listener, in the manifests
IDS = re.compile(r"[a-z]+\.[a-z-]+")  # of claims, which are never renamed


def words_of(value: object) -> Iterator[str]:
    match value:
        case Ref(namespace=namespace, name=name):
            yield from (namespace, name)
        case str():
            yield value
        case tuple():
            for part in cast("tuple[object, ...]", value):
                yield from words_of(part)
        case _:
            raise AssertionError(f"a name of another kind: {value!r}")


NAMES = Names()
WORDS = {word for each in fields(Names) for word in words_of(getattr(NAMES, each.name)) if word} - ALSO_ELSE
PATTERN = re.compile("|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in sorted(WORDS)))


def literals(path: Path) -> Iterator[ast.Constant]:
    """The constants of a module, docstrings left out."""
    tree = ast.parse(path.read_text())
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            yield node


def names_in(path: Path) -> list[str]:
    found = [
        node
        for node in literals(path)
        if (isinstance(node.value, str) and PATTERN.search(node.value) and not IDS.fullmatch(node.value))
        or (isinstance(node.value, int) and node.value in PORTS)
    ]
    return [f"{path.relative_to(LIBRARY)}:{node.lineno}: {node.value!r}" for node in found]


def test_no_name_of_the_page_is_written_elsewhere() -> None:
    modules = [
        path
        for path in LIBRARY.rglob("*.py")
        if path.name not in HAVE_NAMES and path.parent.name not in ("images", "dialects")
    ]
    assert len(modules) > 100
    found = [each for path in modules for each in names_in(path)]
    assert found == []


def test_the_names_that_are_looked_for_are_found() -> None:
    found = names_in(LIBRARY / "names.py")
    assert {"kgateway-system", "httpbin", "istio-system", "www.example.com"} <= WORDS
    assert len(found) > len(fields(Names)), "each reference has two"


@pytest.mark.parametrize(
    ("ref", "path", "typed", "told"),
    [
        (
            Ref(GATEWAY, "a", "b"),
            "/apis/gateway.networking.k8s.io/v1/namespaces/a/gateways/b",
            ("gateway", "b", "--namespace", "a"),
            "Gateway a/b",
        ),
        (
            Ref(BACKEND, "a", "b"),
            "/apis/gateway.kgateway.dev/v1alpha1/namespaces/a/backends/b",
            ("backend.gateway.kgateway.dev", "b", "--namespace", "a"),
            "Backend a/b",
        ),
        (Ref(NAMESPACE, "", "b"), "/api/v1/namespaces/b", ("namespace", "b"), "Namespace b"),
    ],
)
def test_a_reference_is_a_path_an_argument_and_a_text(ref: Ref, path: str, typed: tuple[str, ...], told: str) -> None:
    assert (ref.path, ref.typed, str(ref)) == (path, typed, told)
    assert ref == Ref(Kind(**vars(ref.kind)), ref.namespace, ref.name)


def test_a_revision_is_in_the_names_of_all_that_istio_names_by_it() -> None:
    plain, blue = Names(), Names(revision="blue")
    assert plain.istiod == Ref(DEPLOYMENT, "istio-system", "istiod")
    assert blue.istiod == Ref(DEPLOYMENT, "istio-system", "istiod-blue")
    assert (plain.mesh_config.name, blue.mesh_config.name) == ("istio", "istio-blue")
    assert (plain.injection, blue.injection) == (("istio-injection", "enabled"), ("istio.io/rev", "blue"))
    assert plain.istiod_pods == Labelled(POD, "istio-system", "app=istiod,istio.io/rev=default")
    assert blue.istiod_pods == Labelled(POD, "istio-system", "app=istiod,istio.io/rev=blue")


def test_marks_are_all_that_can_be_called_otherwise() -> None:
    other = Names(service=Ref(SERVICE, "elsewhere", "other"), host="o.example")
    marks = other.marks()
    assert (marks["service"], marks["host"]) == ("other", "o.example")
    assert Names() == Names()
    assert other != Names()
