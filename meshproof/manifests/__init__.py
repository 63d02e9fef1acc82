"""The objects that steps apply, one readable YAML file each; `$name` marks what depends on the run."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from meshproof.errors import BadInput


def manifest(name: str, **values: str) -> str:
    """The text of a manifest with its `$name` marks replaced.

    Raises:
        BadInput: There is no such manifest, or a mark has no value.
    """
    try:
        text = files(__name__).joinpath(name).read_text()
        return Template(text).substitute(values)
    except FileNotFoundError as error:
        raise BadInput(f"manifest {name}: there is no such file in meshproof/manifests") from error
    except KeyError as error:
        raise BadInput(f"manifest {name}: no value given for ${error.args[0]}") from error
