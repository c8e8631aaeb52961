"""Trust lists are walked forward only, each step signed by the roots before and after it."""

import msgspec
import pytest

from loa_protocol.documents.trust import KeyStatus, Role, RoleKeys
from loa_protocol.envelope import seal
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer
from loa_protocol.trust import TrustRefused, advance, join_array, pin, read_array
from tests.fakes.province import Province, plan


def test_a_device_that_slept_walks_the_array_to_the_newest() -> None:
    province = Province()
    lists = [province.signed_trust(version) for version in (1, 2, 3)]

    trust = advance(pin(lists[0]), read_array(join_array(lists)))

    assert trust.current.version == 3


def test_a_list_signed_by_one_of_two_roots_is_refused() -> None:
    province = Province()
    weak = seal("trust", province.trust_list(2), province.roots[:1])

    with pytest.raises(TrustRefused):
        advance(province.trust(), [weak])


def test_a_missing_step_is_refused() -> None:
    province = Province()

    with pytest.raises(TrustRefused, match="missing"):
        advance(province.trust(), [province.signed_trust(3)])


def test_an_older_list_is_passed_over() -> None:
    province = Province()
    newest = advance(province.trust(), [province.signed_trust(2)])

    assert advance(newest, [province.signed_trust(1)]) == newest


def test_two_lists_of_one_version_are_equivocation() -> None:
    province = Province()
    other = province.signed_trust(1, tones=("0" * 64,))

    with pytest.raises(TrustRefused, match="equivocation"):
        advance(province.trust(), [other])


def test_new_roots_need_the_old_roots_too() -> None:
    province, usurper = Province(), Province()
    stolen = seal("trust", usurper.trust_list(2), usurper.roots[:2])

    with pytest.raises(TrustRefused):
        advance(province.trust(), [stolen])


def test_roots_rotate_when_old_and_new_both_sign() -> None:
    province, successor = Province(), Province()
    for n, root in enumerate(successor.roots):
        successor.roots[n] = Ed25519Signer(f"new-{n}", root.private)
    keys = province.trust_list().keys | successor.trust_list().keys
    roles = dict(province.trust_list().roles) | {
        Role.ROOT: RoleKeys(threshold=2, keys=tuple(root.keyid for root in successor.roots))
    }
    rotated = seal("trust", province.trust_list(2, keys=keys, roles=roles), [*province.roots[:2], *successor.roots[:2]])

    trust = advance(province.trust(), [rotated])

    assert trust.current.version == 2
    with pytest.raises(TrustRefused):
        advance(trust, [province.signed_trust(3)])


def test_a_revoked_key_is_no_longer_among_a_roles_keys() -> None:
    province = Province()
    keys = dict(province.trust_list().keys)
    keys[province.plan.keyid] = msgspec.structs.replace(keys[province.plan.keyid], status=KeyStatus.REVOKED)

    trust = advance(province.trust(), [province.signed_trust(2, keys=keys)])

    assert trust.keys_of(Role.PLAN) == {}
    assert trust.fingerprints() < province.trust().fingerprints()


def test_a_list_that_does_not_vouch_for_itself_cannot_be_pinned() -> None:
    province = Province()

    with pytest.raises(TrustRefused):
        pin(seal("trust", province.trust_list(), [Ed25519Signer.generate("root-0"), Ed25519Signer.generate("root-1")]))


def test_another_document_is_not_a_trust_list() -> None:
    province = Province()

    with pytest.raises(TrustRefused):
        pin(seal("plan", plan(), [province.plan]))


def test_an_endless_array_is_refused() -> None:
    with pytest.raises(DocumentInvalid):
        read_array(b"[" + b",".join([b"{}"] * 1000) + b"]")
