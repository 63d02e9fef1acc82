"""The JSON Schema of results.json, made of the types that are written; run as a module, it prints it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec

from meshproof.results import RunResult

VERSION = "1"  # goes up when a key goes or changes its meaning; a key more is no change
FILE = files("meshproof.report").joinpath("results.schema.json")

_MOMENT = {"type": "string", "format": "date-time"}
_WRITTEN = {  # beside the fields of RunResult
    "schema": {"const": VERSION, "description": "Version of this schema."},
    "tool": {
        "type": "object",
        "description": "What wrote the file; `commit` is empty where it was not run from a checkout.",
        "properties": {key: {"type": "string"} for key in ("name", "version", "commit")},
        "required": ["name", "version", "commit"],
    },
    "finished": {**_MOMENT, "description": "When the last step ended."},
    "verdict": {"enum": ["proven", "refuted", "incomplete"]},
    "exit_code": {"enum": [0, 1], "description": "What the verdict makes a command end with."},
    "totals": {
        "type": "object",
        "properties": {key: {"type": "integer"} for key in ("checks", "proven", "refuted", "skipped", "departures")},
        "required": ["checks", "proven", "refuted", "skipped", "departures"],
    },
}


def schema() -> dict[str, Any]:
    """The schema: the fields of a run, moments as text, and what follows from them; all of it is always written."""
    made = msgspec.json.schema(RunResult)
    types: dict[str, dict[str, Any]] = made["$defs"]
    for name, fields in (
        ("RunResult", "started"),
        ("StepResult", "started"),
        ("Moment", "started"),
        ("Resumption", "at"),
    ):
        types[name]["properties"][fields] = _MOMENT
    for content in ("then", "now"):  # nobody's business: see results_json
        del types["Difference"]["properties"][content]
    types["RunResult"]["properties"] = {**_WRITTEN, **types["RunResult"]["properties"]}
    for each in types.values():
        if "properties" in each:
            each["required"] = sorted(each["properties"])
            for one in each["properties"].values():
                one.pop("default", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "meshproof results", **made}


def text() -> str:
    """The schema as it is kept."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
