"""The objects that steps apply, one readable YAML file each; `$name` marks what depends on the run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from meshproof import yamls
from meshproof.errors import BadInput

# A mark that is the whole of a value must still be text for a reader of YAML; others are within one.
_MARK = re.compile(r"(?m)(?<=[:-] )\$(?P<whole>\w+)(?=\s*$)|\$(?P<part>\w+)")


def manifest(name: str, values: Mapping[str, str]) -> str:
    """The text of a manifest with its `$name` marks replaced, quoted where YAML would read something else than text.

    Raises:
        BadInput: There is no such manifest, or a mark has no value.
    """
    try:
        text = files(__name__).joinpath(name).read_text()
        return _MARK.sub(lambda mark: yamls.scalar(values[mark[1]]) if mark[1] else values[mark["part"]], text)
    except FileNotFoundError as error:
        raise BadInput(f"manifest {name}: there is no such file in meshproof/manifests") from error
    except KeyError as error:
        raise BadInput(f"manifest {name}: no value given for ${error.args[0]}") from error
