// What the pages of composing gain by scripts: the length of a text, how it will be read, the tree of places, counts.

const folded = (text) =>
  text.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "");
const filled = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const A_MINUTE = 900;

// <loa-length data-of>: characters, and about how many minutes they last.
class Length extends HTMLElement {
  connectedCallback() {
    const field = document.getElementById(this.dataset.of);
    const tell = () => {
      const characters = [...field.value.trim()].length;
      if (!characters) return;
      const minutes = Math.round(characters / A_MINUTE);
      this.textContent = filled(minutes ? this.dataset.words : this.dataset.brief, { characters, minutes });
    };
    field.addEventListener("input", tell);
    field.form.addEventListener("change", tell);
    tell();
  }
}

// <loa-reading data-of data-unit>: what the machine makes of figures and abbreviations, a moment after one stops typing.
class Reading extends HTMLElement {
  connectedCallback() {
    this.field = document.getElementById(this.dataset.of);
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.read(), 700);
    };
    this.field.addEventListener("input", later);
    this.field.form.addEventListener("change", later);
    if (this.field.value) later();
  }

  async read() {
    const text = this.field.value.trim();
    if (!text) return this.replaceChildren();
    const body = { text, language: "vi" };
    if (this.dataset.unit) body.unit = this.dataset.unit;
    const voice = this.field.form.elements.voice?.value;
    if (voice) body.voice = voice;
    const headers = { "content-type": "application/json", "x-loa-csrf": document.querySelector("meta[name=loa-csrf]").content };
    try {
      const answer = await fetch("/api/v1/speech/readings", { method: "POST", headers, body: JSON.stringify(body) });
      if (answer.ok) this.show((await answer.json()).notes);
    } catch {
      // told when it is sent
    }
  }

  show(notes) {
    const title = document.createElement("p");
    title.append(Object.assign(document.createElement("strong"), { textContent: this.dataset.title }));
    const seen = new Map(notes.filter((one) => one.written !== one.spoken).map((one) => [one.written, one]));
    if (!seen.size) {
      title.append(` ${this.dataset.nothing}`);
      return this.replaceChildren(title);
    }
    const list = document.createElement("ul");
    list.className = "read-so";
    for (const [written, one] of [...seen].slice(0, 12)) {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("strong"), { textContent: written }), ` → ${one.spoken}`);
      if (one.doubtful) item.className = "doubtful";
      list.append(item);
    }
    this.replaceChildren(title, list);
  }
}

// <loa-tree>: a unit chooses all below it; names are found while one types.
class Tree extends HTMLElement {
  connectedCallback() {
    this.boxes = [...this.querySelectorAll("input[name=to]")];
    this.parents = new Map(this.boxes.map((box) => [box.value, box.dataset.parent]));
    this.addEventListener("change", (event) => this.chosen(event.target));
    this.closest("form").addEventListener("change", (event) => event.target === this.closest("form") && this.spread());
    this.spread();
    const field = document.getElementById("f-q");
    if (!field || Number(this.dataset.more)) return;
    field.parentElement.querySelector("button").hidden = true;
    field.addEventListener("input", () => this.filter(folded(field.value).split(/\s+/).filter(Boolean)));
    field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    if (field.value) this.filter(folded(field.value).split(/\s+/).filter(Boolean));
  }

  filter(words) {
    for (const row of this.querySelectorAll("li")) row.hidden = !words.every((word) => row.dataset.folded.includes(word));
  }

  below(scope) {
    return this.boxes.filter((box) => this.above(box.value).includes(scope));
  }

  above(scope) {
    const found = [];
    for (let at = this.parents.get(scope); at; at = this.parents.get(at)) found.push(at);
    return found;
  }

  spread() {
    for (const box of this.boxes) if (box.checked) for (const one of this.below(box.value)) one.checked = true;
  }

  chosen(box) {
    if (box.name !== "to") return;
    for (const one of this.below(box.value)) one.checked = box.checked;
    if (!box.checked) for (const scope of this.above(box.value)) {
      const parent = this.boxes.find((one) => one.value === scope);
      if (parent) parent.checked = false;
    }
    this.closest("form").dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// <loa-reached>: how many devices the choice reaches.
class Reached extends HTMLElement {
  connectedCallback() {
    const form = this.closest("form");
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.count(form), 150);
    };
    form.addEventListener("change", later);
    form.addEventListener("input", later);
    later();
  }

  async count(form) {
    const words = this.dataset;
    const chosen = new FormData(form).getAll("to").slice(0, 500);
    if (!chosen.length) return this.tell(words.none);
    const query = new URLSearchParams(chosen.map((one) => ["to", one]));
    try {
      const told = await (await fetch(`/api/v1/audience?${query}`, { headers: { accept: "application/json" } })).json();
      if (!told.speakers && !told.boards) return this.tell(words.empty);
      const parts = [];
      if (told.speakers) parts.push(filled(words.speakers, { n: told.speakers }));
      if (told.boards) parts.push(filled(words.boards, { n: told.boards }));
      const devices = parts.join(words.and);
      const villages = told.units.village;
      this.tell(filled(villages ? words.villages : words.plain, { devices, n: villages }));
    } catch {
      // the count that the page came with stays
    }
  }

  tell(text) {
    if (this.textContent !== text) this.textContent = text;
  }
}

// <loa-where-map data-module data-leaflet data-styles data-source …>: a button that opens the places on a map. What the
// map needs is loaded when somebody opens it, so that the page weighs nothing more for all others.
class WhereMap extends HTMLElement {
  connectedCallback() {
    if (this.button || !this.dataset.source) return;
    this.area = Object.assign(document.createElement("div"), { hidden: true, id: "where-map" });
    this.button = Object.assign(document.createElement("button"), { type: "button", className: "secondary", textContent: this.dataset.open });
    this.button.setAttribute("aria-controls", this.area.id);
    this.told = document.createElement("p");
    this.told.setAttribute("role", "status");
    this.button.addEventListener("click", () => this.turn());
    this.append(this.button, this.told, this.area);
    this.show(false);
    this.tries = 0;
  }

  show(open) {
    this.area.hidden = !open;
    this.button.textContent = open ? this.dataset.close : this.dataset.open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  async turn() {
    if (this.loading) return;
    this.show(this.area.hidden);
    if (this.again) this.again();
    if (this.again || this.area.hidden) return;
    this.loading = true;
    this.told.textContent = this.dataset.loading;
    try {
      const anew = this.tries ? `?${this.tries}` : "";
      await Promise.all(this.dataset.styles.split(" ").map((one) => this.styled(one)));
      await import(this.dataset.leaflet + anew);
      const { open } = await import(this.dataset.module + anew);
      this.again = await open(this);
      this.told.textContent = "";
    } catch {
      this.tries += 1;
      this.area.replaceChildren();
      this.show(false);
      this.told.textContent = this.dataset.failed;
    }
    this.loading = false;
  }

  styled(address) {
    return new Promise((done, failed) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address, onload: done, onerror: failed });
      document.head.append(link);
    });
  }
}

customElements.define("loa-length", Length);
customElements.define("loa-reading", Reading);
customElements.define("loa-tree", Tree);
customElements.define("loa-reached", Reached);
customElements.define("loa-where-map", WhereMap);
