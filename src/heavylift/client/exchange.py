"""One call from beginning to end: key, hooks, attempts, retries, errors, parsing."""

import dataclasses
import platform
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from pydantic import ValidationError

from heavylift._version import __version__
from heavylift.client import errors
from heavylift.client.bodies import prepare
from heavylift.client.calls import Answer, Attempt, Call, Discard, Evaluate, Flow, Pause, Request, Tally
from heavylift.client.config import Setting, authorization, checked_url
from heavylift.client.errors import HeavyliftError, SDKError, SDKValidationError, error_for, is_envelope
from heavylift.client.hooks import HookContext, returned
from heavylift.client.logs import log_answer, log_request
from heavylift.client.options import check_headers
from heavylift.client.retries import RETRIED_CODES, Failure, pause_before_retry

T = TypeVar("T")

USER_AGENT: Final = f"heavylift-python/{__version__} (Python {platform.python_version()})"

_PUSH_BACK: Final = frozenset({429, 503})

_OF_A_PROXY: Final = frozenset({400, 404, 405, 409, 410, 421, 422})


def exchange(call: Call[T], setting: Setting) -> Flow[T]:
    """Make the call and understand its answer, or raise one error of the tree."""
    context = HookContext(operation=call.operation, attempt=0, server_url=_server(call, setting))
    try:
        answer = yield from _attempts(call, setting, context)
        return _parsed(call, answer)
    except HeavyliftError as error:
        raised = error
        for hooks in setting.hooks:
            given = yield Evaluate(partial(hooks.after_error, context, raised))
            raised = returned(given, HeavyliftError, hooks, "after_error")
        if raised is error:
            raise
        raise raised from error


def _attempts(call: Call[Any], setting: Setting, context: HookContext) -> Flow[Answer]:
    """Send until it works, or until it is not worth another attempt."""
    begun = setting.clock()
    attempt = 0
    while True:
        context = dataclasses.replace(context, attempt=attempt)
        request = yield from _request(call, setting, context)
        log_request(setting.logger, request, attempt=attempt)
        outcome = yield from _attempt(call, request)
        if isinstance(outcome, Answer):
            log_answer(setting.logger, request, outcome)
            if outcome.status < 400:
                return (yield from _after_success(call, setting, context, outcome))
        pause = _pause(call, setting, outcome, attempt=attempt, begun=begun)
        if pause is None:
            raise _final(outcome)
        setting.logger.debug(
            "%s failed (%s), next attempt in %.1f s", call.operation, _reason(outcome), pause
        )
        if call.watch is not None:
            call.watch.retrying()
        yield Pause(pause)
        attempt += 1


def _request(call: Call[Any], setting: Setting, context: HookContext) -> Flow[Request]:
    """The request of one attempt, with a fresh key and after the hooks."""
    key = setting.api_key
    value = (yield Evaluate(key)) if callable(key) else key
    secret = None if value is None else authorization(value)
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **call.headers}
    if secret is not None:
        headers["Authorization"] = secret
    headers.update(call.options.http_headers)
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
    step = Attempt(request=request, outgoing=outgoing, tally=tally, sink=call.sink, stream=call.stream)
    try:
        answer: Answer = yield step
    except (errors.ConnectionError, errors.RequestTimeoutError) as error:
        tally.take_back()
        return error
    except HeavyliftError:
        tally.take_back()
        raise
    if answer.status >= 400:
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
    pause = pause_before_retry(
        failure,
        call.options.retries or setting.retries_for(patient=call.patient),
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


def _final(outcome: Answer | HeavyliftError) -> HeavyliftError:
    """The error to raise, with its status for a log."""
    if isinstance(outcome, Answer):
        return error_for(outcome.status, outcome.headers, outcome.text, outcome.raw)
    return outcome


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
