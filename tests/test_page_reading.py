"""A page is read as Hugo reads it, each block with its exact place; what cannot be read is told where."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from guide import GUIDE, INCLUDES, the_page
from hugo_site import blocks_by_hugo
from hypothesis import given, settings
from hypothesis import strategies as st

from meshproof.errors import BadInput
from meshproof.page.block import Block
from meshproof.page.includes import Includes, read_includes
from meshproof.page.reading import Page, parse_page, read_page
from meshproof.page.remark import UnreadablePage

FENCE = "```"


def in_order(page: Page) -> list[str]:
    """The texts of all blocks that a reader sees, those that are brought among them."""
    return [block.text for block in sorted((*page.brought, *page.blocks), key=lambda block: block.place.line)]


def one(text: str, includes: Includes | None = None) -> Block:
    [block] = parse_page(text, includes=includes).blocks
    return block


def test_real_hugo_has_the_same_texts_in_the_same_order(tmp_path: Path) -> None:
    reuse = {f"snippets/{path.name}": path.read_text() for path in (GUIDE.parent / "snippets").iterdir()}
    by_hugo = blocks_by_hugo(GUIDE.read_text(), tmp_path, reuse)
    assert len(by_hugo) == 17
    assert in_order(read_page(str(GUIDE), INCLUDES)) == by_hugo


@pytest.mark.skipif(the_page() is None, reason="the page is not here; PAGE= says where")
def test_real_hugo_has_the_same_texts_of_the_page(tmp_path: Path) -> None:
    text = (the_page() or GUIDE).read_text()
    paths = set(re.findall(r'reuse "([^"]+)"', text))
    reuse = {path: Path(path).stem for path in paths}
    by_hugo = blocks_by_hugo(text, tmp_path, reuse)
    assert len(by_hugo) == 34
    assert in_order(parse_page(text, includes=Includes(reuse))) == by_hugo


def test_each_block_has_its_place_and_what_it_really_is() -> None:
    page = read_page(str(GUIDE), INCLUDES)
    lines = GUIDE.read_text().split("\n")
    told = [
        (block.place.item, block.place.tab.label if block.place.tab else "", block.language, block.kind)
        for block in page.blocks
    ]
    assert told == [
        ("1", "", "sh", "command"),
        ("1", "", "", "sample output"),
        ("2", "", "yaml", "values"),
        ("3", "", "yaml", "manifest in a command"),
        ("3", "", "yaml", "manifest"),
        ("1", "By address", "sh", "command"),
        ("1", "By port", "sh", "command"),
        ("1", "", "console", "sample output"),
        ("2.1", "With a name", "sh", "command"),
        ("2.1", "Without", "bash", "command"),
        ("2.2", "", "sh", "command"),
        ("", "North", "sh", "command"),
        ("2", "South", "sh", "command"),
        ("", "", "md", "other"),
        ("", "", "json", "sample output"),
        ("", "", "sh", "command"),
    ]
    assert [block.number for block in page.blocks] == list(range(1, 17))
    for block in page.blocks:
        place = block.place
        mark = lines[place.line - 1][place.column - 1 :]
        assert mark.startswith((FENCE, "~~~"))
        assert lines[place.end - 1].strip(" >") == mark[: len(mark) - len(mark.lstrip("`~"))]
        inside = [line[place.column - 1 :] for line in lines[place.line : place.end - 1]]
        assert "\n".join(inside) == block.source
    assert {block.place.section for block in page.blocks} == {"Setext heading of two words", "Ask for it"}
    assert page.hidden == 1
    assert [block.paths for block in page.blocks if block.paths] == [("north", "all")]


def test_all_tabs_are_known_to_each() -> None:
    tabs = {
        block.place.tab.label: block.place.tab.labels
        for block in read_page(str(GUIDE), INCLUDES).blocks
        if block.place.tab
    }
    assert tabs["By port"] == ["By address", "By port"]
    assert tabs["Without"] == ["With a name", "Without"]
    assert tabs["South"] == ["North", "South"]


def test_what_is_included_is_put_in_and_what_is_not_known_is_named() -> None:
    page = read_page(str(GUIDE), INCLUDES)
    assert page.blocks[0].text == "kubectl get pods -n sky | grep weather"
    assert page.unknown == ()
    assert [block.text for block in page.brought] == ["export ADDRESS=$(kubectl get svc -n sky)"]
    without = read_page(str(GUIDE), Includes())
    assert without.blocks[0].text == "kubectl get pods -n namespace | grep weather"
    assert without.unknown == ("snippets/product.md", "snippets/begin.md", "snippets/namespace.md")
    assert without.brought == []
    assert [block.fingerprint for block in without.blocks] == [block.fingerprint for block in page.blocks]


def test_a_table_serves_as_a_folder_does_and_no_file_outside_of_it_is_read(tmp_path: Path) -> None:
    table = tmp_path / "reuse.toml"
    table.write_text('"/a/name.md" = "sky\\n"\n')
    text = f'{FENCE}sh\nget {{{{< reuse "a/name.md" >}}}}\n{FENCE}\n'
    assert one(text, read_includes(str(table))).text == "get sky"
    (tmp_path / "inside").mkdir()
    outside = f'{FENCE}sh\nget {{{{< reuse "../reuse.toml" >}}}}\n{FENCE}\n'
    assert one(outside, read_includes(str(tmp_path / "inside"))).unknown == ("../reuse.toml",)


@pytest.mark.parametrize("given", ["no/such/folder", __file__])
def test_what_is_no_table_of_includes_is_refused(given: str) -> None:
    with pytest.raises(BadInput, match=r"REUSE=.*expected a folder, or a TOML file"):
        read_includes(given)


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("sh", '{"sun": true}', "sample output"),
        ("console", "$ kubectl get ns\nNAME", "session"),
        ("", "kubectl get ns", "command"),
        ("", "kubectl: command not found", "sample output"),
        ("yaml", "# first\nkubectl apply -f x", "command"),
        ("yaml", "spec:\n  kube: {}", "fragment"),
        ("yml", "apiVersion: v1\nkind: Secret", "manifest"),
        ("bash", "cat > x <<EOF\nweather: on\nEOF", "command"),
        ("go", "package main", "other"),
    ],
)
def test_a_block_is_what_its_text_is(language: str, text: str, kind: str) -> None:
    assert one(f"{FENCE}{language}\n{text}\n{FENCE}\n").kind == kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a\n\n  {FENCE}sh\nx\n", "page:3:3: a fence begins here and is not ended, so that all below is in it"),
        ("a {{< /tabs >}}", "page:1:3: the shortcode /tabs ends what was not begun"),
        (
            "{{< tabs >}}\n{{< tab >}}\n{{< /tabs >}}",
            "page:3:1: the shortcode /tabs ends what was not begun; open is tab",
        ),
        ("x\n{{< tabs >}}\n", "page:2:1: the shortcode tabs is never ended"),
        ("{{< one >}}\n{{< one >}}{{< /one >}}", "page:1:1: the shortcode one is never ended"),
        ("x\n  {{< tabs\n", "page:2:3: a shortcode begins here with {{< and cannot be read"),
    ],
)
def test_markup_that_leaves_open_what_a_block_is_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UnreadablePage) as refused:
        parse_page(text)
    assert told in str(refused.value).splitlines()


def test_an_include_of_itself_is_told_with_the_way_around() -> None:
    table = {"a.md": '{{< reuse "b.md" >}}', "b.md": '{{< reuse "a.md" >}}'}
    with pytest.raises(
        UnreadablePage, match=r"page:2:1: an include is part of itself: a.md includes b.md includes a.md"
    ):
        parse_page('x\n{{< reuse "a.md" >}}', includes=Includes(table))


def test_what_is_odd_and_can_be_read_is_told_and_read() -> None:
    page = parse_page(f"\ufeffone\r\n\r\n{FENCE}sh\r\nget\tx \u202ey\r\n{FENCE}\r\n- {FENCE}sh\r\n  two\r\n")
    assert [block.source for block in page.blocks] == ["get\tx \u202ey", "two"]
    assert [(each.line, each.column, each.sentence.split(";")[0]) for each in page.remarks] == [
        (1, 1, "begins with a byte order mark"),
        (1, 4, "ends in a carriage return, as others may"),
        (4, 7, "the character U+202E changes the order in which what follows is shown"),
        (6, 3, "a fence begins here and is not ended, but by the list item or quote around it"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("no.md", None, "expected a Markdown file: No such file"),
        ("page.py", b"x", "expected a Markdown file, one that ends in .md"),
        ("page.md", b" \n", "page.md:1:1: expected Markdown, found an empty file"),
        ("page.md", b"one\n\xc3\xa9x\xff", "page.md:2:3: expected a text in UTF-8, found the byte 0xff"),
        ("page.md", b"a\nb\0", "page.md:2:2: expected a text, found the byte 0x00"),
    ],
)
def test_a_file_that_is_no_page_is_refused(tmp_path: Path, name: str, data: bytes | None, told: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInput, match=re.escape(told)):
        read_page(str(tmp_path / name), Includes())


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a Markdown file, found a folder"):
        read_page(str(tmp_path), Includes())


PIECES = st.sampled_from(
    [
        *(FENCE, "~~~~", f"{FENCE}sh", f'{FENCE}sh,{{paths="a"}}', "   ", "\t", "\n", "\n\n", "> ", "* ", "1. ", "2. "),
        *("{{< tabs >}}", "{{% tab %}}", "{{< /tabs >}}", "{{% /tab %}}", '{{< reuse "a.md" >}}', "{{< /* x */ >}}"),
        *("{{<", ">}}", "{{% x y=`z` /%}}", "<!--", "-->", "# h", "---", "kubectl get x <<EOF", "EOF", "$(", "'", "\r"),
        *("\u202e", "\ufeff", "\0", "é", ":", "***"),
    ]
)
# Pages that look like pages, and texts that look like nothing.
TEXTS = st.one_of(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join), st.text(max_size=200))


@settings(max_examples=1000)
@given(TEXTS)
def test_a_thousand_pages_are_read_or_refused(text: str) -> None:
    includes = Includes({"a.md": f"x\n{FENCE}sh\necho a\n{FENCE}"})
    try:
        page = parse_page(text, includes=includes)
    except UnreadablePage as error:
        refused = str(error).splitlines()
    else:
        refused = []
        lines = re.split(r"\r\n|\r|\n", text)
        for block in page.blocks:
            assert 1 <= block.place.line <= block.place.end <= len(lines)
            assert re.search("(```|~~~)", lines[block.place.line - 1])
    assert all(re.match(r"page:\d+:\d+: ", line) for line in refused)


def test_five_megabytes_are_read_in_two_seconds() -> None:
    """With as many blocks as documentation has: one in 500 bytes."""
    blocks = GUIDE.read_text().partition("\n---\n")[2]
    body = blocks + "A line of prose that says what the reader is about to do, and why it is done.\n" * 75
    text = body * (5_000_000 // len(body) + 1)
    assert len(text) > 5_000_000
    assert min(_seconds(text, 16 * (len(text) // len(body))) / _slowness() for _ in range(3)) < 2


def _seconds(text: str, blocks: int) -> float:
    """The processor's time for reading a page of so many blocks; of several the least one is not somebody else's."""
    before = time.process_time()
    assert len(parse_page(text, includes=INCLUDES).blocks) == blocks > 9_000
    return time.process_time() - before


def _slowness() -> float:
    """How slow this machine is just now, against one on which it takes 0.25 s to count to ten million."""
    before = time.process_time()
    for _ in range(10_000_000):
        pass
    return max(1.0, (time.process_time() - before) / 0.25)
