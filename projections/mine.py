"""What is a customer's to see: their own, and that of whom their family lets them see. Every view that answers `own`
asks so, by this one condition.

The table is the families' (`projections/family/families.py`), which alone writes it: one row for each guardian and
dependant with a right between them.
"""

from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Index, Table, Uuid, any_, bindparam, func, select

from projections.view import TABLES

FAMILY_RIGHT = Table(
    "family_right", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("family_id", Uuid, primary_key=True),
    Column("guardian_id", Uuid, primary_key=True),
    Column("dependant_id", Uuid, primary_key=True),
    Column("book", Boolean, nullable=False),
    Column("pay", Boolean, nullable=False),
    Column("see", Boolean, nullable=False),
    Index("family_right_guardian", "tenant", "guardian_id"),
    info={"group": 2},
)  # fmt: skip

BESIDE = ("families",)
"""The view that has to have come as far as the one that asks so, for whoever reads what they have just written."""

_ME = bindparam("own", type_=Uuid)
_SEEN = (
    select(_ME)
    .union_all(
        select(FAMILY_RIGHT.c.dependant_id).where(
            FAMILY_RIGHT.c.tenant == bindparam("tenant", type_=Uuid),
            FAMILY_RIGHT.c.guardian_id == _ME,
            FAMILY_RIGHT.c.see,
        )
    )
    .scalar_subquery()
)


def mine(whose: Any) -> ColumnElement[bool]:
    """Whether it is the asker's own (`own` among the values), or of somebody they may see. Asked once a statement."""
    condition: ColumnElement[bool] = whose == any_(func.array(_SEEN))
    return condition
