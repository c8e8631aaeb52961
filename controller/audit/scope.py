"""Which tables the audit tells of, and which not, with the reason; a test demands that every table is in one of them.

Whatever a request writes is recorded as an entry in any case; this says whose rows it tells before and after.
"""

from collections.abc import Mapping

NOT_TOLD: Mapping[str, str] = {
    "audit_entries": "the audit itself",
    "audit_units": "the audit itself",
    "audit_head": "the audit itself",
    "audit_private": "the audit itself",
    "audit_checkpoints": "the audit itself",
    "idempotency_keys": "answers kept for who asks again; says nothing new",
    "documents": "what is signed follows from what people changed",
    "pending_topics": "work for the planner",
    "trust_lists": "signed, numbered and kept whole themselves",
    "device_reports": "what devices say",
    "device_days": "what devices say",
    "device_logs": "what devices say",
    "findings": "what devices say",
    "journals": "receipts have a chain of their own",
    "journal_entries": "receipts have a chain of their own",
    "journal_gaps": "receipts have a chain of their own",
    "ledger": "follows from receipts",
    "tallies": "follows from receipts",
    "device_faults": "follows from receipts",
    "renditions": "made from an asset by a job",
    "waveforms": "drawn from an asset",
    "broadcast_renditions": "follows from a broadcast's segments",
    "broadcast_slot_items": "follows from a programme and its items",
    "broadcast_scopes_left": "follows from a broadcast's scopes",
    "programme_slots": "follows from a programme's document",
    "notices": "told because of a change that is recorded",
    "notice_sendings": "told because of a change that is recorded",
    "placement_misses": "what the clock found",
    "placement_reminders": "what the clock found",
    "source_items": "follows from what a source handed down; the bulletin made of it is told",
    "sign_in_failures": "counts; what comes of them is recorded as a refusal",
    "passkey_challenges": "questions to browsers; what comes of the answers is recorded",
    "oidc_flows": "sign-ons under way; what comes of them is recorded",
    "source_broadcasts": "what became of items of earlier versions",
}
TOLD: frozenset[str] = frozenset(
    {
        "units",
        "groups",
        "group_members",
        "unit_quotas",
        "webhooks",
        "people",
        "grants",
        "leaves",
        "push_subscriptions",
        "accounts",
        "passwords",
        "totp_secrets",
        "recovery_codes",
        "sessions",
        "invitations",
        "integration_tokens",
        "passkeys",
        "oidc_links",
        "devices",
        "commands",
        "stops",
        "assets",
        "asset_units",
        "jobs",
        "pronunciations",
        "speech_choices",
        "broadcasts",
        "broadcast_scopes",
        "programmes",
        "programme_revisions",
        "programme_changes",
        "slot_items",
        "policies",
        "policy_revisions",
        "quiet_zones",
        "bulletins",
        "bulletin_revisions",
        "bulletin_steps",
        "bulletin_rules",
        "bulletin_recalls",
        "placements",
    }
)
LEFT_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("bulletins", "search"),
        ("assets", "folded"),
        ("devices", "folded"),
        ("devices", "sort_key"),
        ("commands", "sent_at"),
        ("placements", "look_at"),
        ("jobs", "requested_by"),
        ("programme_revisions", "made_by"),
        ("programme_changes", "made_by"),
        ("policies", "made_by"),
        ("policy_revisions", "made_by"),
        ("quiet_zones", "made_by"),
    }
)
"""(table, column): made from other columns, or what somebody calls themselves, which the entry says better."""
SILENT = frozenset({"idempotency_keys", "sign_in_failures", "passkey_challenges", "oidc_flows"})
"""Whoever writes only these changed nothing."""
ABOVE: Mapping[str, str] = {
    "person_id": "people",
    "bulletin_id": "bulletins",
    "programme_id": "programmes",
    "broadcast_id": "broadcasts",
    "asset_id": "assets",
    "device_id": "devices",
    "group_id": "groups",
    "placement_id": "placements",
}
"""Whose unit a row has that names none itself, by its column; the first that it has counts."""
UNITS = frozenset({"unit_id", "owner_id", "slot_unit_id"})
"""Columns that name a unit."""
SCOPES = frozenset({"scope", "scopes"})
"""Columns that name scopes."""
