"""A second process that fights: `python -m bench.chaos.fighters URL FOLDER SEED FIRST PEOPLE EACH`.

The town comes on stdin. It is a program of its own, and not a fork, because a fork would share sockets and threads.
"""

import sys
from pathlib import Path

import msgspec

from bench.chaos.crowd import Crowd
from bench.chaos.town import Town, bus_door


def main() -> None:
    url, folder, *numbers = sys.argv[1:]
    seed, first, people, each = map(int, numbers)
    town = msgspec.json.decode(sys.stdin.buffer.read(), type=Town)
    with bus_door(url, town.tenant, pool_size=people) as door:
        crowd = Crowd(town, [door], Path(folder), seed, people, first=first, each=each, durable=False)
        crowd.start()
        crowd.join()


if __name__ == "__main__":
    main()
