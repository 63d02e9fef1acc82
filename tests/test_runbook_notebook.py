"""A notebook executed by papermill in a real kernel: what it leaves, and what is said when it stops."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest

from meshproof.errors import BadInput, MachineCannot, MeshproofError, NotReady, Refuted
from meshproof.runbook.execution import html_book
from meshproof.runbook.execution.kernel import JUPYTER_FOLDERS, KERNEL, register_kernel
from meshproof.runbook.execution.papermill import ANCHOR, Limits, execute

new = cast(Any, nbformat).v4


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our kernel, with Jupyter's folders below a temporary one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for variable in JUPYTER_FOLDERS:
        monkeypatch.setenv(variable, "")  # put back afterwards
    register_kernel()


def write(folder: Path, *sources: str) -> Path:
    """A notebook of these code cells behind one of parameters."""
    declared = new.new_code_cell('name: str = "nobody"', metadata={"tags": ["parameters"]})
    cells = [new.new_markdown_cell("# A title"), declared, *map(new.new_code_cell, sources)]
    metadata = {"kernelspec": {"name": KERNEL, "display_name": KERNEL, "language": "python"}}
    path = folder / "notebooks" / "10-tiny.ipynb"
    path.parent.mkdir()
    cast(Any, nbformat).write(new.new_notebook(cells=cells, metadata=metadata), path)
    return path


def run(source: Path, **how: Any) -> tuple[Path, list[str]]:
    """Execute and return the copy and what was said; the error where it raises."""
    copy, said = source.parent.parent / "copy.ipynb", list[str]()
    execute(source, copy, how.pop("given", {"name": "me"}), said.append, **how)
    return copy, said


def outputs(copy: Path) -> list[Any]:
    return [out for cell in cast(Any, nbformat).read(copy, as_version=4).cells for out in cell.get("outputs", [])]


def test_it_runs_with_its_parameters_and_says_each_cell_and_what_that_prints(tmp_path: Path) -> None:
    copy, said = run(write(tmp_path, "print(f'hello {name}')", "name.upper()"))
    assert [line.partition(", ")[0] for line in said if "cell" in line] == [f"  cell {n} of 3" for n in (1, 2, 3)]
    assert said[0].endswith(": parameters")
    assert "    hello me" in said
    assert [out.get("text") or out.data["text/plain"] for out in outputs(copy)] == ["hello me\n", "'ME'"]


def test_a_failing_cell_is_named_with_its_anchor_and_all_that_it_printed_is_said(tmp_path: Path) -> None:
    source = write(tmp_path, "1", "print('so far')\nraise ValueError('no further')", "print('never')")
    said: list[str] = []
    with pytest.raises(Refuted) as failed:
        execute(source, tmp_path / "copy.ipynb", {}, said.append)
    assert str(failed.value).splitlines() == [
        f"10-tiny.ipynb: executed copy {tmp_path / 'copy.ipynb'}#{ANCHOR}",
        "  cell 3 of 4: ValueError: no further",
    ]
    told = "\n".join(said)
    assert all(words in told for words in ("failing cell, cell 3 of 4", "raise ValueError", "so far", "no further"))
    assert "never" not in told
    assert f'id="{ANCHOR}"' in (tmp_path / "copy.ipynb").read_text().replace('\\"', '"')
    chapter = html_book.chapter(tmp_path / "copy.ipynb")
    assert chapter.failed
    assert chapter.title == "A title"
    assert f'id="{chapter.anchor}-stopped"' in chapter.body
    assert f'href="#{chapter.anchor}-stopped"' in chapter.body


def test_what_an_earlier_run_claimed_is_not_green_once_the_section_is_run_again(tmp_path: Path) -> None:
    made = """
from meshproof.results import CheckResult, StepResult
from meshproof.runbook import Section
from meshproof.runbook.shown import claimed

check = CheckResult("route.x", "It is x", "x", "x", "proven")
section = Section(StepResult("route", "Route", (), 1e9, 5.0, (check,)), (), (), claimed.begin("route"))
"""
    source = write(
        tmp_path, made, "section.claims", "section.confirm()", "claimed.begin('route')\nraise ValueError('no')"
    )
    with pytest.raises(Refuted, match="cell 5 of 5: ValueError"):
        run(source)
    then = "found 2001-09-09 01:46:45 UTC; in an earlier run, not looked at now"
    claims, confirmed, _ = outputs(tmp_path / "copy.ipynb")
    assert claims.data["text/plain"] == f"Claims: 1 of 1 were proven, {then}"
    assert confirmed.data["text/plain"] == f"Route: its claim was proven, {then}"
    for panel in (claims.data["text/html"], confirmed.data["text/html"]):
        assert then in panel
        assert "✓" not in panel
        assert 'class="proven"' not in panel


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        ("BadInput('x')", BadInput, 2),
        ("CommandFailed('kubectl', 1, '', 'x')", MachineCannot, 3),
        ("NotReady('x')", NotReady, 1),
        ("Refuted('x')", Refuted, 1),
    ],
)
def test_an_error_of_ours_in_a_cell_keeps_its_exit_code(
    raised: str, kind: type[MeshproofError], code: int, tmp_path: Path
) -> None:
    with pytest.raises(kind, match="x") as failed:
        run(write(tmp_path, f"from meshproof.errors import *\nraise {raised}"))
    assert failed.value.exit_code == code


def test_a_cell_beyond_its_limit_is_stopped_and_marked_in_the_copy(tmp_path: Path) -> None:
    source = write(tmp_path, "print('slow')\nimport threading\nthreading.Event().wait(60)")
    with pytest.raises(MachineCannot, match=r"cell 2 of 2: did not end within 1 s") as failed:
        run(source, limits=Limits(cell_s=1))
    assert f"{tmp_path / 'copy.ipynb'}#{ANCHOR}" in str(failed.value)
    last = outputs(tmp_path / "copy.ipynb")[-1]
    assert (last.output_type, last.evalue) == ("error", "cell 2 of 2: did not end within 1 s")
    assert html_book.chapter(tmp_path / "copy.ipynb").failed


def test_a_kernel_that_dies_is_noticed_and_marked_in_the_copy(tmp_path: Path) -> None:
    with pytest.raises(MachineCannot, match=r"cell 2 of 3: its kernel died"):
        run(write(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "1"))
    assert "its kernel died" in outputs(tmp_path / "copy.ipynb")[-1].evalue


def test_a_kernel_that_cannot_start_or_is_unknown_is_a_matter_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path, "1")
    with pytest.raises(MachineCannot, match="kernel none-such: is not registered"):
        run(source, kernel="none-such")
    folder = tmp_path / "kernels" / "broken"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-c", "raise SystemExit(1)", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "broken", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(MachineCannot, match=r"10-tiny.ipynb: its kernel did not start \(limit 5 s\)"):
        run(source, kernel="broken", limits=Limits(kernel_s=5))


def test_a_parameter_that_is_not_declared_and_a_broken_file_are_bad_input(tmp_path: Path) -> None:
    source = write(tmp_path, "1")
    with pytest.raises(BadInput, match=r"has no parameter colour; it has name$"):
        run(source, given={"colour": "red"})
    assert not (tmp_path / "copy.ipynb").exists()
    source.write_text("{")
    with pytest.raises(BadInput, match="expected one that can be read"):
        run(source)


def test_no_secret_is_in_the_copy_the_terminal_or_the_error(tmp_path: Path) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"  # noqa: S105 - of nobody
    key = "-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49\\n-----END PRIVATE KEY-----"
    cell = f"print('Bearer ' + name)\nprint('{key}')\nraise ValueError(name)"
    source, said = write(tmp_path, cell), list[str]()
    with pytest.raises(Refuted) as failed:
        execute(source, tmp_path / "copy.ipynb", {"name": token}, said.append)
    copied = "".join(json.dumps(out) for out in outputs(tmp_path / "copy.ipynb"))
    for told in (copied, "\n".join(said), str(failed.value)):
        assert token not in told
        assert "MIGHAgEAMBMGByqGSM49" not in told
        assert "<redacted>" in told
