"""What is made outside the service on a PostgreSQL server: its role, its database, its schema."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SCHEMA = "mail"


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """The service's database and the role that it logs in as: no superuser, no CREATE there."""

    name: str
    role: str
    password: str = field(repr=False)


def provision(*, admin: str, database: ServiceDatabase) -> None:
    """Make the role, the database and the empty schema `mail`, owned by the role.

    `admin` is a superuser's conninfo.
    """
    name, role = sql.Identifier(database.name), sql.Identifier(database.role)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                role, sql.Literal(database.password)
            )
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name)
        )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, role))
    with psycopg.connect(make_conninfo(admin, dbname=database.name), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(SCHEMA), role)
        )


def drop(*, admin: str, database: ServiceDatabase) -> None:
    """Remove what `provision` made, whoever is still connected."""
    name, role = sql.Identifier(database.name), sql.Identifier(database.role)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))


def service_dsn(*, admin: str, database: ServiceDatabase) -> str:
    """Return the service's URL on the server that `admin` points to."""
    options = {key: str(value) for key, value in conninfo_to_dict(admin).items() if value}
    for key in ("user", "password", "dbname"):
        options.pop(key, None)
    host, port = options.pop("host", ""), options.pop("port", "")
    if host.startswith("/"):  # a socket's folder does not fit a URL's authority
        options["host"], host = host, ""
    login = f"{quote(database.role, safe='')}:{quote(database.password, safe='')}"
    where = f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return f"postgresql://{login}@{where}/{quote(database.name, safe='')}{query}"
