"""Errors as RFC 9457 problem documents. The one table that says which code is which HTTP status."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from controller.audit.asking import asked
from loa_protocol.errors import LoaError

STATUS: Mapping[str, int] = {
    "not_signed_in": 401,
    "sign_in_unfinished": 401,
    "sign_in_refused": 401,
    "sign_in_waits": 429,
    "sign_in_too_often": 429,
    "sign_in_busy": 429,
    "account_locked": 403,
    "acting_refused": 403,
    "csrf_refused": 403,
    "https_needed": 403,
    "proof_needed": 403,
    "stronger_proof_needed": 403,
    "session_needed": 403,
    "sign_in_links_refused": 403,
    "session_unknown": 404,
    "token_unknown": 404,
    "sign_in_name_taken": 409,
    "link_over": 410,
    "not_allowed": 403,
    "second_factor_needed": 403,
    "source_unknown": 404,
    "person_unknown": 403,
    "person_needed": 403,
    "person_not_found": 404,
    "grant_not_found": 404,
    "leave_not_found": 404,
    "person_left": 409,
    "leave_overlaps": 409,
    "browsers_full": 409,
    "subscription_unknown": 404,
    "webhook_unknown": 404,
    "unit_unknown": 404,
    "unit_below_itself": 409,
    "held_by_groups": 409,
    "unit_in_use": 409,
    "parent_closed": 409,
    "group_unknown": 404,
    "group_is_zone": 409,
    "group_in_use": 409,
    "root_keys_elsewhere": 409,
    "trust_lists_full": 409,
    "device_unknown": 404,
    "device_cursor_bad": 400,
    "command_not_for_device": 409,
    "asset_unknown": 404,
    "asset_gone": 410,
    "library_quota_full": 507,
    "waveform_unknown": 404,
    "broadcast_unknown": 404,
    "target_unknown": 404,
    "programme_unknown": 404,
    "policy_unknown": 404,
    "policy_scope_unknown": 404,
    "zone_unknown": 404,
    "policy_moved_on": 409,
    "slot_item_unknown": 404,
    "bulletin_unknown": 404,
    "placement_unknown": 404,
    "not_approver": 403,
    "own_bulletin": 403,
    "bulletin_of_source": 403,
    "bulletin_moved_on": 409,
    "bulletin_rules_moved_on": 409,
    "bulletin_state_wrong": 409,
    "bulletin_not_ready": 409,
    "job_unknown": 404,
    "id_taken": 409,
    "broadcast_over": 409,
    "retry_refused": 409,
    "idempotency_conflict": 409,
    "plan_too_large": 409,
    "programme_moved_on": 409,
    "too_soon_to_change": 409,
    "occurrence_started": 409,
    "occurrence_taken_back": 409,
    "job_over": 409,
    "job_cancelled": 409,
    "job_failed": 500,
    "jobs_full": 503,
    "spool_full": 507,
    "clip_too_long": 413,
    "reading_too_long": 413,
    "voice_unknown": 404,
    "pronunciation_unknown": 404,
    "pronunciations_full": 409,
    "speech_failed": 503,
    "media_too_long": 413,
    "media_too_large": 413,
    "body_too_large": 413,
    "body_too_deep": 400,
    "body_too_slow": 408,
    "idempotency_key_bad": 400,
    "passkey_refused": 401,
    "passkey_copied": 401,
    "passkey_unknown": 404,
    "passkeys_unavailable": 409,
    "passkey_challenge_over": 409,
    "passkeys_full": 409,
    "last_factor": 409,
    "oidc_not_set_up": 409,
    "oidc_not_linked": 403,
    "oidc_link_taken": 409,
    "oidc_link_unknown": 404,
    "oidc_refused": 401,
    "oidc_provider_wrong": 502,
    "oidc_provider_away": 503,
    "audit_broken": 503,
    "database_unavailable": 503,
    "database_busy": 503,
}
"""Codes not named here are 422: the request was understood and cannot be done as asked."""

_DEFAULT_STATUS = 422
_FAULT_STATUS = 500
_FAULT = "the controller failed at this request; its log says where, the answer does not"


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """A problem document."""
    body = {"type": f"urn:loa:problem:{code}", "title": code, "status": status, "code": code, "detail": detail, **more}
    return JSONResponse(jsonable_encoder(body), status, media_type="application/problem+json")


def of_loa_error(error: LoaError) -> JSONResponse:
    """As `problem`, from one of our own errors."""
    return of_code(error.code, str(error), error.details)


def of_code(code: str, message: str, details: Mapping[str, object]) -> JSONResponse:
    """As `problem`, from the parts of one of our own errors; the audit is told the code of a refusal."""
    if (request := asked.get()) is not None:
        request.refused = code
    answer = problem(STATUS.get(code, _DEFAULT_STATUS), code, message, details=dict(details))
    if "retry_after_s" in details:
        answer.headers["Retry-After"] = str(details["retry_after_s"])
    return answer


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem document."""

    @app.exception_handler(LoaError)
    async def _ours(_request: Request, error: LoaError) -> JSONResponse:
        return of_loa_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        parts = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{p['at']}: {p['problem']}" for p in parts)
        return problem(_DEFAULT_STATUS, "request_invalid", detail, errors=parts)

    @app.exception_handler(Exception)
    async def _fault(_request: Request, _error: Exception) -> JSONResponse:
        return problem(_FAULT_STATUS, f"http_{_FAULT_STATUS}", _FAULT)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, f"http_{error.status_code}", str(error.detail))
