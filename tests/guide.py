"""Pages for the tests: a guide of our own with all that such pages have, one with as many blocks, and the page."""

from __future__ import annotations

import os
from pathlib import Path

from meshproof.page.includes import Includes

PAGES = Path(__file__).parent / "pages"
GUIDE = PAGES / "guide.md"
INCLUDES = Includes(folder=PAGES)
_SHARED = Path(__file__).parents[2] / "shared" / "page" / "istio-sidecar.md"


def the_page() -> Path | None:
    """The page, which is no part of the project: where PAGE= says, or beside the checkout."""
    given = os.environ.get("PAGE")
    found = Path(given) if given else _SHARED
    return found if found.is_file() else None


def walkthrough() -> str:
    """A page of 34 blocks: small ones, twins that their place or their tab decides, and long ones."""
    return "\n".join(_section(number, name) for number, name in enumerate(("gauge", "vane", "lamp"), 1)) + _last()


def _section(number: int, name: str) -> str:
    return f"""
## Part {number}: the {name}

1. Look.
   ```sh
   kubectl get pods -n weather
   ```

   ```
   NAME             READY   STATUS
   {name}-5d4f      {number}/{number}     Running
   ```
2. Restart.
   ```sh
   kubectl rollout restart deployment {name} -n weather
   kubectl rollout status deployment {name} -n weather
   ```
3. Label.
   * With a name:
     ```sh
     kubectl label ns weather name={name}
     ```
   * Without:
     ```sh
     kubectl label ns weather name-
     ```
4. Ask.
   {{{{< tabs items="Address,Port" >}}}}
   {{{{% tab %}}}}
   ```sh
   curl http://${{ADDRESS}}:8080/{name}
   ```
   {{{{% /tab %}}}}
   {{{{% tab %}}}}
   ```sh
   curl localhost:8080/{name}
   ```
   {{{{% /tab %}}}}
   {{{{< /tabs >}}}}

   ```json
   {{
     "{name}": true,
     "wind": "north",
     "request": "47c4-{number}"
   }}
   ```
5. Apply.
   ```yaml
   kubectl apply -f- <<EOF
   apiVersion: v1
   kind: ConfigMap
   metadata:
     name: {name}
     namespace: weather
   data:
     place: hill-{number}
   EOF
   ```
6. Look again.
   ```sh
   kubectl get pods -n weather
   ```
"""


def _last() -> str:
    return """
## At the end

1. Take it away.
   ```sh
   kubectl delete ns weather
   ```
2. Values.
   ```yaml
   weather:
     on: true
   ```
   ```sh
   helm upgrade weather charts/weather -f weather.yaml
   ```
   ```sh
   kubectl get pods -n weather
   ```
"""
