"""Numbers of which no two commands get the same."""

import threading

import psycopg
import pytest

from application.event_store import Unavailable
from infrastructure.postgres.numbers import Numbers, reserving


def test_no_number_comes_twice_to_threads_and_processes(url: str) -> None:
    numbers = [Numbers(reserving(url), block=7) for _ in range(2)]
    taken: list[int] = []

    def take(which: Numbers) -> None:
        taken.extend(which() for _ in range(60))

    threads = [threading.Thread(target=take, args=(numbers[n % 2],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 360
    assert min(taken) == 1


def test_a_block_is_never_given_back(url: str) -> None:
    """A process that ends leaves a gap; the next one begins behind it. What is reserved moves with the data."""
    assert Numbers(reserving(url), block=500)() == 1
    assert Numbers(reserving(url), block=500)() == 501
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT next FROM event_store.number").fetchone() == (1001,)


def test_no_database_no_number() -> None:
    with pytest.raises(Unavailable):
        Numbers(reserving("postgresql://nobody@127.0.0.1:1/nowhere"))()
