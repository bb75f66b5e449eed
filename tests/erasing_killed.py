"""One step of an erasure in a process of its own, killed once a part of it is done: tenant, person, request, command,
and after what."""

import contextlib
import os
import signal
import sys
from uuid import UUID, uuid5

from application.message import Occasion
from application.privacy.commands import Certify, Erase
from application.recorded import Actor, Origin
from domain.errors import Refusal
from infrastructure import settings as given
from infrastructure.privacy.erasure import Erasing
from infrastructure.privacy.journal import Journal
from interfaces.bootstrap import build


def main(tenant: str, person: str, request: str, command: str, stop: str) -> None:
    settings = given.load(os.environ)
    house = build(settings)

    def after(step: str) -> None:
        if step == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    erasing = Erasing(
        house.command_bus, house.store, house.keys, Journal.of(settings), settings.data / "outbox", after
    )  # fmt: skip
    kind = {"Erase": Erase, "Certify": Certify}[command]
    occasion = Occasion(
        UUID(tenant), Actor("system", "reactions", "system"), Origin("worker"), uuid5(UUID(request), command),
        keyed=True,
    )  # fmt: skip
    with contextlib.suppress(Refusal):
        erasing.carry_out(kind(UUID(person), UUID(request)), occasion)
    house.close()


main(*sys.argv[1:])
