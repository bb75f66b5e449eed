"""The executor of the writing handlers, as the loop sees it."""

import asyncio
import threading
import time

import pytest

from interfaces.http.threads import Threads


def running(story):
    threads = Threads(3)
    try:
        return asyncio.run(story(threads))
    finally:
        threads.close()


def test_it_answers_and_fails_as_the_job_does():
    async def story(threads):
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(threads, lambda: 7) == 7
        assert await loop.run_in_executor(threads, int, "8") == 8
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(threads, lambda: 1 / 0)

    running(story)


def test_never_more_threads_than_that_and_no_more_than_needed():
    async def story(threads):
        loop = asyncio.get_running_loop()
        names = set()

        def job():
            names.add(threading.current_thread().name)
            time.sleep(0.01)

        for _ in range(5):
            await loop.run_in_executor(threads, job)
        assert len(names) == 1
        await asyncio.gather(*(loop.run_in_executor(threads, job) for _ in range(20)))
        assert len(names) == 3

    running(story)


def test_what_nobody_waits_for_any_more_is_not_begun():
    async def story(threads):
        loop = asyncio.get_running_loop()
        begun = []
        busy = [loop.run_in_executor(threads, time.sleep, 0.1) for _ in range(3)]
        late = loop.run_in_executor(threads, begun.append, 1)
        late.cancel()
        await asyncio.gather(*busy)
        await loop.run_in_executor(threads, time.sleep, 0)
        assert begun == []

    running(story)


def test_a_loop_that_has_ended_takes_no_thread_with_it():
    threads = Threads(1)

    async def leaves():
        asyncio.get_running_loop().run_in_executor(threads, time.sleep, 0.2)

    async def comes():
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: "still here")

    asyncio.run(leaves())
    assert asyncio.run(comes()) == "still here"
    threads.close()


def test_closed_its_threads_end():
    async def story(threads):
        await asyncio.get_running_loop().run_in_executor(threads, int)
        before = threading.active_count()
        threads.close()
        await asyncio.sleep(0.1)
        assert threading.active_count() == before - 1

    running(story)
