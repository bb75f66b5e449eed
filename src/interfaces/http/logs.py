"""One line, one JSON object: for programs first. No bodies, no headers, no addresses, no names."""

from typing import Any

import msgspec
import structlog
from structlog.types import EventDict, Processor


def _rendered(_logger: Any, _method: str, event: EventDict) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


PROCESSORS: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]


def configure() -> None:
    """Once in each process, before anything is said. Bytes go to stdout as they are: no second formatting."""
    structlog.configure(
        processors=[*PROCESSORS, _rendered],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )


log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
