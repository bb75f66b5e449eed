"""Whether an object of a body names a field twice.

JSON leaves open which of the two counts. To us it would be the last one, to somebody in front of us perhaps the first:
what was checked there is not what is done here.
"""

import json
import re
from typing import Any

STRING = re.compile(rb'"([^"\\]*)"\s*(:?)')


class _Twice(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


def doubled(body: bytes) -> str | None:
    """A name that an object has twice; None: all have each once. `body` is good JSON."""
    if b"\\" not in body:
        # Without escapes every string begins and ends at a quote: in most bodies no name comes twice anywhere.
        names = [name for name, colon in STRING.findall(body) if colon]
        if len(names) == len(set(names)):
            return None
    try:
        json.loads(body, object_pairs_hook=_once, parse_int=len, parse_float=len, parse_constant=len)
    except _Twice as twice:
        return twice.name
    return None


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise _Twice(name)
        seen.add(name)
