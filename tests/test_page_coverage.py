"""What is told of a page: coverage.json, a table, annotations, and an exit code for what was lost."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from guide import GUIDE, PAGES, the_page

from meshproof import cli, errors, yamls
from meshproof.errors import BadInput
from meshproof.page import command, coverage, told
from meshproof.page.baseline import compare
from meshproof.page.block import hash_of
from meshproof.page.coverage import Coverage, File, Row
from meshproof.page.includes import Includes
from meshproof.page.known import Known, known_from
from meshproof.page.reading import parse_page, read_page
from meshproof.page.verdict import FALLS, OPEN, STANDS, Verdict
from meshproof.releases import Cell, cells

FENCE = "```"
SMALL = f"""# One

1. First.
   {FENCE}sh
   kubectl get pods
   {FENCE}
2. Second.
   {FENCE}sh
   curl localhost
    -H "host: x"
   {FENCE}
3. Third.
   {FENCE}
   NAME  READY
   {FENCE}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, in which no release is assembled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr(command, "release_at_hand", none_at_hand)
    (tmp_path / "page.md").write_text(SMALL)
    return tmp_path


def none_at_hand(_: Cell) -> None:
    """No release is here."""


def written(folder: Path) -> Coverage:
    [file] = folder.glob("artifacts/*/coverage.json")
    return coverage.read(file)


def row(number: int = 1, verdict: Verdict = "not reached", **more: object) -> Row:
    made = Row(
        number,
        10 * number,
        10 * number + 2,
        "One",
        str(number),
        "",
        "sh",
        "command",
        f"{number:016}",
        verdict,
        "parsed",
    )
    return replace(made, **more)


def of(*rows: Row) -> Coverage:
    return Coverage(File("page.md", "0" * 64), {}, rows)


def test_a_page_is_told_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["coverage", "PAGE=page.md"]) == errors.PROVEN
    out = capsys.readouterr().out
    assert "✗   2      8  2" in out
    assert "line 10: -H is no command" in out
    assert "1 of 3 blocks settled: 1 cannot work" in out
    assert "the page is not covered: 2 unknown" in out
    assert "would leave out 3 of 3" in out
    found = written(folder)
    assert (found.page.file, len(found.page.sha256), found.release["kgateway"]) == ("page.md", 64, cells()[0].kgateway)
    assert [(each.line, each.item, each.kind, each.verdict) for each in found.blocks] == [
        (4, "1", "command", "unknown"),
        (8, "2", "command", "cannot work"),
        (13, "3", "sample output", "unknown"),
    ]
    assert found.blocks[1].repeat == "bash -c 'type -- -H'"


def test_what_the_contract_names_is_in_the_file(folder: Path) -> None:
    cli.main(["coverage", "PAGE=page.md"])
    [file] = folder.glob("artifacts/*/coverage.json")
    told_ = msgspec.json.decode(file.read_bytes())
    assert {"page", "release", "blocks"} <= set(told_)
    assert set(told_["blocks"][0]) >= {
        *("number", "line", "section", "item", "tab", "kind", "fingerprint", "verdict"),
        *("evidence", "seen", "correction", "repeat"),
    }
    assert not (folder / "artifacts" / "latest").exists()


def test_the_same_page_twice_is_the_same_file(folder: Path) -> None:
    for _ in range(2):
        cli.main(["coverage", "PAGE=page.md"])
    first, second = (file.read_bytes() for file in folder.glob("artifacts/*/coverage.json"))
    assert first == second


def test_known_blocks_name_what_stands_for_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = [known_from(block, "route", ("route.status",)) for block in parse_page(SMALL).blocks]
    monkeypatch.setattr(command, "known_blocks", lambda: table)
    (folder / "page.md").write_text(SMALL.replace("get pods", "get services").replace("host: x", "host: y"))
    cli.main(["coverage", "PAGE=page.md"])
    first, second, third = written(folder).blocks
    assert (third.verdict, third.step, third.checks) == ("not reached", "route", ("route.status",))
    assert (first.verdict, first.step, first.nearest and first.nearest.number) == ("drifted", "", 1)
    assert first.seen == f"changed; nearest is #1, {first.nearest.score if first.nearest else 0:.0%}"
    assert second.verdict == "drifted"  # though the shell says something of it
    assert "; cannot work: line 10: -H is no command" in second.seen


def test_a_known_block_that_is_gone_leaves_the_page_uncovered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = [known_from(block, "route") for block in parse_page(SMALL).blocks]
    monkeypatch.setattr(command, "known_blocks", lambda: [*table, Known(4, "f" * 16, "route", "", "aaaa bbbb")])
    found = command.judged(read_page("page.md", Includes()), cells()[0], folder)
    assert found.gone == (4,)
    assert "gone: #4" in told.summary(found)


def test_each_verdict_is_counted_once() -> None:
    assert not STANDS & FALLS
    assert not OPEN & (STANDS | FALLS)
    assert len(STANDS | FALLS | OPEN) == 9


@pytest.mark.parametrize("verdict", sorted(OPEN))
def test_a_page_with_an_open_block_is_not_covered(verdict: Verdict) -> None:
    assert not of(row(1, "holds as written"), row(2, verdict)).covered
    assert of(row(1, "holds as written"), row(2, "cannot work")).covered


@pytest.mark.parametrize("path", [GUIDE, *filter(None, [the_page()])], ids=lambda path: path.stem)
def test_the_table_fits_100_columns(path: Path, tmp_path: Path) -> None:
    found = command.judged(read_page(str(path), Includes()), cells()[0], tmp_path)
    longest: Verdict = "holds when corrected"
    found = replace(found, blocks=tuple(replace(each, verdict=longest, evidence="left-out") for each in found.blocks))
    lines = [*told.table(found).split("\n"), *told.summary(found).split("\n")]
    assert max(map(len, lines)) <= 100
    assert len({line.index(longest) for line in lines if line.startswith("✗")}) == 1


def test_the_releases_parts_need_not_be_here(folder: Path) -> None:
    (folder / "page.md").write_text(f"{FENCE}yaml\na: 1\n{FENCE}\n{FENCE}sh\nno-such-program <name>\n{FENCE}\n")
    cli.main(["coverage", "PAGE=page.md"])
    assert [each.seen for each in written(folder).blocks] == [
        "the charts of this release are not here; `make images` has them",
        "leaves to the reader what to fill in: <name>",
    ]


@pytest.mark.parametrize(
    ("before", "now", "lost", "unseen"),
    [
        ("not reached", "cannot work", True, 0),
        ("holds as written", "no effect", True, 0),
        ("is what was seen", "differs", True, 0),
        ("cannot work", "cannot work", False, 0),
        ("cannot work", "holds when corrected", False, 0),
        ("holds as written", "not reached", False, 1),
        ("holds as written", "drifted", False, 1),
        ("cannot work", "holds as written", False, 0),
    ],
)
def test_a_block_is_lost_where_it_falls_and_did_not(before: Verdict, now: Verdict, lost: bool, unseen: int) -> None:
    compared = compare(of(row(1, now)), of(row(1, before)))
    assert (bool(compared.lost), compared.unseen) == (lost, unseen)


def test_blocks_are_compared_by_text_and_place() -> None:
    then = of(row(1), row(2, "cannot work"))
    moved = replace(row(2, "cannot work"), number=1, line=5)
    assert compare(of(moved), then).lost == []
    changed = row(1, "cannot work", fingerprint="f" * 16)
    assert [before for _, before in compare(of(changed), then).lost] == ["not reached"]
    new = row(3, "cannot work")
    assert [before for _, before in compare(of(new), then).lost] == ["not there"]


def test_what_was_lost_ends_in_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = folder / "page.md"
    page.write_text(SMALL.replace("curl localhost\n", "curl localhost \\\n"))
    assert cli.main(["coverage", "PAGE=page.md"]) == errors.PROVEN
    [baseline] = folder.glob("artifacts/*/coverage.json")
    assert cli.main(["coverage", "PAGE=page.md", f"BASELINE={baseline}"]) == errors.PROVEN
    assert "nothing lost since the baseline" in capsys.readouterr().out
    page.write_text(SMALL)
    assert cli.main(["coverage", "PAGE=page.md", f"BASELINE={baseline}"]) == errors.REFUTED
    assert "lost since the baseline: #2 at line 8, unknown then, cannot work now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "coverage: expected PAGE=..., the page"),
        ("PAGE=no.md", "PAGE=no.md: expected a Markdown file: No such file or directory"),
        ("PAGE=page.md BASELINE=no.json", "no.json: expected a coverage.json: No such file or directory"),
        ("PAGE=page.md BASELINE=page.md", "page.md: not a coverage.json: JSON is malformed"),
        ("PAGE=page.md REUSE=no", "REUSE=no: expected a folder, or a TOML file with a text for each path"),
        ("PAGE=page.md KGATEWAY=1.0.0", "KGATEWAY=1.0.0: not supported"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert cli.main(["coverage", *words.split()]) == errors.BAD_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"meshproof: {said}")
    assert err.count("\n") == 1
    assert not (folder / "artifacts").exists()


def test_a_pull_request_shows_what_falls_beside_its_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    cli.main(["coverage", "PAGE=page.md"])
    [line] = [line for line in capsys.readouterr().out.split("\n") if line.startswith("::")]
    assert line.startswith("::error file=page.md,line=8,endLine=11,title=#2%3A cannot work::line 10: -H is no command")


def test_an_annotation_is_one_line_whatever_it_tells() -> None:
    found = of(row(1, "differs", seen="50%\nof: a, b"), row(2, "drifted", seen="x"), row(3), row(4, "holds as written"))
    assert list(told.github_annotations(replace(found, page=File("a,b:c.md", "")))) == [
        "::error file=a%2Cb%3Ac.md,line=10,endLine=12,title=#1%3A differs::50%25%0Aof: a, b",
        "::warning file=a%2Cb%3Ac.md,line=20,endLine=22,title=#2%3A drifted::x",
    ]


def test_what_is_not_given_and_what_is_for_tests_alone_is_told(folder: Path) -> None:
    found = command.judged(read_page(os.path.relpath(GUIDE), Includes()), cells()[0], folder)
    told_ = told.summary(found)
    assert "1 piece for tests alone, on no reader's page" in told_
    assert "would leave out 15 of 16" in told_
    assert re.search(r"not given with REUSE=, a word stands for each: snippets/product.md,", told_)
    given = command.judged(read_page(str(GUIDE), Includes(folder=PAGES)), cells()[0], folder)
    assert "REUSE=" not in told.summary(given)


def test_a_page_without_a_block_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "page.md").write_text("# Nothing\n\nbut words\n")
    assert cli.main(["coverage", "PAGE=page.md"]) == errors.PROVEN
    assert "the page has no block" in capsys.readouterr().out
    assert written(folder).blocks == ()


def test_a_coverage_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_text('{"blocks": []}')
    with pytest.raises(BadInput, match=r"coverage\.json: not a coverage\.json: Object missing required field `page`"):
        coverage.read(tmp_path / "coverage.json")


def test_the_report_shows_the_pages_structure_and_escapes_what_it_shows(folder: Path) -> None:
    (folder / "page.md").write_text(SMALL.replace("get pods", "get <b>&amp;</b>"))
    cli.main(["coverage", "PAGE=page.md"])
    [report] = folder.glob("artifacts/*/report.html")
    text = report.read_text()
    assert text.count("<article class=") == 3
    assert '<article class="block refuted" id="block-2">' in text
    assert text.index("<h2>One</h2>") < text.index('<h3 class="item">1</h3>') < text.index('id="block-1"')
    assert "kubectl get &lt;b&gt;&amp;amp;&lt;/b&gt;" in text
    assert "<b>" not in text


def test_other_testers_of_documentation_get_what_is_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = parse_page(SMALL).blocks
    monkeypatch.setattr(command, "known_blocks", lambda: [known_from(block, "route") for block in blocks])
    cli.main(["coverage", "PAGE=page.md"])
    [file] = folder.glob("artifacts/*/docs-tests.yaml")
    [told_] = yamls.load_file(file)
    assert told_["format"] == 1
    assert told_["blocks"] == [f"{block.fingerprint} {block.language}".strip() for block in blocks]
    assert [(tag["paths"], tag["block"], tag["fingerprint"]) for tag in told_["tags"]] == [
        ("route", 0, blocks[0].fingerprint),
        ("route", 1, blocks[1].fingerprint),
    ]
    assert told_["tags"][0]["lines"] == hash_of("kubectl get pods", 8)
    assert "kubectl" not in file.read_text()
