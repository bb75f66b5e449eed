"""Facts to bytes and back: JSON of the bare fact under its tag, the envelope apart, as metadata.

The library's own mapper reads `vars(event)`, which msgspec structs do not have, and stores module paths as topics.
"""

from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Cipher as LibraryCipher
from eventsourcing.persistence import Compressor, Mapper, StoredEvent, Transcoder

from application.recorded import Envelope
from domain.event import KNOWN, Event
from domain.personal import Clear, personal_in
from infrastructure.event_store.upcasts import UPCASTS, lift


class UnknownTag(ValueError):
    """No fact is known under this name: newer software wrote it, or its module has not been imported."""


class NotSealed(ValueError):
    """A fact was on its way into the log with a personal value in the clear."""


class Entry(DomainEventProtocol[UUID]):
    """A fact in its stream, in the shape in which the library passes events around."""

    __slots__ = ("_stream", "_version", "fact")

    def __init__(self, stream: UUID, version: int, fact: Event) -> None:
        self._stream, self._version, self.fact = stream, version, fact

    @property
    def originator_id(self) -> UUID:
        return self._stream

    @property
    def originator_version(self) -> int:
        return self._version


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decoders: dict[str, msgspec.json.Decoder[Any]] = {}


def encoded(fact: Event) -> bytes:
    """The fact as it is kept; `NotSealed` where a personal value in it is not."""
    if fact.personal and any(isinstance(value, Clear) for _, value in personal_in(fact)):
        raise NotSealed(f"{fact.tag} holds a personal value in the clear")
    return _encode(fact)


def fact_of(tag: str, state: bytes) -> Event:
    """The fact in its present shape; raises `UnknownTag`, or msgspec's DecodeError for what cannot be read."""
    decoder = _decoders.get(tag)
    if decoder is None:
        if tag in UPCASTS:
            present, fields = lift(tag, msgspec.json.decode(state))
            known = KNOWN.get(present)
            if known is None:
                raise UnknownTag(f"no fact is known as {present!r}")
            return msgspec.convert(fields, known)
        known = KNOWN.get(tag)
        if known is None:
            raise UnknownTag(f"no fact is known as {tag!r}")
        decoder = _decoders[tag] = msgspec.json.Decoder(known)
    return cast("Event", decoder.decode(state))


def encoded_envelope(envelope: Envelope) -> bytes:
    return _encode(envelope)


def envelope_of(metadata: bytes) -> Envelope:
    return _decode_envelope(metadata)


class FactMapper(Mapper[UUID]):
    """Chosen by MAPPER_TOPIC. Values are sealed per person and by field before they come here, so the library's cipher,
    which takes whole events under one key, is refused rather than half obeyed."""

    def __init__(
        self, transcoder: Transcoder, compressor: Compressor | None = None, cipher: LibraryCipher | None = None
    ) -> None:
        if compressor is not None or cipher is not None:
            raise ValueError("COMPRESSOR_TOPIC and CIPHER_TOPIC are not supported: facts are stored as plain JSON")
        super().__init__(transcoder)

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        assert isinstance(domain_event, Entry)
        fact = domain_event.fact
        return StoredEvent(domain_event._stream, domain_event._version, fact.tag, encoded(fact))

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        stream = stored_event.originator_id
        assert isinstance(stream, UUID)
        return Entry(stream, stored_event.originator_version, fact_of(stored_event.topic, stored_event.state))
