"""The catalogue of faults: every check is refuted by one, each is put back, and a trial says what was not so."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from api_stand_in import Served
from page_runs import result_of
from snapshots import SETTING, always

from meshproof import errors, yamls
from meshproof.checks.finding import Finding
from meshproof.choices import FAULTS, Choices
from meshproof.cluster import Cluster, Record
from meshproof.diagnose import Cause, Diagnosis
from meshproof.diagnose.diagnosis import Severity
from meshproof.errors import BadInput, CommandFailed
from meshproof.faults import report, run
from meshproof.faults.catalogue import catalogue, find
from meshproof.faults.diagnosed import asked_until, diagnosed
from meshproof.faults.fault import Fault
from meshproof.faults.sections import somebody_elses
from meshproof.faults.stage import SECTIONS, Stage
from meshproof.faults.trial import Trial, try_fault
from meshproof.kube.inventory import inventory_of
from meshproof.lock import file_lock
from meshproof.proof import Proof
from meshproof.proof.position import Held
from meshproof.results import RunResult, StepResult
from meshproof.run import Completed
from meshproof.steps import PAGE, Setting, sections
from meshproof.steps.model import Command, flatten, shell

ALL = catalogue(SETTING)
DOCS = Path(__file__).parents[1] / "docs"
PAGE_ON_FAULTS = (DOCS / "faults.md").read_text()
# Those of a run's own cluster, and of one that is somebody else's.
CLAIMS = {
    claim.id
    for setting in (SETTING, somebody_elses(SETTING))
    for make in sections(setting.makes).values()
    for claim in make(setting).claims
}
# The list that the catalogue was asked to have at least, in its order.
ASKED = (
    "namespace-not-labelled",
    "labelled-not-restarted",
    "wrong-revision",
    "both-labels",
    "no-webhook",
    "annotation-instead-of-label",
    "wrong-istiod-address",
    "wrong-cluster-id",
    "parameters-not-attached",
    "attached-by-annotation",
    "dangling-reference",
    "reference-to-another-namespace",
    "switch-off",
    "only-the-other-switch",
    "helm-values-of-the-page",
    "annotation-no-boolean",
    "peer-authentication-disable",
    "strict-with-excluded-service",
    "route-not-accepted",
    "backend-not-resolved",
    "sds-not-ready",
    "app-not-ready",
    "port-not-named-http",
    "one-pod-outside",
    "gateway-injected",
    "gateway-injected-before",
    "discovery-selectors",
    "webhook-left-behind",
    "tls-policy-overridden",
    "sds-port-open",
)


def test_every_fault_that_people_meet_is_in_the_catalogue() -> None:
    assert set(ASKED) <= set(ALL)
    assert len(ASKED) == 30


def test_every_check_is_refuted_by_a_fault() -> None:
    assert {id_ for fault in ALL.values() for id_ in fault.refutes} == CLAIMS


@pytest.mark.parametrize("fault", ALL.values(), ids=ALL)
def test_a_fault_is_well_formed(fault: Fault) -> None:
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", fault.name)
    assert fault.does.endswith(".")
    assert fault.after in SECTIONS
    assert len(set(fault.refutes)) == len(fault.refutes)
    assert fault.cause == "" or re.fullmatch(r"[a-z]+\.[a-z-]+", fault.cause)
    assert fault.refutes or fault.cause == "sds.open"


@pytest.mark.parametrize("fault", ALL.values(), ids=ALL)
def test_what_a_fault_must_refute_stands_where_it_is_seeded(fault: Fault) -> None:
    setting = somebody_elses(SETTING) if fault.after == "restore" else SETTING
    stage = Stage(cast(Cluster, None), fault.given(setting), fault.after)
    assert set(fault.refutes) <= {claim.id for claim in stage.standing(fault.refutes)}


def test_without_a_name_only_claims_about_a_state_stand() -> None:
    stage = Stage(cast(Cluster, None), SETTING, "exclude")
    standing = [claim.id for claim in stage.standing()]
    assert "exclude.annotation-decides" not in standing
    assert "enable.plaintext-until-injected" not in standing
    assert len(standing) == 21


def objects_of(commands: Sequence[Command], verbs: Collection[str]) -> set[tuple[str, str]]:
    """Kind and name of what the manifests among some commands are about."""
    documents = [
        document
        for command in commands
        if command.argv[:1] == ("kubectl",) and command.argv[1] in verbs
        for document in yamls.load(command.stdin)
    ]
    return {(each["kind"].lower(), each["metadata"]["name"]) for each in documents}


def deleted_by(commands: Sequence[Command]) -> set[tuple[str, str]]:
    """Kind and name of what some commands delete."""
    typed = {command.argv[2:4] for command in commands if command.argv[:2] == ("kubectl", "delete")}
    single = {(each[0].partition(".")[0], each[1]) for each in typed if not each[0].startswith("-")}
    return single | objects_of(commands, {"delete"})


def page_objects() -> set[tuple[str, str]]:
    """Kind and name of what the page itself applies."""
    commands = [command for make in PAGE.values() for command in make(SETTING).documented]
    return objects_of(commands, {"apply"})


@pytest.mark.parametrize("fault", ALL.values(), ids=ALL)
def test_what_a_fault_makes_is_taken_away_and_what_it_changes_is_put_back(fault: Fault) -> None:
    seed, mend = flatten(fault.seed), flatten(fault.mend)
    made = objects_of(seed, {"apply", "replace"})
    back = objects_of(mend, {"apply", "replace"}) | deleted_by(mend)
    assert made <= back
    patched, again = (
        {command.argv[3] for command in commands if command.argv[:2] == ("kubectl", "patch")}
        for commands in (seed, mend)
    )
    assert patched <= again | {name for _, name in back}
    assert made - page_objects() <= deleted_by(mend)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A place for what is known of clusters, with nothing in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_an_unknown_fault_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="FAULT=wrong-cluster: no such fault; nearest is wrong-cluster-id; those of"):
        find("wrong-cluster", SETTING)


def test_a_fault_is_seeded_on_a_cluster_that_is_kept_only(state: Path) -> None:
    with pytest.raises(
        BadInput, match=r"cluster none: expected one that is kept, found none; nothing was changed\. Make"
    ):
        run.run_faults(Choices.parse({"FAULT": "switch-off", "NAME": "none"}, FAULTS))


def test_a_fault_is_not_seeded_where_a_run_is_at_work(state: Path) -> None:
    record = Record("busy")
    record.lock.parent.mkdir(parents=True, exist_ok=True)
    with (
        file_lock(record.lock, "", print, timeout_s=1),
        pytest.raises(BadInput, match=r"cluster busy: pid \d+ works on it"),
    ):
        run.run_faults(Choices.parse({"FAULT": "switch-off", "NAME": "busy"}, FAULTS))


def finds(code: str, severity: Severity = "error", remedy: str = "mend it") -> Cause:
    """A finding of a diagnosis."""
    return Cause(code, "link", severity, "It is so.", "Object it", remedy=remedy)


@dataclass
class Hands:
    """A cluster on which commands are typed and noted down; those that are named fail."""

    work: Path
    fails: str = ""
    typed: list[str] = field(default_factory=list[str])

    def run(self, *argv: str, check: bool = True, **_: object) -> Completed:
        self.typed.append(" ".join(argv))
        code = int(bool(self.fails) and self.fails in self.typed[-1])
        if check and code:
            raise CommandFailed(" ".join(argv), code, "", "no")
        return Completed(argv, code, "", "no" if code else "", 0.1)


class Staged(Stage):
    """A stage whose claims do not hold between the seed and what mends it."""

    def _broken(self, named: Collection[str]) -> Sequence[Held]:
        typed = cast(Hands, self.cluster).typed
        mended = any(word in typed for word in ("put it back", *HEALS))
        ids = () if mended or "break it" not in typed else (*FALLS, *named)
        return [Held("route", id_, id_, Finding(False, "", "")) for id_ in dict.fromkeys(ids) if id_ not in STANDS]

    def refuted_by(self, named: Collection[str]) -> Sequence[Held]:
        return self._broken(named)

    def not_green(self, named: Collection[str] = (), settle_s: float = 0) -> Sequence[Held]:
        return self._broken(named)


HEALS: list[str] = ["sh -ec mend it"]
FALLS: list[str] = []
STANDS: list[str] = []
A_FAULT = Fault(
    "it", "It is wrong.", (shell("break", "it"),), (shell("put", "it", "back"),), ("route.status",), "link.it"
)


@pytest.fixture(autouse=True)
def as_it_was() -> Any:
    """Each test begins with a stage that obeys."""
    yield
    HEALS[:], FALLS[:], STANDS[:] = ["sh -ec mend it"], [], []


def tried(tmp_path: Path, *findings: Cause, fault: Fault = A_FAULT, fails: str = "") -> tuple[Trial, Sequence[str]]:
    """A trial on the stage, and what was typed; the diagnosis has nothing to say once the remedy has run."""
    hands = Hands(tmp_path, fails)
    stage = Staged(cast(Cluster, hands), SETTING, "exclude")

    def diagnose(_: Stage, host: str) -> Diagnosis:
        left = () if "sh -ec mend it" in hands.typed else findings
        return Diagnosis(host, "broken" if left else "healthy", settled=True, hops=(), findings=left)

    return try_fault(fault, stage, diagnose), hands.typed


def test_a_fault_that_is_seen_named_and_mended_is_as_it_should_be(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, finds("link.it"), finds("link.other", "note"))
    assert trial.as_it_should_be
    assert (trial.refuted, trial.first, trial.remedied) == (("route.status",), True, True)
    assert typed == ["break it", "sh -ec mend it", "put it back"]


def test_what_is_not_refuted_is_told(tmp_path: Path) -> None:
    STANDS.append("route.status")
    FALLS.append("route.xfcc-by")
    trial, _ = tried(tmp_path, finds("link.it"))
    assert not trial.as_it_should_be
    assert (trial.missed, trial.fell) == (("route.status",), ("route.xfcc-by",))
    assert "    not refuted: route.status" in report.render([trial])


@pytest.mark.parametrize("found", [("link.other", "link.it"), ("link.other",), ()])
def test_a_cause_that_is_not_the_first_error_is_not_named(tmp_path: Path, found: tuple[str, ...]) -> None:
    trial, typed = tried(tmp_path, *map(finds, found))
    assert (trial.named, trial.as_it_should_be) == (False, False)
    assert f"    named instead: {', '.join(found) or 'nothing'}" in report.render([trial])
    assert typed == ["break it", "put it back"]


def test_a_note_is_no_first_error(tmp_path: Path) -> None:
    trial, _ = tried(tmp_path, finds("link.it", "note"))
    assert trial.named is False


def test_a_further_cause_may_stand_behind_another(tmp_path: Path) -> None:
    trial, _ = tried(tmp_path, finds("link.other"), finds("link.it"), fault=replace(A_FAULT, first=False))
    assert (trial.named, trial.first, trial.as_it_should_be) == (True, False, True)


def test_a_remedy_that_mends_nothing_is_told(tmp_path: Path) -> None:
    HEALS.clear()
    trial, typed = tried(tmp_path, finds("link.it"))
    assert (trial.remedied, trial.as_it_should_be) == (False, False)
    assert "    the remedy did not mend it: mend it" in report.render([trial])
    assert typed[-1] == "put it back"


def test_a_remedy_that_fails_is_told_and_what_was_there_is_put_back(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, finds("link.it"), fails="mend it")
    assert (trial.remedied, trial.error, typed[-1]) == (False, "the remedy ended with 1: no", "put it back")


def test_no_remedy_is_no_remedy(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, finds("link.it", remedy=""))
    assert (trial.remedied, trial.as_it_should_be) == (False, False)
    assert typed == ["break it", "put it back"]


def test_a_remedy_that_leads_elsewhere_is_held_against_the_cause(tmp_path: Path) -> None:
    HEALS.clear()  # the page's claims stay red
    trial, _ = tried(tmp_path, finds("link.it"), fault=replace(A_FAULT, then="cause gone"))
    assert trial.remedied is True


def test_a_remedy_that_is_not_for_a_runs_cluster_is_left(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, finds("link.it"), fault=replace(A_FAULT, then="nothing"))
    assert (trial.remedied, trial.as_it_should_be) == (None, True)
    assert typed == ["break it", "put it back"]


def test_a_seed_that_fails_is_put_back_all_the_same(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, fails="break it")
    assert not trial.as_it_should_be
    assert trial.error.startswith("break it: exit code 1")
    assert typed[-1] == "put it back"


def test_where_there_is_no_cause_none_is_asked_for(tmp_path: Path) -> None:
    trial, typed = tried(tmp_path, fault=replace(A_FAULT, cause=""))
    assert (trial.codes, trial.named, trial.as_it_should_be) == (None, None, True)
    assert typed == ["break it", "put it back"]


def test_what_refutes_nothing_may_not_be_told_beside_an_error(tmp_path: Path) -> None:
    harmless = replace(A_FAULT, refutes=(), first=False)
    note = finds("link.it", "note")
    assert tried(tmp_path, note, finds("link.other", "warning"), fault=harmless)[0].named is True
    assert tried(tmp_path, finds("link.other"), note, fault=harmless)[0].named is False


def test_while_the_cluster_moves_the_diagnosis_is_asked_again(tmp_path: Path) -> None:
    told = [Diagnosis("", "unsure", settled=False, hops=()), Diagnosis("", "broken", settled=True, hops=())]

    def ask(_: Stage, __: str) -> Diagnosis:
        return told.pop(0)

    stage = Staged(cast(Cluster, None), SETTING, "exclude")
    assert asked_until(lambda found: found.settled, ask, stage, "").settled
    assert told == []


def test_the_verdict_counts_those_that_were_not_reached(tmp_path: Path) -> None:
    trial, _ = tried(tmp_path, finds("link.it"))
    assert report.verdict_line([trial], 2, 65, Path("f")).startswith("REFUTED  1 of 2 faults as they should be, 1:05")
    assert report.verdict_line([trial], 1, 65, Path("f")).startswith("PROVEN  1 of 1")


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    trial, _ = tried(tmp_path, finds("link.it"))
    text = report.write([trial], tmp_path).read_text()
    assert '"fault": "it"' in text
    assert '"as_it_should_be": true' in text


def test_a_fault_that_is_left_says_how_it_is_put_back(tmp_path: Path, state: Path) -> None:
    cluster = Cluster("mine", tmp_path / "own", SETTING.parts, tmp_path)
    Record("mine").folder.mkdir(parents=True)
    Record("mine").kubeconfig.write_text("")
    told = run.left(ALL["wrong-cluster-id"], ["enable.gateway-containers"], cluster)
    assert told.startswith("wrong-cluster-id: The parameters give a cluster id that is not istiod's")
    assert "refuted by now: enable.gateway-containers" in told
    assert "diagnose HOST=www.example.com NAME=mine" in told
    assert "  kubectl apply -f - <<'EOF'" in told


def test_the_page_on_faults_lists_each_with_what_it_does_and_its_cause() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", PAGE_ON_FAULTS, re.MULTILINE)
    told = {fault.name: (fault.does, cause_of(fault)) for fault in ALL.values()}
    assert {name: (does, cause) for name, does, cause in rows} == told
    assert len(rows) == len(ALL)


def test_each_cause_has_its_section_on_the_page_on_causes() -> None:
    known = set(re.findall(r"^## (\S+)$", (DOCS / "causes.md").read_text(), re.MULTILINE))
    assert {fault.cause for fault in ALL.values()} - {""} <= known


def cause_of(fault: Fault) -> str:
    """A fault's cause as the page has it."""
    return f"`{fault.cause}`{'' if fault.first else ', further'}" if fault.cause else "-"


@dataclass
class Walk:
    """A proof whose sections are not run but noted down; `refuted` names one that ends badly."""

    root: Path
    refuted: str = ""
    ran: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])
    results: dict[str, StepResult] = field(default_factory=dict[str, StepResult])

    @property
    def folder(self) -> Path:
        return self.root / "artifacts"

    @property
    def cluster(self) -> Served:
        return Served(work=self.root)

    @property
    def sections(self) -> Collection[str]:
        return SECTIONS

    def setting(self, _: str) -> Setting:
        return SETTING

    def announce(self, text: str) -> None:
        self.said.append(text)

    def result(self) -> RunResult:
        return RunResult({}, {}, 0.0, tuple(self.results.values()))

    def reach(self, _: object, slug: str) -> Stage:
        self.ran.append(slug)
        self.results[slug] = result_of(SECTIONS[slug](SETTING), "refuted" if slug == self.refuted else "proven")
        return Stage(cast(Cluster, None), SETTING, slug)

    def try_fault(self, fault: Fault, stage: Stage, _: object) -> Trial:
        assert fault.after == stage.after
        self.ran.append(fault.name)
        return Trial(fault.name, fault.after)


def walked(root: Path, monkeypatch: pytest.MonkeyPatch, refuted: str = "") -> tuple[int, Walk]:
    """The exit code of a run over stand-ins, and what it did."""
    walk = Walk(root, refuted)
    walk.folder.mkdir()
    monkeypatch.setattr(run.Stage, "reach", walk.reach)
    monkeypatch.setattr(run, "try_fault", walk.try_fault)
    monkeypatch.setattr(run.inventory, "take_inventory", always(inventory_of(())))
    return run.try_all(cast(Proof, walk), diagnosed), walk


def test_each_fault_is_tried_once_after_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, walk = walked(tmp_path, monkeypatch)
    assert [each for each in walk.ran if each in SECTIONS] == list(SECTIONS)
    assert [each for each in walk.ran if each in ALL] == list(ALL)
    assert code == errors.PROVEN
    assert f"PROVEN  {len(ALL)} of {len(ALL)} faults as they should be" in capsys.readouterr().out


def test_after_a_section_that_is_not_proven_nothing_is_seeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, walk = walked(tmp_path, monkeypatch, "exclude")
    assert walk.ran[-1] == "exclude"
    assert code == errors.REFUTED
    assert walk.said[-1].startswith("section 4 (exclude) is not proven")
    assert "REFUTED  4 of" in capsys.readouterr().out
