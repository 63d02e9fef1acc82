"""What a notebook works with: the proof on a cluster that outlives it, one section at a time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from meshproof.bring_up import cell_of, parts_of
from meshproof.choices import SECTION_NOTEBOOKS, Choices
from meshproof.cluster import Cluster, Record, check_made_of, kind_cluster
from meshproof.cluster.node import Node
from meshproof.engine import Engine
from meshproof.errors import ClusterGone, MeshproofError, NotReady, Refuted
from meshproof.images import Parts
from meshproof.kube.api import Api
from meshproof.names import Names
from meshproof.path.links import Links
from meshproof.progress import Progress
from meshproof.proof import Proof, position
from meshproof.report.runlog import run_log
from meshproof.runbook import held, observe
from meshproof.runbook.notebooks import NOTEBOOKS, OWN_CLUSTER
from meshproof.runbook.section import Section
from meshproof.runbook.shown import Shown, certificate, claimed, commands, latency, opened, request, verdict
from meshproof.runbook.shown.claimed import Claimed
from meshproof.steps import RESTORE
from meshproof.steps.give_back import what_is_ours

VERDICT = "verdict"
_NOTHING = {
    "cleanup": "nothing of the page is there to clean up",
    RESTORE.slug: "nothing of this run is there any more",
}


def attach(name: str, parts: Parts, engine: Engine) -> Cluster:
    """A cluster of ours by its name, whether or not it runs."""
    record = Record(name)
    return Cluster(name, record.kubeconfig, parts, record.work, Node.of(name, engine))


def running(name: str) -> bool:
    """Whether a cluster of ours of this name is there and answers."""
    record = Record(name)
    try:
        return record.work.is_dir() and Api(record.kubeconfig).answers()
    except MeshproofError:
        return False


def _gone(name: str) -> ClusterGone:
    first = f"{NOTEBOOKS['before']}.ipynb"
    why = "a run that used it was killed" if Record(name).cut_short() else "does not run"
    return ClusterGone(
        f"cluster {name}: {why}. {first} makes it; begin there, and in a notebook that is open at its first cell"
    )


def chosen(words: Mapping[str, str], taker: str) -> Choices:
    """The choices that a notebook's parameters make; readers also write numbers and True there.

    Raises:
        BadInput: A choice is not supported.
    """
    return Choices.parse({name.upper(): str(value) for name, value in words.items()}, taker)


def open_proof(*, artifacts: str = "", make: bool = False, **words: str) -> Runbook:
    """Find the cluster that the runbook works on, or make it.

    Args:
        artifacts: Folder for what the cluster looked like when a claim is refuted; beside the cluster by default.
        make: Make the cluster, and keep it, where there is none. An existing one is taken by a notebook of its own.
        words: Choices, as a notebook's parameters have them; `meshproof.choices` says which there are.

    Raises:
        BadInput: A choice is not supported, or the cluster is made of something else than these parameters say.
        ClusterGone: There is no such cluster and it is not to be made.
        MeshproofError: See `meshproof.bring_up.parts_of` and `meshproof.cluster.kind_cluster`.
    """
    choices = chosen(words, SECTION_NOTEBOOKS)
    name = choices.name
    progress = Progress(sys.stdout, live=False)
    if choices.existing:
        return open_held(choices, SECTION_NOTEBOOKS, held.find(artifacts), progress)
    parts, engine = parts_of(choices, progress)
    cluster = attach(name, parts, engine)
    made = False
    if running(name) and not Record(name).cut_short():
        check_made_of(name, parts)
    else:
        if not make or artifacts:  # a run that gives the folder has made the cluster itself
            raise _gone(name)
        with kind_cluster(name, parts, engine, keep=True, announce=progress.say):
            made = True
        cluster = attach(name, parts, engine)
    into = Path(artifacts) if artifacts else cluster.work
    proof = Proof(cluster, cell_of(choices), choices, progress.say, into=into)
    proof.recall()
    return Runbook(proof, made=made)


def open_held(choices: Choices, taker: str, record: Record, progress: Progress) -> Runbook:
    """The runbook on an existing cluster that was taken for it.

    Raises:
        BadInput: It was taken with other choices than these.
        ClusterGone: It is not held any more.
    """
    proof = held.attach(record, progress)
    held.check_same(proof, choices, taker)
    return Runbook(proof)


def plan(**words: str) -> Shown:
    """What the parameters come to, as the other notebooks will use it; nothing is made. Arguments as `open_proof`.

    Raises:
        BadInput: A choice is not supported.
    """
    choices = chosen(words, SECTION_NOTEBOOKS)
    return opened.plan_table(cell_of(choices), choices)


@dataclass(frozen=True, repr=False)
class Runbook:
    """The runbook open on one cluster. Its methods give what a cell shows, and raise ClusterGone where it is gone."""

    proof: Proof
    made: bool = False

    def run(self, slug: str) -> Section:
        """Run a section of the page, again where it ran before, and keep what was found.

        What is on show of an earlier run of it, or of later sections, says from now on that it is of then. One that
        the cluster is past already is not run, since that would take the later ones back or, at the end, find nothing
        to clean up: what was found when it ran is shown again.

        Raises:
            NotReady: Another section comes first.
        """
        proof = self.proof
        run = claimed.begin(slug, (*list(NOTEBOOKS)[list(NOTEBOOKS).index(slug) + 1 :], VERDICT))
        with self._at_work() as cluster:
            proof.recall()
            past = position.past(slug, proof.results, position.setting_of(proof, slug), cluster)
            if past:
                why = _NOTHING[slug] if past == slug else f"{NOTEBOOKS[past]} stands on it"
                proof.announce(f"Not run again: {why}. Shown is what was found when it ran.")
                run.end()
                now = observe.pods(cluster, self._on)
                return Section(proof.results[slug], now, now, run)
            self._require(slug)
            before = observe.pods(cluster, self._on)
            result = proof.run_and_keep(slug)
            if slug == RESTORE.slug and not what_is_ours(proof.setting(slug)).read(cluster):
                held.let_go(proof)
            return Section(result, before, observe.pods(cluster, self._on), run)

    @contextlib.contextmanager
    def _at_work(self) -> Generator[Cluster]:
        """The cluster while a cell uses it; no port-forward stays when the cell is over.

        Raises:
            ClusterGone: It does not answer, before or after something went wrong.
        """
        cluster = self.proof.cluster
        if not cluster.answers():
            raise self._gone()
        with contextlib.closing(cluster), run_log(self.proof.folder):
            try:
                yield cluster
            except MeshproofError as error:
                if cluster.answers():
                    raise
                raise self._gone() from error

    def _gone(self) -> ClusterGone:
        choices = self.proof.choices
        if not choices.existing:
            return _gone(self.proof.cluster.name)
        return ClusterGone(
            f"context {choices.context}: its cluster does not answer, or it was given back. {OWN_CLUSTER} takes it; "
            "begin there, and in a notebook that is open at its first cell"
        )

    def _require(self, slug: str, *others: str) -> None:
        """Refuse a section before those that it stands on.

        Raises:
            NotReady: A section comes first; the message names its notebook and says what is missing.
        """
        if slug == "cleanup" and not position.noted(self.proof.setting("before"), self.proof.cluster):
            first = NOTEBOOKS["istio"]
            raise NotReady(f"{first}.ipynb comes first: it notes what the cluster is compared with at the end.")
        setting = position.setting_of(self.proof, slug)
        held = position.hold((*position.needs(slug, setting), *others), slug, setting, self.proof.cluster)
        missing = position.lapsed(held)
        if missing:
            first = missing[0].slug
            told = "\n".join(f"  {position.tell(each)}" for each in missing if each.slug == first)
            raise NotReady(f"{NOTEBOOKS[first]}.ipynb comes first: run it, then come back here.\n{told}")

    def commands(self, slug: str) -> Shown:
        """What a reader types in a section, for the versions and choices of this run."""
        self.proof.recall()  # another notebook may have gone on meanwhile
        with self._at_work():
            step = self.proof.sections[slug](position.setting_of(self.proof, slug))
        return commands.typed_commands([command.text for command in step.documented])

    @property
    def names(self) -> Names:
        """What things are called here; `names.host` and the other two are the hosts of the page's requests."""
        return self._on.names

    @property
    def _on(self) -> Links:
        return self.proof.setting("before").links

    def request_path(self, host: str = "") -> Shown:
        """The way of a request for this host, by default the page's: who handled it, which hops are encrypted.

        It is the very request that the claims of the newest section were judged by; where none was, one is sent now.
        """
        asked = host or self.names.host
        with self._at_work() as cluster:
            self.proof.recall()
            for result in reversed(list(self.proof.results.values())):
                if ways := [way for way in result.ways if way.answer.response.host == asked]:
                    return request.path_picture(ways[0], f"judged in: {result.section}")
            return request.path_picture(observe.way(cluster, self._on, asked), "sent now")

    def client_certificate(self, host: str = "") -> Shown:
        """The client certificate header of one request for this host, beside what it should name."""
        with self._at_work() as cluster:
            try:
                return certificate.certificate_tables(observe.certificate(cluster, self._on, host or self.names.host))
            except Refuted as missing:  # shown like anything else that is seen; the claims below judge it
                return certificate.no_certificate(str(missing))

    def latency(self) -> Shown:
        """How long requests take with mTLS and without, over the same pods, measured inside the cluster.

        Raises:
            NotReady: The section that excludes a service comes first.
        """
        with self._at_work() as cluster:
            self._require("exclude", "exclude")
            return latency.plot(latency.measure(cluster, self.names))

    def timeline(self) -> Shown:
        """Where the time of all sections so far went."""
        self.proof.recall()
        return verdict.timeline_picture(self.proof.result())

    def verdict(self) -> Shown:
        """All sections so far with their checks, and the verdict."""
        self.proof.recall()
        run = self.proof.result()
        now, earlier = verdict.verdict_table(run), verdict.verdict_table(run, earlier=True)
        return Claimed(now.html, now.text, earlier, claimed.begin(VERDICT))

    def _repr_html_(self) -> str:
        return opened.opened(self.proof, made=self.made).html

    def __repr__(self) -> str:
        return f"the runbook on cluster {opened.where(self.proof)}"
