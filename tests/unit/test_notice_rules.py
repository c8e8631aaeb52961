"""How notices are tried again, known again, and kept to listed hosts; web push as its standards say."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from controller.notices import addresses, encryption, keys
from controller.notices.addresses import NoticeAddressRefused
from controller.notices.encryption import BrowserKeys, SubscriptionInvalid
from controller.notices.port import Letter, Mailbox
from controller.notices.post import as_json, as_push
from controller.notices.rules import PAUSES_S, USEFUL_FOR, Message, again_at
from controller.runtime.keys import KeysMissing

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def letter(text: str = "Xin duyệt", subject: str = "Bản tin chờ duyệt") -> Letter:
    return Letter(
        id="0198",
        to=Mailbox("lan@xa.example"),
        person_id="p-1",
        name="Nguyễn Thị Lan",
        language="vi",
        unit_id="xa-an-binh",
        kind="bulletin_submitted",
        about="b-1",
        subject=subject,
        text=text,
        path="/bulletins/b-1",
        at=NOW,
        useful_until=NOW + USEFUL_FOR,
    )


def test_what_fails_is_tried_after_ever_longer_pauses_until_it_is_of_no_use() -> None:
    at, pauses, until = NOW, [], NOW + timedelta(hours=4)
    while (then := again_at(len(pauses) + 1, at, until)) is not None:
        pauses.append((then - at).total_seconds())
        at = then

    assert pauses[: len(PAUSES_S)] == list(PAUSES_S)
    assert set(pauses[len(PAUSES_S) :]) == {3600}
    assert NOW + timedelta(hours=2) < at < until


def test_an_occasion_is_another_one_by_kind_subject_matter_key_or_person() -> None:
    first = Message("submitted", "b-1", "s", "t", key="1")
    others = [
        Message("returned", "b-1", "s", "t", key="1"),
        Message("submitted", "b-2", "s", "t", key="1"),
        Message("submitted", "b-1", "s", "t", key="2"),
    ]

    marks = {first.dedupe("p-1"), first.dedupe("p-2"), *(one.dedupe("p-1") for one in others)}

    assert len(marks) == 5
    assert Message("submitted", "b-1", "other words", "x", key="1").dedupe("p-1") == first.dedupe("p-1")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://gateway.example/hook", True),
        ("https://GATEWAY.example:443/hook?x=1", True),
        ("https://a.push.example/x", True),
        ("https://a.b.push.example/x", True),
        ("http://127.0.0.1:9000/x", True),
        ("https://gateway.example:8443/hook", False),
        ("http://gateway.example/hook", False),
        ("https://push.example/x", False),
        ("https://evilpush.example/x", False),
        ("https://gateway.example.evil.example/", False),
        ("https://gateway.example@evil.example/", False),
        ("https://user:pass@gateway.example/", False),
        ("https://evil.example\\@gateway.example/", False),
        ("https://gateway.example\t.evil.example/", False),
        ("http://127.0.0.1:9001/x", False),
        ("http://127.1:9000/x", False),
        ("http://[::1]:9000/x", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("gateway.example/hook", False),
        ("https:///x", False),
        ("https://gateway.example:99999/", False),
        ("", False),
    ],
)
def test_only_listed_hosts_are_called(url: str, *, allowed: bool) -> None:
    hosts = [addresses.listed(one) for one in ("gateway.example", "*.push.example", "http://127.0.0.1:9000")]

    if allowed:
        addresses.require_allowed(url, hosts, "LOA_WEBHOOK_HOSTS")
    else:
        with pytest.raises(NoticeAddressRefused):
            addresses.require_allowed(url, hosts, "LOA_WEBHOOK_HOSTS")


@pytest.mark.parametrize("entry", ["gateway.example/path", "http://gateway.example", "https://u@h.example", "ftp://h"])
def test_a_list_of_hosts_holds_origins_only(entry: str) -> None:
    with pytest.raises(NoticeAddressRefused):
        addresses.listed(entry)


def test_web_push_is_encrypted_as_the_example_of_rfc_8291() -> None:
    browser = BrowserKeys(
        public=unpadded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        auth=unpadded("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    private = int.from_bytes(unpadded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    sender = ec.derive_private_key(private, ec.SECP256R1())

    body = encryption.encrypt(
        b"When I grow up, I want to be a watermelon", browser, sender, unpadded("DGv6ra1nlYgDCS1FRnbzlw")
    )

    assert encryption.padless(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_push_service_can_verify_who_sends() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    audience = "https://push.example"

    told = encryption.authorization(key, audience=audience, subject="mailto:loa@xa.example", now=datetime.now(UTC))

    bare = told.replace(", ", ",")  # all that the other implementation takes
    assert Vapid02.verify(bare)
    signed, signature = bare.split(",k=")[0].rsplit(".", 1)
    assert not Vapid02.verify(f"{signed}.{signature[::-1]},k={encryption.padless(encryption.point(key.public_key()))}")


@pytest.mark.parametrize(
    ("p256dh", "auth"), [("", ""), ("AAAA", "AAAAAAAAAAAAAAAAAAAAAA"), ("không", "AAAA"), ("_" * 87, "A" * 22)]
)
def test_keys_of_a_browser_that_are_none_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(SubscriptionInvalid):
        encryption.browser_keys(p256dh, auth)


@pytest.mark.parametrize("text", ["ngắn", "Ấ" * 5000, '"\\\n' * 3000, "😀" * 2000])
def test_a_push_message_fits_whatever_it_says(text: str) -> None:
    told = as_push(letter(text))

    assert len(told) <= encryption.MOST_BYTES
    assert len(told) > encryption.MOST_BYTES * 0.9 or text == "ngắn"


def test_a_webhook_gets_no_address_of_a_person() -> None:
    told = as_json(letter(), "https://loa.example/bulletins/b-1")

    assert "lan@xa.example" not in str(told)
    assert told["person"] == {"id": "p-1", "name": "Nguyễn Thị Lan", "unit": "xa-an-binh"}


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = keys.obtain(tmp_path / "keys")
    second = keys.obtain(tmp_path / "keys")

    assert first.push_key == second.push_key
    assert len(unpadded(first.push_key)) == 65
    assert first.webhook_secret("xa", "https://g", NOW) == second.webhook_secret("xa", "https://g", NOW)
    later = NOW + timedelta(microseconds=1)
    made = {first.webhook_secret(*given) for given in (("xa", "https://g", NOW), ("xa", "https://g", later))}
    assert len(made | {first.webhook_secret("tinh", "https://g", NOW)}) == 3
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {"vapid.pem", "webhook.secret"}


@pytest.mark.parametrize("name", ["vapid.pem", "webhook.secret"])
def test_a_secret_that_cannot_be_read_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hỏng")

    with pytest.raises(KeysMissing):
        keys.obtain(tmp_path)

    assert (tmp_path / name).read_text() == "hỏng"
