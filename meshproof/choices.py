"""What a run may choose. Each word is declared once, in `Choices`; command, pytest and notebooks derive from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from types import MappingProxyType
from typing import Annotated, Self, get_type_hints

from meshproof.errors import BadInput
from meshproof.sources import placed
from meshproof.word import Word, nearest, one_of, supported

RUNS = ("e2e", "runbook", "pytest")
SECTION_NOTEBOOKS = "notebooks"
TAKING_NOTEBOOK = "own-cluster"  # it takes an existing cluster, and the others go on with what it took
PROOFS = (*RUNS, SECTION_NOTEBOOKS, TAKING_NOTEBOOK)
PORT_FORWARD, LOAD_BALANCER, ALL = "port-forward", "load-balancer", "all"
EXISTING, CONTROLLER = "existing", "controller"
FORMATS = ("text", "short", "json")
SKIPPED = r"[a-z-]+(\.[a-z-]+)?(:[^,]+)?"
STOPS = ("before", "istio", "enable", "route", "exclude")  # the page's sections, but for the clean-up at its end
FAULTS, MATRIX = "faults", "matrix"
VERSIONED = (*PROOFS, FAULTS, "images", "doctor", "coverage", MATRIX)
MADE_HERE = (*RUNS, SECTION_NOTEBOOKS, FAULTS, "images", "doctor")  # where everything is made, the cluster included
SOURCE_FORM = (".+", "a module version such as v2.4.1, or a folder")


@dataclass(frozen=True)
class Choices:
    """The choices of one run, and what may be chosen. An empty version is the default combination's."""

    kgateway: Annotated[
        str,
        Word(
            "kgateway's version; empty takes the default one",
            (*VERSIONED, "survey"),
            supported("kgateway"),
            elsewhere={MATRIX: "only combinations with this kgateway"},
        ),
    ] = ""
    istio: Annotated[
        str,
        Word(
            "Istio's version; empty takes the one that goes with kgateway",
            VERSIONED,
            supported("istio"),
            elsewhere={MATRIX: "only combinations with this Istio"},
        ),
    ] = ""
    kubernetes: Annotated[
        str,
        Word(
            "Kubernetes' version; empty takes the one that goes with them",
            (*MADE_HERE, "coverage", MATRIX),
            supported("kubernetes"),
            elsewhere={MATRIX: "only combinations with this Kubernetes"},
        ),
    ] = ""
    kgateway_source: Annotated[
        str, Word("what kgateway is built from in place of its version; empty takes that", MADE_HERE, form=SOURCE_FORM)
    ] = ""
    istio_source: Annotated[
        str, Word("what Istio is built from in place of its version; empty takes that", MADE_HERE, form=SOURCE_FORM)
    ] = ""
    revision: Annotated[
        str,
        Word(
            "Istio's revision; empty is revisionless, and in an existing cluster the only one that is there",
            (*PROOFS, FAULTS, "survey", MATRIX),
            # A label's value and, after `istiod-`, the name of a Service: 63 characters.
            form=("[a-z0-9]([-a-z0-9]{0,54}[a-z0-9])?", "lower-case letters, digits and dashes inside, 56 at most"),
            reported=True,
        ),
    ] = ""
    access: Annotated[
        str,
        Word(
            "how requests reach the gateway",
            (*PROOFS, "images", MATRIX),
            one_of(PORT_FORWARD, LOAD_BALANCER),
            reported=True,
        ),
    ] = PORT_FORWARD
    tabs: Annotated[
        str,
        Word(
            "all: every tab of the page, with and without a revision, each request sent in both ways",
            ("e2e", "pytest", "images", MATRIX),
            one_of(ALL),
            reported=True,
        ),
    ] = ""
    images: Annotated[
        str,
        Word(
            "where images come from: published, source (assembled here), or auto, what can be had",
            VERSIONED,
            one_of("auto", "source", "published"),
            reported=True,
        ),
    ] = "auto"
    cluster: Annotated[
        str,
        Word(
            "where the cluster comes from: made with kind, or existing, one that somebody else made",
            (*RUNS, SECTION_NOTEBOOKS, "delete"),
            one_of("kind", EXISTING),
            reported=True,
        ),
    ] = "kind"
    kubeconfig: Annotated[
        str,
        Word(
            "the kubeconfig that leads to an existing cluster; empty takes what kubectl would",
            (*RUNS, TAKING_NOTEBOOK, "survey", "delete", "diagnose"),
            form=(".+", "a file, or several with : between"),
            kind_option="kubeconfig",
        ),
    ] = ""
    context: Annotated[
        str,
        Word(
            "its context; empty takes the current one",
            (*RUNS, TAKING_NOTEBOOK, "survey", "delete", "diagnose"),
            form=(".+", "a name"),
        ),
    ] = ""
    yes: Annotated[
        bool,
        Word(
            "agree beforehand to what is done to an existing cluster",
            (*RUNS, TAKING_NOTEBOOK, "delete"),
            one_of("1"),
        ),
    ] = False
    change: Annotated[
        str,
        Word(
            "what of somebody else's may be changed meanwhile in an existing cluster, and is put back",
            (*RUNS, TAKING_NOTEBOOK, "survey"),
            one_of(CONTROLLER),
            reported=True,
        ),
    ] = ""
    keep: Annotated[
        bool,
        Word(
            "keep the cluster and say how to reach it",
            (*RUNS, FAULTS),
            one_of("1"),
            kind_option="keep-cluster",
        ),
    ] = False
    name: Annotated[
        str,
        Word(
            "name of the kind cluster",
            (*RUNS, SECTION_NOTEBOOKS, FAULTS, "delete", "diagnose", MATRIX),
            form=("[a-z0-9][a-z0-9-]{0,40}", "lower-case letters, digits and dashes, 41 at most"),
            elsewhere={MATRIX: "what the names of the clusters begin with; the combination follows"},
            required={"delete": "the cluster to delete; `clusters` in place of `delete` lists them"},
            kind_option="cluster-name",
        ),
    ] = "meshproof"
    until: Annotated[
        str,
        Word(
            "the section to stop after, which proves nothing of those behind it; with KEEP=1 the cluster stays so",
            ("e2e", "pytest"),
            one_of(*STOPS),
        ),
    ] = ""
    host: Annotated[
        str,
        Word(
            "the host whose requests are followed",
            ("diagnose",),
            form=(
                "[a-z0-9*]([-a-z0-9.]*[a-z0-9])?",
                "a host name such as shop.example, and no more",
            ),
            required={"diagnose": "the host whose requests are to be followed"},
        ),
    ] = ""
    gateway: Annotated[
        str,
        Word(
            "the Gateway that it comes in by, where several have it",
            ("diagnose",),
            form=("[^/]+/[^/]+", "NAMESPACE/NAME"),
        ),
    ] = ""
    format: Annotated[
        str,
        Word("how it is told: for a terminal, for a chat, or for programs", ("diagnose",), one_of(*FORMATS)),
    ] = "text"
    ask: Annotated[
        str,
        Word("whether a handful of GET requests for the host are sent; 0 sends none", ("diagnose",), one_of("1", "0")),
    ] = "1"
    skip: Annotated[
        str,
        Word(
            "findings that are not to be told",
            ("diagnose",),
            form=(f"{SKIPPED}(,{SKIPPED})*", "CODE or CODE:OBJECT, several with a comma between"),
        ),
    ] = ""
    fault: Annotated[
        str,
        Word(
            "a fault that is seeded on a cluster that is kept, and left there; empty tries the whole catalogue",
            (FAULTS,),
            form=("[a-z0-9-]+", "a fault's name; docs/faults.md lists them"),
        ),
    ] = ""
    start: Annotated[
        str,
        Word(
            "the section to go on from, on a cluster that runs",
            ("runbook",),
            form=(".+", "its short name, such as route, or its number"),
            name="FROM",
        ),
    ] = "before"
    parallel: Annotated[
        str,
        Word(
            "how many clusters at once; empty takes what this machine has room for",
            (MATRIX,),
            form=("[1-9][0-9]{0,2}", "a number of clusters, at least 1"),
        ),
    ] = ""
    again: Annotated[
        bool, Word("run also the cells that have a verdict of the same code and choices", (MATRIX,), one_of("1"))
    ] = False
    workflow: Annotated[
        bool,
        Word("print a workflow with the cells as jobs for many machines, and run nothing", (MATRIX,), one_of("1")),
    ] = False
    page: Annotated[
        str,
        Word("the page, a Markdown file", ("coverage",), form=(".+", "a file"), required={"coverage": "the page"}),
    ] = ""
    reuse: Annotated[
        str,
        Word(
            "where the texts are that the page includes; without it a word stands for each",
            ("coverage",),
            form=(".+", "a folder, or a TOML file with a text for each path"),
        ),
    ] = ""
    baseline: Annotated[
        str,
        Word(
            "an earlier coverage.json; exit code 1 when a block falls that did not then",
            ("coverage",),
            form=(".+", "a file"),
        ),
    ] = ""

    @classmethod
    def parse(cls, words: Mapping[str, str], taker: str) -> Self:
        """Read words as they are typed for a taker; an empty one counts as not given.

        Raises:
            BadInput: An unknown name, a value that is not one of those allowed, or none where one is needed.
        """
        known = words_of(taker, cls)
        given = {name: value.strip() for name, value in words.items() if value.strip()}
        for name, value in given.items():
            if name not in known:
                problem = "not a choice here" if name in words_of("", cls) else "unknown choice"
                raise BadInput(f"{name}: {problem}{nearest(name, known)}; those of {taker}: {', '.join(known)}")
            known[name].check(value, taker)
        for name, word in known.items():
            if taker in word.required and name not in given and given.get("CLUSTER") != EXISTING:
                raise BadInput(f"{taker}: expected {name}=..., {word.required[taker]}")
        given |= {name: placed(name, value) for name, value in given.items() if known[name].form == SOURCE_FORM}
        values = {known[name].attribute: value == "1" if known[name].flag else value for name, value in given.items()}
        chosen = replace(cls(), **values)
        if chosen.tabs and chosen.access != PORT_FORWARD:
            raise BadInput(f"TABS={chosen.tabs} and ACCESS={chosen.access} contradict each other: give one of them")
        if taker in ("survey", TAKING_NOTEBOOK):  # which are of nothing else
            return replace(chosen, cluster=EXISTING)
        if taker == "diagnose" and {"KUBECONFIG", "CONTEXT"} & given.keys():
            if "NAME" in given:
                raise BadInput("NAME is a cluster of meshproof's, KUBECONFIG and CONTEXT lead to any: give one of them")
            return replace(chosen, cluster=EXISTING)
        chosen._check_cluster({name for name, value in given.items() if value != known[name].default})
        if chosen.images == "published" and chosen.sources:
            word = f"{next(iter(chosen.sources)).upper()}_SOURCE"
            raise BadInput(f"IMAGES=published and {word} contradict each other: give one of them")
        return chosen

    def _check_cluster(self, given: Collection[str]) -> None:
        """Refuse what is about an existing cluster without one, and what is about a cluster of ours with one."""
        if self.cluster == EXISTING:
            ours = ("NAME", "KEEP", "UNTIL", "TABS", "KUBERNETES", "KGATEWAY_SOURCE", "ISTIO_SOURCE")
            wrong = [name for name in ours if name in given]
            why = f"is about clusters that meshproof makes; leave it out, or CLUSTER={EXISTING}"
        else:
            wrong = [name for name in ("KUBECONFIG", "CONTEXT", "YES", "CHANGE") if name in given]
            why = f"is about a cluster that is there already; add CLUSTER={EXISTING}, or leave it out"
        if wrong:
            raise BadInput(f"{wrong[0]}: {why}")

    @property
    def existing(self) -> bool:
        """Whether the cluster is somebody else's."""
        return self.cluster == EXISTING

    @property
    def sources(self) -> Mapping[str, str]:
        """Part -> what it is built from, for those that are not built from their version."""
        return {
            part: source
            for part, source in (("kgateway", self.kgateway_source), ("istio", self.istio_source))
            if source
        }

    @property
    def direct(self) -> bool:
        """Whether requests go to the gateway's pods, by a port-forward."""
        return self.access == PORT_FORWARD

    @property
    def balanced(self) -> bool:
        """Whether requests go through a load balancer; where also `direct`, each is sent in both ways."""
        return self.access == LOAD_BALANCER or self.tabs == ALL

    def typed(self, taker: str) -> Mapping[str, str]:
        """All that a taker takes, as it is typed."""
        return {name: _text(getattr(self, word.attribute)) for name, word in words_of(taker, type(self)).items()}

    def named(self) -> Mapping[str, str]:
        """The choices that are not versions, for the report."""
        return {
            word.attribute: _text(getattr(self, word.attribute))
            for word in words_of("", type(self)).values()
            if word.reported
        }


@cache
def words_of(taker: str = "", choices: type[Choices] = Choices) -> Mapping[str, Word]:
    """The words that a taker takes, by name and in the order of their declaration; all of them where none is named."""
    hints = get_type_hints(choices, include_extras=True)
    words = [
        replace(
            declared,
            name=declared.name or field.name.upper(),
            attribute=field.name,
            default=_text(field.default),
            flag=isinstance(field.default, bool),
        )
        for field in fields(choices)
        for declared in [hints[field.name].__metadata__[0]]
    ]
    return MappingProxyType({word.name: word for word in words if not taker or taker in word.takers})


def _text(value: object) -> str:
    """A field's value as it is typed."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value)
