"""One call from beginning to end: key, hooks, attempts, retries, errors, parsing."""

import dataclasses
import logging
import platform
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import ValidationError

from heavylift._version import __version__
from heavylift.client import calls, errors, redirects
from heavylift.client.bodies import prepare
from heavylift.client.calls import Answer, Attempt, Call, Discard, Evaluate, Flow, Pause, Request, Tally
from heavylift.client.config import Setting
from heavylift.client.credentials import secret_for, tell_whence
from heavylift.client.errors import (
    AuthenticationError,
    CertificateError,
    HeavyliftError,
    HTTPClientError,
    SDKError,
    SDKValidationError,
    error_for,
    is_envelope,
)
from heavylift.client.hooks import HookContext, returned
from heavylift.client.logs import log_answer, log_request, without_password
from heavylift.client.options import check_headers
from heavylift.client.origins import checked_url
from heavylift.client.proxies import is_loopback
from heavylift.client.retries import RETRIED_CODES, UNREACHED_MS, Failure, pause_before_retry

T = TypeVar("T")

USER_AGENT: Final = f"heavylift-python/{__version__} (Python {platform.python_version()})"

_PUSH_BACK: Final = frozenset({429, 503})

_OF_A_PROXY: Final = frozenset({400, 404, 405, 409, 410, 421, 422})

_ANOTHER_TIME: Final = frozenset({408, 425, 429})
"""What is no answer to a question, but asks for patience."""

_NOT_DONE: Final = frozenset({503, 507})
"""What is said before anything is done."""

OFFER: Final = "heavylift-idempotency"
"""The header by which lists tell that idempotency keys are honoured."""


def exchange(call: Call[T], setting: Setting) -> Flow[T]:
    """Make the call and understand its answer, or raise one error of the tree."""
    context = HookContext(operation=call.operation, attempt=0, server_url=_server(call, setting))
    attempts = Attempts(call, setting, context)
    try:
        try:
            answer = yield from attempts.until_it_works()
            return _parsed(call, answer)
        except SDKError as error:
            if call.settle is None or not attempts.may_be_done:
                raise
            settled = yield from call.settle(error)
            if settled is None:
                raise
            return settled
    except HeavyliftError as error:
        raised = error
        if isinstance(error, AuthenticationError):
            tell_whence(error, setting, context.server_url, {**setting.headers, **call.options.http_headers})
        for hooks in setting.hooks:
            given = yield Evaluate(partial(hooks.after_error, context, raised))
            raised = returned(given, HeavyliftError, hooks, "after_error")
        if raised is error:
            raise
        raise raised from error


class Attempts(Generic[T]):
    """One call, sent until it works or until it is not worth another attempt."""

    def __init__(self, call: Call[T], setting: Setting, context: HookContext) -> None:
        self._call = call
        self._setting = setting
        self._context = context
        self._key = {"Idempotency-Key": setting.new_key()} if call.once else {}
        self._contact = setting.contacts.of(context.server_url)
        self._lost: Answer | HeavyliftError | None = None

    @property
    def may_be_done(self) -> bool:
        """Whether what is asked for may have happened, though no answer said so."""
        return self._lost is not None

    def until_it_works(self) -> Flow[Answer]:
        """Its answer. Raises HeavyliftError."""
        call, setting = self._call, self._setting
        begun, attempt = setting.clock(), 0
        while True:
            context = dataclasses.replace(self._context, attempt=attempt)
            if self._lost is None or not call.once or (yield from self._may_repeat(context, self._lost)):
                request = yield from _request(call, setting, context, self._key)
                outcome = yield from self._sent(request, attempt)
                if isinstance(outcome, Answer) and outcome.status < 300:
                    return (yield from _after_success(call, setting, context, outcome))
            pause = _pause(call, setting, outcome, attempt=attempt, begun=begun)
            if pause is None:
                raise _final(outcome)
            self._tell(outcome, pause, attempt)
            yield Pause(pause)
            attempt += 1

    def _sent(self, request: Request, attempt: int) -> Flow[Answer | HeavyliftError]:
        """Send once, and on to where the answer sends it."""
        outcome = yield from self._followed(self._call, request, attempt)
        if _may_have_arrived(outcome):
            self._lost = outcome
        return outcome

    def _followed(self, call: Call[Any], request: Request, attempt: int) -> Flow[Answer | HeavyliftError]:
        for _ in range(redirects.MOST + 1):
            log_request(self._setting.logger, request, attempt=attempt)
            outcome = yield from _attempt(call, request)
            if not isinstance(outcome, Answer):
                return outcome
            self._contact.answered = True
            log_answer(self._setting.logger, request, outcome)
            further = redirects.redirected(request, outcome) if outcome.status < 400 else None
            if further is None:
                return outcome
            request = further
        return outcome

    def _may_repeat(self, context: HookContext, lost: Answer | HeavyliftError) -> Flow[bool]:
        """Whether the server honours keys, as its lists tell: then nothing is created twice. False as long as
        it gives no answer. Raises what was lost if it does not honour them."""
        contact = self._contact
        if contact.honours_keys is None:
            asked = Call(
                operation="listFiles", method="GET", path="/files", query={"limit": "1"},
                parse=lambda answer: answer, most_bytes=calls.MOST_OF_PAGE, options=self._call.options,
            )  # fmt: skip
            request = yield from _request(asked, self._setting, context, {})
            answer = yield from self._followed(asked, request, context.attempt)
            if not isinstance(answer, Answer) or answer.status >= 500 or answer.status in _ANOTHER_TIME:
                return False
            if answer.status < 300:  # a refusal is of this key and this moment
                contact.honours_keys = OFFER in answer.headers
        if not contact.honours_keys:
            raise _unknown(_final(lost))
        return True

    def _tell(self, outcome: Answer | HeavyliftError, pause: float, attempt: int) -> None:
        """Who watches, hears of every repetition; who does not, of those that go on for a while."""
        call, setting = self._call, self._setting
        warn = attempt > 0 and self._contact.may_warn(setting.clock())
        setting.logger.log(
            logging.WARNING if warn else logging.DEBUG,
            "%s failed (%s). The next attempt is in %.1f s.", call.operation, _reason(outcome), pause,
        )  # fmt: skip
        if call.watch is not None:
            call.watch.retrying()


def _may_have_arrived(outcome: Answer | HeavyliftError) -> bool:
    """Whether the request may have been carried out, though no answer says so."""
    if isinstance(outcome, Answer):
        return outcome.status >= 500 and outcome.status not in _NOT_DONE
    return isinstance(outcome, HTTPClientError) and outcome.reached


def _unknown(error: HeavyliftError) -> HeavyliftError:
    error.add_note(
        "Whether it was created is not known. This server does not say that it honours idempotency keys, so"
        " the request was not sent again. Look first whether it is there"
    )
    return error


def _request(
    call: Call[Any], setting: Setting, context: HookContext, key: Mapping[str, str]
) -> Flow[Request]:
    """The request of one attempt, with a fresh key and after the hooks."""
    api_key = setting.api_key
    value = (yield Evaluate(api_key)) if callable(api_key) else api_key
    secret = secret_for(setting, value, context.server_url)
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        **key,
        **call.headers,
    }
    if secret is not None:
        headers["Authorization"] = secret
    headers.update({**setting.headers, **call.options.http_headers})
    query = f"?{urlencode(call.query)}" if call.query else ""
    timeout_ms = call.options.timeout_ms if call.options.timeout_ms is not None else setting.timeout_ms
    request = Request(
        method=call.method,
        url=f"{context.server_url}{call.path}{query}",
        headers=headers,
        body=call.body,
        timeout_ms=timeout_ms,
    )
    for hooks in setting.hooks:
        changed = yield Evaluate(partial(hooks.before_request, context, request))
        request = returned(changed, Request, hooks, "before_request")
        check_headers(request.headers, name="headers")
    return request


def _after_success(call: Call[Any], setting: Setting, context: HookContext, answer: Answer) -> Flow[Answer]:
    """The answer after the hooks. One that was left unread is let go of when they do not hand it on."""
    given = answer
    try:
        for hooks in setting.hooks:
            changed = yield Evaluate(partial(hooks.after_success, context, given))
            given = returned(changed, Answer, hooks, "after_success")
    except GeneratorExit:
        raise
    except BaseException:
        if call.stream:
            yield Discard(answer)
        raise
    if call.stream and given.raw is not answer.raw:
        yield Discard(answer)
    return given


def _attempt(call: Call[Any], request: Request) -> Flow[Answer | HeavyliftError]:
    """Send once. What a retry may mend is returned, all else raised; counted bytes are taken back."""
    outgoing = prepare(request.body)
    tally = Tally(call.watch)
    step = Attempt(
        request=request, outgoing=outgoing, tally=tally, sink=call.sink, stream=call.stream,
        most_bytes=call.most_bytes,
    )  # fmt: skip
    try:
        answer: Answer = yield step
    except (errors.ConnectionError, errors.RequestTimeoutError) as error:
        tally.take_back()
        return error
    except HeavyliftError:
        tally.take_back()
        raise
    if answer.status >= 300:
        tally.take_back()
        if call.watch is not None and answer.status in _PUSH_BACK:
            call.watch.pushed_back()
    return dataclasses.replace(answer, sent_checksum=outgoing.checksum)


def _pause(
    call: Call[Any], setting: Setting, outcome: Answer | HeavyliftError, *, attempt: int, begun: float
) -> float | None:
    """Seconds until the next attempt, or None."""
    failure = (
        Failure(status=outcome.status, headers=outcome.headers, strange=_strange(call, outcome))
        if isinstance(outcome, Answer)
        else Failure(status=None)
    )
    codes = call.options.retry_codes
    retries = call.options.retries or setting.retries_for(patient=call.patient, most_ms=call.most_ms)
    if isinstance(outcome, CertificateError) and not setting.contacts.of(_server(call, setting)).answered:
        return None  # it will be the same certificate
    if not retries.await_server:
        retries = retries.within(_unreached_ms(call, setting, outcome))
    pause = pause_before_retry(
        failure,
        retries,
        codes=RETRIED_CODES if codes is None else codes,
        attempt=attempt,
        elapsed_ms=(setting.clock() - begun) * 1000,
        now=setting.now(),
        dice=setting.dice(),
    )
    return None if pause is None else pause / 1000


def _strange(call: Call[Any], answer: Answer) -> bool:
    """Whether a transfer was refused by something on the way, which is deployed anew or falls over.

    Once a transfer is under way its URL was right: without the protocol's envelope, a 404 means nothing.
    """
    return call.patient and answer.status in _OF_A_PROXY and not is_envelope(answer.text)


def _unreached_ms(call: Call[Any], setting: Setting, outcome: Answer | HeavyliftError) -> int | None:
    """For how long a server is tried that refuses connections; None for one that has ever answered."""
    server = _server(call, setting)
    refused = isinstance(outcome, HTTPClientError) and outcome.refused
    if not refused or setting.contacts.of(server).answered:
        return None
    return 0 if is_loopback(urlsplit(server).hostname or "") else UNREACHED_MS


def _final(outcome: Answer | HeavyliftError) -> HeavyliftError:
    """The error to raise, with its status for a log."""
    if isinstance(outcome, Answer):
        if outcome.status < 400:
            return _elsewhere(outcome)
        return error_for(outcome.status, outcome.headers, outcome.text, outcome.raw)
    return outcome


def _elsewhere(answer: Answer) -> SDKError:
    """The error of an answer that sends elsewhere, where nobody follows."""
    to = without_password(answer.headers.get("location", ""))
    asked = answer.raw.request.url if answer.raw is not None else "The request"
    return SDKError(
        f"{asked} is answered with a redirect ({answer.status}) to {to or 'nowhere'}, which is not followed."
        " Give the server's own URL",
        status_code=answer.status,
        headers=answer.headers,
        body=answer.text,
        raw_response=answer.raw,
    )


def _reason(outcome: Answer | HeavyliftError) -> str:
    return str(outcome.status) if isinstance(outcome, Answer) else str(outcome)


def _parsed(call: Call[T], answer: Answer) -> T:
    """The answer as what it stands for. An HTML page with status 200 is no answer."""
    try:
        return call.parse(answer)
    except ValidationError as error:
        kind = answer.headers.get("content-type", "")
        if "json" not in kind:
            raise SDKError(
                "Unexpected API response status or content-type: "
                f"Status {answer.status} Content-Type {kind} Body {answer.text[:500]}",
                status_code=answer.status,
                headers=answer.headers,
                body=answer.text,
                raw_response=answer.raw,
            ) from error
        raise SDKValidationError("Response validation failed", cause=error, raw_value=answer.text) from error


def _server(call: Call[Any], setting: Setting) -> str:
    url = call.options.server_url
    return setting.server_url if url is None else checked_url(url)
