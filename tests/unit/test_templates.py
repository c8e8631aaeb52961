"""What stands in the pages' own files: nothing that their policy forbids, nothing that lets text become HTML."""

import re
from pathlib import Path

import pytest

from controller.web.rendering import Renderer

WEB = Path(__file__).parents[2] / "controller" / "web"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
SCRIPTS = sorted((WEB / "static").glob("*.js"))
_FORBIDDEN = {
    "a script or style inside the page": re.compile(r"<style|<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "a style or handler in an attribute": re.compile(r"""\s(?:style|on[a-z]+)\s*=\s*["']""", re.IGNORECASE),
    "code in an attribute of htmx": re.compile(r"hx-on|hx-vals=['\"]js:|javascript:", re.IGNORECASE),
    "another host": re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""", re.IGNORECASE),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(", re.IGNORECASE),
}
_SINKS = re.compile(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
_STORES = re.compile(r"localStorage|sessionStorage|indexedDB|caches\.|document\.cookie")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_a_template_holds_nothing_that_its_policy_forbids(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert not [what for what, pattern in _FORBIDDEN.items() if pattern.search(text)]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_a_script_of_ours_makes_no_html_of_text(file: Path) -> None:
    assert not _SINKS.findall(file.read_text(encoding="utf-8"))


def test_only_forms_that_are_not_sent_are_kept_in_the_browser() -> None:
    assert [file.name for file in SCRIPTS if _STORES.search(file.read_text(encoding="utf-8"))] == ["drafts.js"]


def test_there_are_templates_and_scripts_to_look_at() -> None:
    assert len(TEMPLATES) > 10
    assert SCRIPTS


def test_every_template_can_be_read_in_both_languages() -> None:
    from controller.web.assets import Assets
    from controller.web.translating import tongues

    made = Renderer(Assets(), tongues())

    for environment in made._environments.values():
        assert len([environment.get_template(name) for name in environment.list_templates()]) >= len(TEMPLATES)


def test_whatever_stands_in_a_page_is_escaped() -> None:
    from controller.web.assets import Assets
    from controller.web.translating import tongues

    made = Renderer(Assets(), tongues())

    for environment in made._environments.values():
        shown = environment.from_string("<p title='{{ x }}'>{{ x }}</p>").render(x="<script>'\"&")
        assert shown == "<p title='&lt;script&gt;&#39;&#34;&amp;'>&lt;script&gt;&#39;&#34;&amp;</p>"


def test_whoever_types_a_password_hides_it_and_may_have_it_filled_in() -> None:
    fields = [
        found
        for file in TEMPLATES
        for found in re.findall(r'field\(form, "password"[^\n]*', file.read_text(encoding="utf-8"))
    ]

    assert len(fields) >= 3
    assert all('type="password"' in one for one in fields)
    assert all(re.search(r'autocomplete="(?:new|current)-password"', one) for one in fields)
    assert not [file for file in (*TEMPLATES, *SCRIPTS) if re.search(r"onpaste|[\"']paste[\"']", file.read_text())]


def test_every_page_of_somebody_who_is_signed_in_lets_them_sign_out() -> None:
    whole = {file.name: text for file in TEMPLATES if "<html" in (text := file.read_text(encoding="utf-8"))}

    assert re.search(r"{% if me %}.*action=\"/sign-out\"", whole["layout.html"], re.DOTALL)
    assert not [name for name, text in whole.items() if 'action="/sign-out"' not in text]
