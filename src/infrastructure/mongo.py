"""Connections to MongoDB: one that writes the audit trail and waits for the disk, one that reads it."""

from typing import Any

import pymongo
from pymongo import AsyncMongoClient, MongoClient, ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

DATABASE = "daybook"
"""Where the URL names none."""

Document = dict[str, Any]


def writing(url: str, deadline: float = 10.0) -> Database[Document]:
    """Majority and journal: what is acknowledged is on disk. Without `j` it may be lost for a tenth of a second."""
    client: MongoClient[Document] = MongoClient(
        url, serverSelectionTimeoutMS=2000, connectTimeoutMS=2000, socketTimeoutMS=round(deadline * 1000),
        maxPoolSize=2, retryWrites=False, appname="daybook-audit",
    )  # fmt: skip
    return client.get_default_database(DATABASE).with_options(write_concern=WriteConcern(w="majority", j=True))


def reading(url: str, deadline: float = 2.0, pool: int = 8) -> AsyncDatabase[Document]:
    """Reads of what a majority has, so that nothing is shown that could still be undone."""
    wait = round(deadline * 1000)
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        url, serverSelectionTimeoutMS=wait, connectTimeoutMS=wait, socketTimeoutMS=wait, maxPoolSize=pool,
        appname="daybook-read",
    )  # fmt: skip
    found: AsyncDatabase[Document] = client.get_default_database(DATABASE)
    return found.with_options(read_preference=ReadPreference.PRIMARY, read_concern=ReadConcern("majority"))


GONE = (pymongo.errors.ConnectionFailure, pymongo.errors.NetworkTimeout, pymongo.errors.ServerSelectionTimeoutError)
"""MongoDB is not there, or does not answer in time. Nothing is known to have happened."""
