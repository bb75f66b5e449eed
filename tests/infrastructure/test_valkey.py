"""The one connection to Valkey: nobody who asks waits for it to come back, or longer than the deadline."""

import asyncio
import contextlib
import time

import pytest

from infrastructure.settings import Settings
from infrastructure.valkey import Gone, Said, Valkey, heard, spoken


async def up(valkey: Valkey) -> Valkey:
    valkey.open()
    ends = time.monotonic() + 10
    while not valkey.there:
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)
    return valkey


@contextlib.asynccontextmanager
async def pretending(answers):
    """A server that answers so, by the first word of what is asked; None: never."""

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n")
                await reader.readuntil(b"\r\n")
                word = (await reader.readuntil(b"\r\n")).strip()
                await asyncio.sleep(0)
                answer = answers.get(word, b"+OK\r\n")
                if answer is not None:
                    writer.write(answer)
                rest = getattr(reader, "_buffer")  # noqa: B009  # the words after the first
                rest.clear()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()


def test_what_is_asked_at_once_is_answered_in_its_order(servers: Settings):
    async def story():
        valkey = await up(Valkey(servers.redis_url or "", 2))
        try:
            asked = [valkey.ask(b"ECHO", b"%d" % n * (n % 7 * 3000 + 1)) for n in range(300)]
            assert await asyncio.gather(*asked) == [b"%d" % n * (n % 7 * 3000 + 1) for n in range(300)]
            with pytest.raises(Said):
                await valkey.ask(b"NONSENSE")
            assert await valkey.ask(b"GET", b"nothing") is None
            assert await valkey.ask(b"PING") == b"PONG"
        finally:
            await valkey.aclose()

    asyncio.run(story())


def test_a_script_is_told_once_and_told_anew_where_it_was_forgotten(servers: Settings):
    async def story():
        valkey = await up(Valkey(servers.redis_url or "", 2))
        try:
            script = "return {KEYS[1], tonumber(ARGV[1]) + 1}"
            assert await valkey.run(script, [b"k"], [b"4"]) == [b"k", 5]
            await valkey.ask(b"SCRIPT", b"FLUSH")
            with pytest.raises(Gone):
                await valkey.run(script, [b"k"], [b"4"])
            assert await valkey.run(script, [b"k"], [b"4"]) == [b"k", 5]
        finally:
            await valkey.aclose()

    asyncio.run(story())


def test_nobody_waits_for_one_that_is_not_there():
    async def story():
        valkey = Valkey("redis://127.0.0.1:1/0", 0.2)
        valkey.open()
        await asyncio.sleep(0.2)
        began = time.monotonic()
        for _ in range(1000):
            with pytest.raises(Gone):
                valkey.ask(b"PING")
        assert time.monotonic() - began < 2, "that was a thousand times the deadline's least part"
        await valkey.aclose()

    asyncio.run(story())


def test_one_that_is_late_is_given_up_and_everybody_told_at_once():
    async def story():
        answers = {b"PING": b"+PONG\r\n", b"GET": None}
        async with pretending(answers) as url:
            valkey = await up(Valkey(url, 0.2))
            waiting = [valkey.ask(b"GET", b"x") for _ in range(50)]
            found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
            assert {type(one) for one in found} == {Gone}
            assert not valkey.there
            with pytest.raises(Gone):
                valkey.ask(b"GET", b"x")
            await up(valkey)  # it comes back by itself
            await valkey.aclose()

    asyncio.run(story())


def test_one_that_takes_connections_and_says_nothing_never_counts_as_there():
    async def story():
        async with pretending({b"PING": None}) as url:
            valkey = Valkey(url, 0.05)
            valkey.open()
            for _ in range(20):
                await asyncio.sleep(0.02)
                assert not valkey.there
            await valkey.aclose()

    asyncio.run(story())


def test_who_is_no_valkey_is_left():
    async def story():
        async with pretending({b"PING": b"HTTP/1.1 400 Bad Request\r\n\r\n"}) as url:
            valkey = Valkey(url, 0.5)
            valkey.open()
            await asyncio.sleep(0.2)
            assert not valkey.there
            await valkey.aclose()

    asyncio.run(story())


def test_whoever_leaves_before_the_answer_takes_nobody_s(servers: Settings):
    async def story():
        valkey = await up(Valkey(servers.redis_url or "", 2))
        leaving = valkey.ask(b"ECHO", b"first")
        leaving.cancel()
        assert await valkey.ask(b"ECHO", b"second") == b"second"
        await valkey.aclose()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b":7\r\n", (7, 4)), (b"+OK\r\n", (b"OK", 5)), (b"$-1\r\n", (None, 5)), (b"$3\r\na\r\n\r\n", (b"a\r\n", 9)),
        (b"*2\r\n:1\r\n$1\r\nx\r\n", ([1, b"x"], 15)), (b"*0\r\n", ([], 4)), (b"", None), (b":7\r", None),
        (b"$3\r\nab", None), (b"*2\r\n:1\r\n", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_whole_or_not_at_all(data, found):
    assert heard(data, 0) == found


def test_what_is_none_is_told():
    for data in (b"HTTP\r\n", b":x\r\n", b"$x\r\n"):
        with pytest.raises(ValueError):  # noqa: PT011  # int's and ours alike
            heard(data, 0)
    assert spoken([b"GET", b"\r\n"]) == b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n"
