// What pages gain where scripts run; every page works without this file.
// Elements build their markup from text nodes only: no text becomes HTML here.

// The one policy that may turn text into HTML: the parts of our own pages that htmx puts in. Scripts stay out.
window.trustedTypes?.createPolicy?.("default", {
  createHTML: (text) => {
    if (/<script|javascript:/i.test(text)) throw new TypeError("a part of a page holds a script");
    return text;
  },
});

const made = (name, properties = {}, ...inside) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside);
  return element;
};

// <loa-countdown data-seconds data-language>: counts down by the page's own clock; a wrong clock does no harm.
const UNITS = {
  vi: { left: "còn", now: "bắt đầu bây giờ", hour: "giờ", minute: "phút", second: "giây", plural: "" },
  en: { left: "in", now: "starts now", hour: "hour", minute: "minute", second: "second", plural: "s" },
};
const counted = (number, word, plural) => `${number} ${word}${number === 1 ? "" : plural}`;

class Countdown extends HTMLElement {
  static observedAttributes = ["data-seconds"];

  connectedCallback() {
    this.setAttribute("role", "timer");
    this.begin();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.begin();
  }

  begin() {
    this.end = performance.now() + Number(this.dataset.seconds) * 1000;
    this.tick();
  }

  tick() {
    clearTimeout(this.timer);
    const words = UNITS[this.dataset.language] ?? UNITS.vi;
    const left = Math.max(0, Math.round((this.end - performance.now()) / 1000));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    const parts = [];
    if (hours) parts.push(counted(hours, words.hour, words.plural));
    if (minutes && hours < 24) parts.push(counted(minutes, words.minute, words.plural));
    if (!hours && (minutes < 10 || !minutes)) parts.push(counted(seconds, words.second, words.plural));
    const text = left ? `${words.left} ${parts.join(" ")}` : words.now;
    if (this.textContent !== text) this.textContent = text;
    if (left) this.timer = setTimeout(() => this.tick(), hours || minutes >= 10 ? 5000 : 1000);
    else document.body.dispatchEvent(new Event("over"));
  }
}

// <loa-reveal data-show>: lets one see the password that one types.
class Reveal extends HTMLElement {
  connectedCallback() {
    const field = this.querySelector("input[type=password]");
    if (!field || this.ready) return;
    this.ready = true;
    const box = made("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      field.type = box.checked ? "text" : "password";
    });
    field.form.addEventListener("submit", () => {
      field.type = "password";
    });
    field.closest(".field").append(made("label", { className: "check" }, box, this.dataset.show));
  }
}

// <loa-link-secret data-kept>: takes the secret behind “#” into its field and out of the address; a form with data-at-once
// is sent with it, for nothing else is asked there.
class LinkSecret extends HTMLElement {
  connectedCallback() {
    const field = this.querySelector("input");
    const secret = location.hash.slice(1) || this.dataset.kept;
    if (!field || !secret) return;
    field.value = secret;
    this.hidden = true;
    history.replaceState(null, "", location.pathname);
    const form = this.closest("form");
    if ("atOnce" in form.dataset && !this.dataset.kept) form.requestSubmit();
    else if (!form.querySelector("[aria-invalid=true]")) form.querySelector("input:not([type=hidden]):not([name=secret])")?.focus();
  }
}

// <loa-copy data-of data-text data-done>: a button that copies a field.
class Copy extends HTMLElement {
  connectedCallback() {
    const field = document.getElementById(this.dataset.of);
    if (!navigator.clipboard || !field || this.firstChild) return;
    const button = made("button", { type: "button", className: "secondary" }, this.dataset.text);
    const told = made("span", { role: "status" });
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(field.value);
      told.textContent = ` ${this.dataset.done}`;
    });
    this.append(button, told);
  }
}

// <loa-stale data-text>: stands on top of what htmx reads anew, and says how old that is while it cannot.
class Stale extends HTMLElement {
  connectedCallback() {
    this.live = this.closest("#live");
    this.read = Date.now();
    this.live.addEventListener("htmx:before:response", (event) => {
      const { sourceElement, response } = event.detail.ctx;
      if (sourceElement === this.live || !(response.raw.redirected || [401, 403, 404].includes(response.status))) return;
      event.preventDefault();
      location.reload(); // the session is over, or what they may see is another: the page itself knows what to say
    });
    this.live.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
      const { aborted, reason } = ctx.request.signal ?? {};
      if (ctx.sourceElement === this.live || (aborted && reason !== "timeout")) return;
      if (ctx.response?.status < 400) this.rest();
      else this.tell();
    });
    window.addEventListener("online", () => this.live.dispatchEvent(new Event("reread")));
  }

  rest() {
    clearTimeout(this.timer);
    this.read = Date.now();
    this.hidden = true;
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), 60_000);
    const { minute, plural } = UNITS[document.documentElement.lang] ?? UNITS.vi;
    const minutes = Math.max(1, Math.round((Date.now() - this.read) / 60_000));
    this.querySelector("p").textContent = this.dataset.text.replace("{time}", counted(minutes, minute, plural));
    this.hidden = false;
  }
}

customElements.define("loa-countdown", Countdown);
customElements.define("loa-reveal", Reveal);
customElements.define("loa-link-secret", LinkSecret);
customElements.define("loa-copy", Copy);
customElements.define("loa-stale", Stale);

// What is wrong is where one goes on.
document.querySelector("main [aria-invalid=true]")?.focus();

// A form is sent once, however often its button is pressed while the answer is awaited.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
