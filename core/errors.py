"""Define the exception tree of quantdesk.

QuantdeskError
├── UserError              the caller can fix it: bad input, unknown name, wrong login (exit code 1)
│   ├── InvalidInput       a value does not fit; says what was expected
│   │   └── SqlFailed      the database could not run a statement; carries its SQLSTATE
│   ├── UnknownName        a symbol, tool, metric ... does not exist; offers the closest names
│   ├── NoData             the store holds nothing for the question
│   ├── Refused            a rule forbids it (limits, SQL guard, approval, privacy)
│   │   ├── SqlRefused     a statement did not pass the SQL guard
│   │   ├── PrivacyRefused private data would have left the desk
│   │   ├── ApprovalRefused an approval was forged, changed, expired, repeated or made by an agent
│   │   └── TradingHalted  the kill switch is on
│   └── NotSignedIn        the login is missing, wrong or lacks the scope
└── ServiceError           a part outside the caller's reach failed
    ├── Unavailable        database, Temporal, vendor ... cannot be reached now (a retry helps)
    ├── BudgetExceeded     a cap on time, rows, tokens or cost was reached
    ├── VendorError        a vendor answered with an error
    │   ├── VendorUnavailable  it is busy, down, slow or cut the connection (a retry helps)
    │   ├── VendorMalformed    what came is not what was promised: HTML, cut JSON, a short page, a cursor that loops
    │   ├── VendorRefused      it will not answer this request however often it is asked
    │   ├── VendorKeyRefused   the key is missing or refused
    │   ├── VendorQuotaSpent   the plan's allowance is used up, or the plan does not include it
    │   └── VendorNotFound     the vendor does not have what was asked for
    └── OutcomeUnknown     a send may or may not have happened: only venue evidence resolves it (never retry blindly)
"""

from __future__ import annotations

from collections.abc import Sequence


class QuantdeskError(Exception):
    """Carry a sentence for a person, a stable code for programs and whether a retry helps."""

    code = "error"
    retry_helps = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class UserError(QuantdeskError):
    """Report something the caller can put right."""

    code = "user_error"


class InvalidInput(UserError):
    """Report a value that does not fit, with what was expected."""

    code = "invalid_input"


class SqlFailed(InvalidInput):
    """Report a statement that the database could not run; `state` is its SQLSTATE, a code without values."""

    code = "sql_failed"

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class UnknownName(UserError):
    """Report a name that does not exist, with the closest ones that do."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, closest: Sequence[str] = (), *, hint: str = "") -> None:
        offer = f"Did you mean {' or '.join(closest)}?" if closest else ""
        super().__init__(f"Unknown {kind} {name!r}.", hint=" ".join(part for part in (offer, hint) if part))
        self.kind = kind
        self.name = name
        self.closest = tuple(closest)


class NoData(UserError):
    """Report that the store holds nothing for what was asked."""

    code = "no_data"


class Refused(UserError):
    """Report that a rule forbids the request; `rule` names it."""

    code = "refused"

    def __init__(self, message: str, *, rule: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rule = rule


class SqlRefused(Refused):
    """Report a statement that did not pass the SQL guard."""

    code = "sql_refused"


class PrivacyRefused(Refused):
    """Report that private data would have left the desk."""

    code = "privacy_refused"


class ApprovalRefused(Refused):
    """Report an approval that was forged, changed, expired, repeated or made by an agent."""

    code = "approval_refused"


class TradingHalted(Refused):
    """Report that the kill switch stops new orders."""

    code = "trading_halted"

    def __init__(
        self, message: str = "Trading is halted.", *, hint: str = "Run `quantdesk resume` to allow orders again."
    ) -> None:
        super().__init__(message, rule="kill_switch", hint=hint)


class NotSignedIn(UserError):
    """Report a login that is missing, wrong or lacks the scope."""

    code = "not_signed_in"


class ServiceError(QuantdeskError):
    """Report a failure outside the caller's reach."""

    code = "service_error"


class Unavailable(ServiceError):
    """Report a part that cannot be reached now."""

    code = "unavailable"
    retry_helps = True


class BudgetExceeded(ServiceError):
    """Report that a cap on time, rows, tokens or cost was reached."""

    code = "budget_exceeded"


class VendorError(ServiceError):
    """Report an error that a vendor answered with."""

    code = "vendor_error"
    retry_helps = True


class VendorUnavailable(VendorError):
    """Report a vendor that is busy, down, slow or cut the connection; `after_seconds` is what it asked to wait."""

    code = "vendor_unavailable"

    def __init__(self, message: str, *, hint: str = "", after_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after_seconds = after_seconds


class VendorMalformed(VendorError):
    """Report a reply that is not what the vendor promises."""

    code = "vendor_malformed"


class VendorRefused(VendorError):
    """Report a request that the vendor will not answer however often it is asked."""

    code = "vendor_refused"
    retry_helps = False


class VendorKeyRefused(VendorError):
    """Report a key that is missing or refused."""

    code = "vendor_key_refused"
    retry_helps = False


class VendorQuotaSpent(VendorError):
    """Report an allowance that is used up, or a plan that does not include what was asked for."""

    code = "vendor_quota_spent"
    retry_helps = False


class VendorNotFound(VendorError):
    """Report that the vendor does not have what was asked for."""

    code = "vendor_not_found"
    retry_helps = False


class OutcomeUnknown(ServiceError):
    """Report a send that may or may not have happened."""

    code = "outcome_unknown"
