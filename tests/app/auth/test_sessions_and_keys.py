"""Sessions, keys and failed logins as time passes, by a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.auth import secrets
from app.auth.accounts import FAILURE_WINDOW, FAILURES_ALLOWED, SESSION_LIFETIME
from app.auth.owner import ensure_owner, forget_password, password_file
from core.domain.principal import SCOPES, Principal
from core.errors import InvalidInput, NotSignedIn, Refused, UnknownName

PASSWORD = "correct horse battery"
SECOND = timedelta(seconds=1)
SUBSETS = st.sets(st.sampled_from(sorted(SCOPES)), min_size=1)
SAME_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def test_a_session_holds_to_its_last_second_and_not_longer(memory_accounts, movable_clock):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    assert opened.session.expires_at == movable_clock.moment + SESSION_LIFETIME
    movable_clock.pass_by(SESSION_LIFETIME - SECOND)
    assert memory_accounts.session(opened.token).principal.name == "owner"
    movable_clock.pass_by(SECOND)
    with pytest.raises(NotSignedIn, match="Sign in at /login"):
        memory_accounts.session(opened.token)


def test_using_a_session_does_not_lengthen_it(memory_accounts, movable_clock):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    for _ in range(6):
        movable_clock.pass_by(timedelta(days=1))
        memory_accounts.session(opened.token)
    assert memory_accounts.session(opened.token).expires_at == opened.session.expires_at


def test_a_login_with_the_wrong_password_keeps_the_session_that_was_open(memory_accounts):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    with pytest.raises(NotSignedIn):
        memory_accounts.sign_in("owner", "not the password", old_token=opened.token)
    assert memory_accounts.session(opened.token)


def test_signing_in_as_another_ends_the_session_of_the_browser(memory_accounts):
    first = memory_accounts.sign_in("owner", PASSWORD)
    second = memory_accounts.sign_in("ann", PASSWORD, old_token=first.token)
    assert memory_accounts.session(second.token).principal.name == "ann"
    with pytest.raises(NotSignedIn):
        memory_accounts.session(first.token)


def test_tokens_and_csrf_tokens_never_repeat(memory_accounts):
    opened = [memory_accounts.sign_in("owner", PASSWORD) for _ in range(20)]
    values = [one.token for one in opened] + [one.session.csrf_token for one in opened]
    assert len(set(values)) == 40
    assert all(len(value) >= 43 for value in values), "256 bits in base64"


def test_stored_sessions_hold_no_token(memory_accounts, memory_stores):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    _, sessions, keys = memory_stores
    _, credential = memory_accounts.create_key("owner", "mine")
    assert opened.token not in repr(sessions.kept)
    assert credential not in repr(keys.kept)


def test_guesses_are_counted_in_a_window_that_moves(memory_accounts, movable_clock):
    for _ in range(FAILURES_ALLOWED):
        with pytest.raises(NotSignedIn, match="name or the password is wrong"):
            memory_accounts.sign_in("owner", "guess guess guess")
        movable_clock.pass_by(timedelta(minutes=1) - SECOND)
    with pytest.raises(NotSignedIn, match="Too many failed logins"):
        memory_accounts.sign_in("owner", PASSWORD)
    movable_clock.pass_by(timedelta(seconds=10))
    # The first guess has left the window: four are left in it.
    assert memory_accounts.sign_in("owner", PASSWORD)


def test_guesses_at_one_name_do_not_lock_another_out(memory_accounts):
    for _ in range(FAILURES_ALLOWED + 3):
        with pytest.raises(NotSignedIn):
            memory_accounts.sign_in("ann", "guess guess guess")
    assert memory_accounts.sign_in("owner", PASSWORD)


def test_a_locked_name_is_told_how_long_it_waits(memory_accounts, movable_clock):
    for _ in range(FAILURES_ALLOWED):
        with pytest.raises(NotSignedIn):
            memory_accounts.sign_in("owner", "guess guess guess")
    with pytest.raises(NotSignedIn, match="Wait 5 minutes"):
        memory_accounts.sign_in("owner", PASSWORD)
    movable_clock.pass_by(FAILURE_WINDOW)
    assert memory_accounts.sign_in("owner", PASSWORD)


@pytest.mark.parametrize("spelling", ["owner ", " owner", "\towner"])
def test_blanks_around_a_name_do_not_escape_the_count(memory_accounts, spelling):
    for _ in range(FAILURES_ALLOWED):
        with pytest.raises(NotSignedIn):
            memory_accounts.sign_in(spelling, "guess guess guess")
    with pytest.raises(NotSignedIn, match="Too many"):
        memory_accounts.sign_in("owner", PASSWORD)


@pytest.mark.parametrize("name", ["", "\0", "own\0er", "Owner", "x" * 5000, "owner'--", "ＯＷＮＥＲ"])
def test_no_other_spelling_signs_in(memory_accounts, name):
    with pytest.raises(NotSignedIn, match="wrong"):
        memory_accounts.sign_in(name, PASSWORD)


@pytest.mark.parametrize("password", ["", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "x" * 100_000, "\0"])
def test_no_other_password_signs_in(memory_accounts, password):
    with pytest.raises(NotSignedIn, match="wrong"):
        memory_accounts.sign_in("owner", password)


def test_a_disabled_person_cannot_come_back_by_the_right_password(memory_accounts, memory_stores, movable_clock):
    users, *_ = memory_stores
    user = users.by_name("owner")
    _, key = memory_accounts.create_key("owner", "mine")
    users.kept[user.user_id] = replace(user, disabled_at=movable_clock.moment)
    with pytest.raises(NotSignedIn, match="wrong"):
        memory_accounts.sign_in("owner", PASSWORD)
    with pytest.raises(NotSignedIn, match="disabled"):
        memory_accounts.principal_of(key)


def test_a_key_ends_when_its_lifetime_does(memory_accounts, movable_clock):
    _, credential = memory_accounts.create_key("owner", "month", lifetime=timedelta(days=30))
    movable_clock.pass_by(timedelta(days=30) - SECOND)
    assert memory_accounts.principal_of(credential).name == "owner"
    movable_clock.pass_by(SECOND)
    with pytest.raises(NotSignedIn, match="unknown, revoked or expired"):
        memory_accounts.principal_of(credential)


def test_revoking_twice_keeps_the_first_time(memory_accounts, movable_clock):
    key, credential = memory_accounts.create_key("owner", "mine")
    memory_accounts.revoke_key(key.key_id)
    first = memory_accounts.keys()[0].revoked_at
    movable_clock.pass_by(timedelta(hours=1))
    memory_accounts.revoke_key(key.key_id)
    assert memory_accounts.keys()[0].revoked_at == first
    with pytest.raises(NotSignedIn):
        memory_accounts.principal_of(credential)


def test_an_unknown_key_id_is_named_with_those_there_are(memory_accounts):
    key, _ = memory_accounts.create_key("owner", "mine")
    with pytest.raises(UnknownName, match=key.key_id):
        memory_accounts.revoke_key("key_nothing")


@SAME_FIXTURE
@given(wanted=SUBSETS, kind=st.sampled_from(["person", "agent", "service"]), owner=st.sampled_from(["owner", "ann"]))
def test_whatever_is_asked_for_no_machine_approves_and_nobody_outgrows_their_person(
    memory_accounts, wanted, kind, owner
):
    beyond = wanted - memory_accounts.user(owner).scopes
    if beyond or (kind != "person" and wanted & {"approve", "admin"}):
        with pytest.raises(Refused):
            memory_accounts.create_key(owner, "any", kind=kind, scopes=wanted)
        return
    _, credential = memory_accounts.create_key(owner, "any", kind=kind, scopes=wanted)
    principal = memory_accounts.principal_of(credential)
    assert principal.scopes == wanted
    assert principal.scopes <= memory_accounts.user(owner).scopes
    assert principal.kind == kind
    if kind != "person":
        assert not principal.scopes & {"approve", "admin"}
        assert principal.requested_by == memory_accounts.user(owner).user_id


@SAME_FIXTURE
@given(now=SUBSETS)
def test_a_key_shrinks_with_its_person(memory_accounts, memory_stores, now):
    _, credential = memory_accounts.create_key("owner", "all", scopes=sorted(SCOPES))
    _, bot = memory_accounts.create_key("owner", "bot", kind="agent", scopes=["read", "trade"])
    users, *_ = memory_stores
    owner = users.by_name("owner")
    users.kept[owner.user_id] = replace(owner, scopes=frozenset(now))
    try:
        assert memory_accounts.principal_of(credential).scopes == frozenset(now)
        assert memory_accounts.principal_of(bot).scopes == frozenset(now) & {"read", "trade"}
    finally:
        users.kept[owner.user_id] = owner


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "root"], ["READ"], [""]])
def test_scopes_that_do_not_exist_are_refused(memory_accounts, scopes):
    with pytest.raises(InvalidInput, match="Choose from admin, approve, read, trade"):
        memory_accounts.create_key("owner", "x", scopes=scopes)
    with pytest.raises(InvalidInput):
        memory_accounts.add_user("eve", PASSWORD, scopes)
    assert {user.name for user in memory_accounts.users()} == {"ann", "owner"}


@pytest.mark.parametrize("kind", ["agent", "service"])
def test_the_type_itself_refuses_an_approving_machine(kind):
    with pytest.raises(ValueError, match="only a person can"):
        Principal(id="x", name="x", kind=kind, scopes=frozenset({"approve"}))


@pytest.mark.parametrize("length", [secrets.SHORTEST_PASSWORD - 1, secrets.LONGEST_PASSWORD + 1, 0])
def test_a_password_of_no_fitting_length_changes_nothing(memory_accounts, length):
    with pytest.raises(InvalidInput, match=f"this one has {length}"):
        memory_accounts.set_password("owner", "x" * length)
    assert memory_accounts.sign_in("owner", PASSWORD)


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_the_stored_hash_tells_credentials_apart(one, other):
    try:
        hashes = secrets.keyed_hash(one, "pepper"), secrets.keyed_hash(other, "pepper")
    except UnicodeEncodeError:
        return
    assert (hashes[0] == hashes[1]) == (one == other)
    assert all(len(value) == 64 for value in hashes)


def test_generated_passwords_can_be_typed_and_do_not_repeat():
    made = [secrets.generate_password() for _ in range(200)]
    assert len(set(made)) == 200
    for password in made:
        assert len(password) == 19
        assert not set(password) & set("l1o0O"), "signs that are taken for one another"


def test_a_key_names_its_environment():
    assert secrets.generate_key("local").startswith("qd_local_")
    assert secrets.generate_key("local") != secrets.generate_key("local")


def test_the_first_password_is_written_once_and_forgotten_for_the_owner_only(tmp_path, memory_stores, memory_accounts):
    assert ensure_owner(memory_accounts, tmp_path) is None
    assert not password_file(tmp_path).exists()
    memory_stores[0].kept.clear()
    made = ensure_owner(memory_accounts, tmp_path)
    assert password_file(tmp_path).read_text() == f"{made}\n"
    assert password_file(tmp_path).stat().st_mode & 0o777 == 0o600
    forget_password(tmp_path, "ann")
    assert password_file(tmp_path).exists()
    forget_password(tmp_path, "owner")
    forget_password(tmp_path, "owner")
    assert not password_file(tmp_path).exists()
