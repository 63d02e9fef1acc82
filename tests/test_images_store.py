"""The cache: complete entries only, broken ones told and made anew, leftovers of killed builds gone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from meshproof.images.store import Store, key_of, remove
from meshproof.wait import Clock


def build(target: Path) -> Mapping[str, Any]:
    (target / "bin").mkdir()
    (target / "bin" / "tool").write_text("content")
    return {"kind": "test"}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, said: list[str]) -> Store:
    return Store(tmp_path / "cache", said.append)


def test_what_was_made_is_found_again_under_its_key(store: Store) -> None:
    made = store.make("tool", "k1", build)
    found = store.find("tool", "k1")
    assert found == made
    assert (made.path / "bin" / "tool").read_text() == "content"
    assert store.find("tool", "k2") is None
    assert store.sizes() == {"tool-k1": 7}


def lose(path: Path) -> None:
    (path / "bin" / "tool").unlink()


def cut_short(path: Path) -> None:
    (path / "bin" / "tool").write_text("cont")


def spoil_manifest(path: Path) -> None:
    (path / "manifest.json").write_text("{")


def lose_manifest(path: Path) -> None:
    (path / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lose, "bin/tool is missing"),
        (cut_short, "bin/tool has 4 bytes instead of 7"),
        (spoil_manifest, "its manifest cannot be read"),
        (lose_manifest, "its manifest cannot be read"),
    ],
)
def test_a_broken_entry_is_told_in_one_line_and_missing(
    store: Store, said: list[str], damage: Callable[[Path], None], reason: str
) -> None:
    damage(store.make("tool", "k1", build).path)
    assert store.find("tool", "k1") is None
    assert said == [f"cached tool is broken ({reason}); it is made anew"]
    assert store.make("tool", "k1", build) == store.find("tool", "k1")


def test_only_a_thorough_look_sees_content_of_the_same_size(store: Store, said: list[str]) -> None:
    path = store.make("tool", "k1", build).path / "bin" / "tool"
    path.write_text("CONTENT")
    assert store.find("tool", "k1") is not None
    assert store.find("tool", "k1", thorough=True) is None
    assert "another content" in said[0]


def test_a_failed_build_leaves_nothing(store: Store) -> None:
    def fail(target: Path) -> Mapping[str, Any]:
        (target / "half").write_text("")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store.make("tool", "k1", fail)
    assert list(store.folder.iterdir()) == []


def test_what_a_killed_build_left_is_removed_before_the_next(store: Store) -> None:
    (store.folder / ".unfinished-tool-1").mkdir()
    with store.locked():
        assert [path.name for path in store.folder.iterdir()] == ["lock"]


def test_a_second_builder_says_that_it_waits_and_goes_on_when_the_first_is_done(store: Store, said: list[str]) -> None:
    with (store.folder / "lock").open("a+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def pause(_: float) -> None:
            fcntl.flock(other, fcntl.LOCK_UN)

        with Store(store.folder, said.append, Clock(lambda: 0.0, pause)).locked():
            assert len(said) == 1
            assert said[0].startswith("another run is assembling images in this cache; waiting for it")


def test_keys_depend_on_content_and_not_on_order_of_names() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_read_only_folders_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "mod" / "module"
    folder.mkdir(parents=True)
    (folder / "file").write_text("")
    folder.chmod(0o500)
    remove(tmp_path / "mod")
    assert not (tmp_path / "mod").exists()


def test_of_what_comes_and_goes_the_last_used_stay(store: Store) -> None:
    def passing(target: Path) -> Mapping[str, Any]:
        return {**build(target), "passing": True}

    for number, key in enumerate(["a", "b", "c"]):
        os.utime(store.make("kgateway", key, passing).path, (number, number))
        os.utime(store.make("charts", key, build).path, (number, number))
    store.make("istio-tree", "a", passing)
    assert store.find("kgateway", "a"), "which is a use of it"
    assert [(entry.name, entry.key) for entry in store.drop_passing(2)] == [("kgateway", "b")]
    assert sorted(store.sizes()) == ["charts-a", "charts-b", "charts-c", "istio-tree-a", "kgateway-a", "kgateway-c"]
    assert store.drop_passing(2) == []
