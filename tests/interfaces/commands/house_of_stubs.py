"""A Daybook whose API and worker are stubs, on real servers: what test_run.py starts and kills.

It migrates nothing and notes each start in a table, so that a later run can tell whether rows were kept.
"""

import os
import sys

import psycopg
from rich.console import Console

from infrastructure.embedded.servers import Settings
from interfaces.commands.run import House, serve

API = """
import http.server, os

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

http.server.HTTPServer(("127.0.0.1", int(os.environ["DAYBOOK_PORT"])), Ready).serve_forever()
"""
WORKER = "import time; time.sleep(600)"


def note_start(settings: Settings) -> list[str]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS start (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO start DEFAULT VALUES")
        (count,) = connection.execute("SELECT count(*) FROM start").fetchone()
    return [f"start number {count}, as {os.getuid()}"]


if __name__ == "__main__":
    house = House(
        migrate=lambda _: None,
        rebuild=lambda *_: None,
        demo=note_start,
        api=(sys.executable, "-c", API),
        worker=(sys.executable, "-c", WORKER),
    )
    serve(os.environ, house, Console(soft_wrap=True))
