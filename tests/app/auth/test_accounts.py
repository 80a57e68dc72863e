from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest

from app.auth import secrets
from app.auth.accounts import FAILURES_ALLOWED, OWNER, require_scope
from core.domain.principal import SCOPES
from core.errors import InvalidInput, NotSignedIn, Refused, UnknownName

PASSWORD = "correct horse battery"


def everything_stored(dsn: str) -> str:
    tables = ("users", "sessions", "keys", "login_failures")
    with psycopg.connect(dsn) as connection:
        return "\n".join(
            str(row) for table in tables for row in connection.execute(f"SELECT t::text FROM desk.{table} t").fetchall()
        )


def test_first_run_makes_one_owner_with_every_scope(accounts, owner):
    assert accounts.ensure_owner() is None
    assert accounts.user(OWNER).scopes == SCOPES
    assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", owner)


def test_sign_in_gives_a_person_and_sign_out_ends_it(accounts, owner):
    opened = accounts.sign_in(OWNER, owner)
    person = accounts.principal_of(opened.token)
    assert (person.kind, person.name, person.scopes) == ("person", OWNER, SCOPES)
    assert accounts.session(opened.token).csrf_token == opened.session.csrf_token
    accounts.sign_out(opened.token)
    with pytest.raises(NotSignedIn):
        accounts.principal_of(opened.token)


def test_the_database_holds_no_password_token_or_key(accounts, owner, shared_dsn):
    opened = accounts.sign_in(OWNER, owner)
    _, key = accounts.create_key(OWNER, "mine", scopes=["read"])
    stored = everything_stored(shared_dsn)
    assert "$argon2id$" in stored
    for secret in (owner, opened.token, key, key.removeprefix("qd_local_")):
        assert secret not in stored


def test_a_login_rotates_the_session(accounts, owner):
    first = accounts.sign_in(OWNER, owner)
    second = accounts.sign_in(OWNER, owner, old_token=first.token)
    assert second.token != first.token
    assert second.session.csrf_token != first.session.csrf_token
    with pytest.raises(NotSignedIn):
        accounts.session(first.token)


def test_an_expired_session_is_refused(accounts, owner, shared_dsn):
    opened = accounts.sign_in(OWNER, owner)
    with psycopg.connect(shared_dsn) as connection:
        connection.execute("UPDATE desk.sessions SET expires_at = clock_timestamp() - interval '1 second'")
    with pytest.raises(NotSignedIn):
        accounts.session(opened.token)


@pytest.mark.parametrize("token", [None, "", "x", "qd_local_" + "A" * 43, "eyJhbGciOiJub25lIn0.e30."])
def test_foreign_credentials_are_refused(accounts, owner, token):
    with pytest.raises(NotSignedIn):
        accounts.principal_of(token)


def test_wrong_name_and_wrong_password_read_the_same(accounts, owner):
    with pytest.raises(NotSignedIn) as wrong_password:
        accounts.sign_in(OWNER, "not the password")
    with pytest.raises(NotSignedIn) as wrong_name:
        accounts.sign_in("nobody", "not the password")
    assert str(wrong_password.value) == str(wrong_name.value)


def test_guessing_is_stopped_even_with_the_right_password(accounts, owner, shared_dsn):
    for _ in range(FAILURES_ALLOWED):
        with pytest.raises(NotSignedIn):
            accounts.sign_in(OWNER, "guess guess guess")
    with pytest.raises(NotSignedIn, match="Too many failed logins"):
        accounts.sign_in(OWNER, owner)
    with psycopg.connect(shared_dsn) as connection:
        connection.execute("UPDATE desk.login_failures SET failed_at = failed_at - interval '6 minutes'")
    assert accounts.sign_in(OWNER, owner).session.principal.name == OWNER


def test_a_new_password_ends_every_session(accounts, owner):
    opened = accounts.sign_in(OWNER, owner)
    accounts.set_password(OWNER, PASSWORD)
    with pytest.raises(NotSignedIn):
        accounts.session(opened.token)
    with pytest.raises(NotSignedIn):
        accounts.sign_in(OWNER, owner)
    assert accounts.sign_in(OWNER, PASSWORD)


def test_a_disabled_person_is_locked_out_with_session_and_key(accounts, owner, shared_dsn):
    opened = accounts.sign_in(OWNER, owner)
    _, key = accounts.create_key(OWNER, "mine")
    with psycopg.connect(shared_dsn) as connection:
        connection.execute("UPDATE desk.users SET disabled_at = clock_timestamp()")
    for attempt in (
        lambda: accounts.session(opened.token),
        lambda: accounts.principal_of(key),
        lambda: accounts.sign_in(OWNER, owner),
    ):
        with pytest.raises(NotSignedIn):
            attempt()


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "a;b"])
def test_bad_names_are_refused(accounts, name):
    with pytest.raises(InvalidInput, match="user name"):
        accounts.add_user(name, PASSWORD, ["read"])


def test_adding_a_person(accounts, owner):
    accounts.add_user("ann", PASSWORD, ["read", "approve"])
    assert accounts.sign_in("ann", PASSWORD).session.principal.scopes == {"read", "approve"}
    with pytest.raises(InvalidInput, match="already"):
        accounts.add_user("ann", PASSWORD, ["read"])
    with pytest.raises(InvalidInput, match="10 to"):
        accounts.add_user("bob", "short", ["read"])
    with pytest.raises(InvalidInput, match="scopes"):
        accounts.add_user("bob", PASSWORD, ["root"])
    with pytest.raises(UnknownName):
        accounts.set_password("bob", PASSWORD)


def test_a_personal_key_acts_as_the_person_within_its_scopes(accounts, owner):
    key, credential = accounts.create_key(OWNER, "mine", scopes=["read", "approve"])
    assert re.fullmatch(r"qd_local_[\w-]{43}", credential)
    principal = accounts.principal_of(credential)
    assert (principal.id, principal.kind, principal.scopes) == (
        accounts.user(OWNER).user_id,
        "person",
        {"read", "approve"},
    )
    accounts.revoke_key(key.key_id)
    with pytest.raises(NotSignedIn):
        accounts.principal_of(credential)


def test_an_expired_key_is_refused(accounts, owner):
    _, credential = accounts.create_key(OWNER, "old", lifetime=timedelta(seconds=-1))
    with pytest.raises(NotSignedIn):
        accounts.principal_of(credential)


@pytest.mark.parametrize("kind", ["agent", "service"])
@pytest.mark.parametrize("scope", ["approve", "admin"])
def test_a_key_of_a_machine_never_approves(accounts, owner, kind, scope):
    with pytest.raises(Refused, match="approve"):
        accounts.create_key(OWNER, "bot", kind=kind, scopes=["read", scope])


def test_the_database_itself_refuses_an_approving_agent_key(accounts, owner, shared_dsn):
    accounts.create_key(OWNER, "bot", kind="agent", scopes=["read"])
    with psycopg.connect(shared_dsn) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE desk.keys SET scopes = '{approve}'")


def test_an_agent_key_names_the_person_it_acts_for(accounts, owner):
    key, credential = accounts.create_key(OWNER, "bot", kind="agent", scopes=["read", "trade"])
    principal = accounts.principal_of(credential)
    assert (principal.kind, principal.id, principal.requested_by) == (
        "agent",
        f"agent:{key.key_id}",
        accounts.user(OWNER).user_id,
    )
    with pytest.raises(Refused):
        require_scope(principal, "approve")


def test_a_key_cannot_exceed_its_person_now_or_later(accounts, owner, shared_dsn):
    accounts.add_user("ann", PASSWORD, ["read", "trade"])
    with pytest.raises(Refused, match="approve"):
        accounts.create_key("ann", "mine", scopes=["approve"])
    _, credential = accounts.create_key("ann", "mine", scopes=["read", "trade"])
    with psycopg.connect(shared_dsn) as connection:
        connection.execute("UPDATE desk.users SET scopes = '{read}' WHERE name = 'ann'")
    assert accounts.principal_of(credential).scopes == {"read"}


def test_secrets_are_made_once(accounts):
    assert accounts.secret("chat") == accounts.secret("chat")
    assert len(accounts.secret("chat")) >= 32
    assert accounts.secret("chat") != accounts.secret("other")


def test_hashes_depend_on_the_pepper():
    assert secrets.keyed_hash("t", "a") != secrets.keyed_hash("t", "b")
    # RFC 4231 test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert secrets.keyed_hash("what do ya want for nothing?", "Jefe") == expected


def test_a_damaged_hash_fits_nothing():
    assert not secrets.password_fits("garbage", PASSWORD)
    assert not secrets.password_fits(secrets.unknown_user_hash(), PASSWORD)
