"""What is prepared on every connection of the write side: functions alone, the application may touch nothing else."""

APPEND, PLAIN, REFUSAL, OUTCOME = b"append", b"plain", b"refusal", b"outcome"
LOAD, LOCK, STREAM, LOG, LAST = b"load", b"lock", b"stream", b"log", b"last"
CLAIMS, TALLIES, EXPIRED, FORGET = b"claims", b"tallies", b"expired", b"forget"
ACCESS, FORGET_ANSWERS = b"access", b"forget_answers"

PARAMETERS = 40
RARE = (7, 10, 11, 12, 20, 21, *range(28, 39))
"""Which of an append's parameters most commands leave empty."""
NOWAIT = 6
COMMON = tuple(n for n in range(PARAMETERS) if n not in RARE and n != NOWAIT)


def _plain() -> bytes:
    """The same function without what is rare: each parameter that is sent costs the server, whatever is in it."""
    sent = {n: b"$%d" % (place + 1) for place, n in enumerate(COMMON)} | {NOWAIT: b"false"}
    return b"SELECT * FROM event_store.append(" + b", ".join(sent.get(n, b"NULL") for n in range(PARAMETERS)) + b")"


PREPARED: dict[bytes, bytes] = {
    APPEND: b"SELECT * FROM event_store.append(" + b", ".join(b"$%d" % (n + 1) for n in range(PARAMETERS)) + b")",
    PLAIN: _plain(),
    REFUSAL: b"SELECT * FROM event_store.refusal(" + b", ".join(b"$%d" % n for n in range(1, 13)) + b")",
    OUTCOME: b"SELECT * FROM event_store.command_outcome($1, $2, $3)",
    LOAD: b"SELECT * FROM event_store.read_streams($1, $2)",
    LOCK: b"SELECT event_store.lock($1, $2)",
    STREAM: b"SELECT * FROM event_store.read_stream($1, $2, $3, $4, $5, $6)",
    LOG: b"SELECT at_position, stream, version, tag, state FROM event_store.read_log($1, $2) "
    b"WHERE $3::bigint IS NULL OR at_position <= $3",
    LAST: b"SELECT last_position FROM event_store.lag($1, 1)",
    CLAIMS: b"SELECT * FROM event_store.claims_in($1, $2, tstzrange($3, $4))",
    TALLIES: b"SELECT * FROM event_store.tallies_of($1, $2, $3)",
    EXPIRED: b"SELECT * FROM event_store.expired_holds($1)",
    FORGET: b"SELECT event_store.forget_commands($1, $2)",
    ACCESS: b"SELECT access_log.record($1, $2)",
    FORGET_ANSWERS: b"SELECT event_store.forget_answers($1, $2)",
}
