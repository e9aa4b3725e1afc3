"""The tables as a database has them: what is missing is made, what can't be used is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from core.store.tables import EARLIER_TABLES, metadata

#: For each table that is there what is known of its columns, by name.
Found = Mapping[str, Mapping[str, Any]]


def completed(engine: Engine) -> Found:
    """The tables of this version and of earlier ones, once those of this version are all there.

    Columns that came later are added where earlier rows can do without a value of their own.
    """
    found = _found(engine)
    while missing := list(_missing(engine, found)):
        try:
            with engine.begin() as connection:
                for statement in missing:
                    connection.exec_driver_sql(statement)
        except SQLAlchemyError:
            found = _found(engine)
            # Where several make them at once, all but one are refused, and find them made.
            if missing == list(_missing(engine, found)):
                raise
        else:
            found = _found(engine)
    return found


def problems(found: Found) -> Iterator[str]:
    """What keeps this version from using the tables, in a few words each."""
    for table in metadata.sorted_tables:
        columns = found[table.name]
        lacking = [name for each in table.columns if (name := each.name) not in columns]
        if lacking:
            yield f"{table.name} lacks {', '.join(lacking)}"
        for name, column in columns.items():
            is_needed = not column["nullable"] and column["default"] is None
            if name not in table.columns and is_needed:
                yield f"{table.name} has {name}, which can't be left empty"


def earlier_tables(found: Found) -> list[str]:
    """Those with experiments of an earlier version; another program may call one of its own so."""
    return [name for name in EARLIER_TABLES if {"id", "spec"} <= set(found.get(name, ()))]


def _found(engine: Engine) -> Found:
    names = [*metadata.tables, *EARLIER_TABLES]
    with engine.connect() as connection:
        tables = inspect(connection).get_multi_columns(filter_names=names)
    return {name: {each["name"]: each for each in found} for (_, name), found in tables.items()}


def _missing(engine: Engine, found: Found) -> Iterator[str]:
    """The statements that make what is not there."""
    for table in metadata.sorted_tables:
        if table.name not in found:
            yield str(CreateTable(table, if_not_exists=True).compile(engine))
            for index in table.indexes:
                yield str(CreateIndex(index, if_not_exists=True).compile(engine))
            continue
        for column in table.columns:
            can_be_added = column.nullable or column.server_default is not None
            if column.name not in found[table.name] and can_be_added:
                described = CreateColumn(column).compile(dialect=engine.dialect)
                yield f"ALTER TABLE {table.name} ADD COLUMN {described}"
