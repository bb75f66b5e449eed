"""One step after a view's answer: everything in it that is sealed is opened, together, with few round trips.

Where nothing can be sealed, by the types of the answer, nothing is looked at.
"""

import asyncio
import typing
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.message import Occasion, Scope
from application.sealing import Erased
from domain.personal import Sealed
from infrastructure.privacy.keyring import Keyring

Answerer = Callable[[Any, Occasion, Scope], Awaitable[Any]]
Texts = Mapping[int, str | Erased]
"""By the identity of what was sealed."""


def opening(keys: Keyring, answer: Answerer) -> Answerer:
    """Answers as `answer` does, with everything sealed opened."""

    async def answered(query: Any, occasion: Occasion, scope: Scope) -> Any:
        return await opened(keys, occasion.tenant, await answer(query, occasion, scope))

    return answered


async def opened(keys: Keyring, tenant: UUID, answer: Any) -> Any:
    found: list[Sealed] = []
    _collect(answer, found)
    if not found:
        return answer
    # Whether keys have to be asked for is known at once; to ask takes as long as the database takes.
    if keys.at_hand(tenant, found):
        texts = keys.open(tenant, found)
    else:
        texts = await asyncio.to_thread(keys.open, tenant, found)
    return _replaced(answer, {id(one): text for one, text in zip(found, texts, strict=True)})


def _collect(value: Any, found: list[Sealed]) -> None:
    if isinstance(value, Sealed):
        found.append(value)
    elif isinstance(value, Struct):
        for field in may_be_sealed(type(value)):
            _collect(getattr(value, field), found)
    elif isinstance(value, list | tuple):
        for one in value:
            _collect(one, found)
    elif isinstance(value, dict):
        for one in value.values():
            _collect(one, found)


def _replaced(value: Any, texts: Texts) -> Any:
    if isinstance(value, Sealed):
        return texts[id(value)]
    if isinstance(value, Struct):
        fields = may_be_sealed(type(value))
        return replace(value, **{name: _replaced(getattr(value, name), texts) for name in fields}) if fields else value
    if isinstance(value, list | tuple):
        return type(value)(_replaced(one, texts) for one in value)
    if isinstance(value, dict):
        return {name: _replaced(one, texts) for name, one in value.items()}
    return value


@lru_cache(maxsize=4096)
def may_be_sealed(kind: type[Struct]) -> tuple[str, ...]:
    """The fields of a struct in which something sealed may be, by their types."""
    hints = typing.get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _may(hints[name], frozenset()))


def _may(hint: Any, above: frozenset[Any]) -> bool:
    if hint is Sealed or hint is Any or hint is object or isinstance(hint, TypeVar):
        return True
    if isinstance(hint, type) and issubclass(hint, Struct):
        if hint in above:
            return False
        inner = typing.get_type_hints(hint)
        return any(_may(inner[name], above | {hint}) for name in hint.__struct_fields__)
    origin = typing.get_origin(hint)
    if isinstance(origin, type) and issubclass(origin, Struct) and _may(origin, above):
        return True
    return any(_may(one, above) for one in typing.get_args(hint))
