// <loa-kept data-key>: what is typed, chosen or recorded in its form stays in this browser until the server has it.
// The form is sent by a script that tells how far it is, and sends it again when the line or the server is back; its
// key `once` stays the same, so that it does its work once.

const RETRY_MS = 3000;
const OWN = new Set(["csrf"]);
const NAMES = ["once", "begun"];

const opened = () =>
  new Promise((done, failed) => {
    const asked = indexedDB.open("loa-kept", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("files");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });

const files = async (mode, act) => {
  const base = await opened();
  try {
    return await new Promise((done, failed) => {
      const work = base.transaction("files", mode);
      const asked = act(work.objectStore("files"));
      work.oncomplete = () => done(asked.result);
      work.onerror = () => failed(work.error);
    });
  } finally {
    base.close();
  }
};

const random = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/[+/=]/g, "-");

class Kept extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form || this.told) return;
    this.told = document.createElement("p");
    this.told.className = "kept";
    this.told.setAttribute("role", "status");
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.hidden = true;
    this.bar.setAttribute("aria-label", this.dataset.sending);
    this.form.querySelector(".next").before(this.told, this.bar);
    this.form.addEventListener("input", () => this.note());
    this.form.addEventListener("change", (event) => {
      this.note();
      if (event.target.type === "file") this.keepFile(event.target.files[0]);
    });
    this.form.addEventListener("recording", (event) => event.detail && this.note());
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.again = () => this.waiting && this.send();
    window.addEventListener("online", this.again);
    this.shown = (event) => event.persisted && this.gone && location.reload();
    window.addEventListener("pageshow", this.shown);
    this.restored = this.restore().catch(() => {});
  }

  disconnectedCallback() {
    window.removeEventListener("online", this.again);
    window.removeEventListener("pageshow", this.shown);
    clearTimeout(this.timer);
  }

  get key() {
    return `loa-kept:${this.dataset.key}`;
  }

  note() {
    if (this.restoring) return;
    if (this.tried) {
      this.form.elements.once.value = random();
      this.tried = this.waiting = false;
      clearTimeout(this.timer);
      this.say("");
      this.right();
    }
    const fields = [...new FormData(this.form)].filter(([name, value]) => typeof value === "string" && !OWN.has(name));
    try {
      localStorage.setItem(this.key, JSON.stringify(fields));
    } catch {
      // full or forbidden: the page works without
    }
  }

  async keepFile(file) {
    try {
      if (file) await files("readwrite", (store) => store.put({ blob: file, name: file.name }, this.key));
    } catch {
      // as above
    }
  }

  forget() {
    localStorage.removeItem(this.key);
    return files("readwrite", (store) => store.delete(this.key)).catch(() => {});
  }

  async restore() {
    const fields = JSON.parse(localStorage.getItem(this.key) ?? "null");
    const kept = await files("readonly", (store) => store.get(this.key)).catch(() => undefined);
    if (!fields && !kept) return;
    this.restoring = true;
    let changed = false;
    for (const control of this.form.elements) changed = this.fill(control, fields ?? []) || changed;
    const input = this.form.querySelector("input[type=file]");
    if (kept && input) {
      const moved = new DataTransfer();
      moved.items.add(new File([kept.blob], kept.name, { type: kept.blob.type }));
      input.files = moved.files;
      changed = true;
    }
    this.form.dispatchEvent(new Event("change", { bubbles: true }));
    input?.dispatchEvent(new Event("loa-restored", { bubbles: true }));
    this.restoring = false;
    if (changed) this.offer();
  }

  fill(control, fields) {
    if (!control.name || OWN.has(control.name) || control.type === "file" || control.type === "submit") return false;
    const values = fields.filter(([name]) => name === control.name).map(([, value]) => value);
    if (control.type === "checkbox" || control.type === "radio") {
      const was = control.checked;
      if (fields.length) control.checked = values.includes(control.value);
      return was !== control.checked;
    }
    if (control.type === "hidden" && !NAMES.includes(control.name)) return false;
    if (!values.length || control.value === values[0]) return false;
    control.value = values[0];
    return control.type !== "hidden";
  }

  offer() {
    const drop = document.createElement("button");
    drop.type = "button";
    drop.className = "quiet";
    drop.textContent = this.dataset.drop;
    drop.addEventListener("click", async () => {
      await this.forget();
      location.reload();
    });
    const note = document.createElement("div");
    note.className = "kept-back";
    note.setAttribute("role", "status");
    note.append(this.dataset.restored, " ", drop);
    this.form.prepend(note);
  }

  async submitted(event) {
    if (event.submitter?.value === "search") return;
    event.preventDefault();
    event.stopPropagation();
    if (this.busy || this.gone) return;
    this.busy = true;
    this.submitter = event.submitter;
    await this.querySelector("loa-recorder")?.ended?.(); // what is being said belongs to what is sent
    if (!this.tried) this.note();
    this.send();
  }

  send() {
    clearTimeout(this.timer);
    const data = new FormData(this.form);
    if (this.submitter?.name) data.append(this.submitter.name, this.submitter.value);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.getAttribute("action"));
    request.setRequestHeader("Loa-Kept", "1");
    request.upload.onprogress = (event) => this.tell(event.loaded / event.total, this.dataset.sending);
    request.upload.onload = () => this.follow();
    request.onload = () => this.answered(request);
    request.onerror = () => this.failed();
    this.busy = true;
    this.form.setAttribute("aria-busy", "true");
    this.tell(0, this.dataset.sending);
    request.send(data);
  }

  // The file is there; how far its sound is, the jobs tell.
  async follow() {
    const words = this.dataset.working;
    if (!words) return;
    this.tell(null, words);
    while (this.busy) {
      await new Promise((done) => setTimeout(done, 500));
      try {
        const jobs = await (await fetch("/api/v1/jobs", { headers: { accept: "application/json" } })).json();
        const running = jobs.find((one) => one.state === "running" || one.state === "queued");
        if (running && this.busy) this.tell(running.progress || null, words);
      } catch {
        // the answer itself will tell
      }
    }
  }

  answered(request) {
    const where = request.getResponseHeader("Loa-Go");
    this.stop();
    if (where) {
      this.gone = true;
      this.forget().then(() => this.leave(where));
    } else if (request.status >= 502 && request.status <= 504) {
      this.failed();
    } else if (request.status >= 400) {
      this.refused(request);
    } else {
      location.assign(request.responseURL);
    }
  }

  // Whoever comes back finds what the server has, not the form as it was sent: of a new one, the draft that it made.
  leave(where) {
    this.form.autocomplete = "off";
    if ("new" in this.dataset) history.replaceState(null, "", where.slice(0, where.lastIndexOf("/")));
    location.assign(where);
  }

  refused(request) {
    this.tried = true;
    if ("whole" in this.dataset) return this.showWhole();
    let errors = {}, code = "";
    try {
      ({ errors = {}, code = "" } = JSON.parse(request.responseText));
    } catch {
      // no words of ours
    }
    const [name, text] = Object.entries(errors)[0] ?? ["", `${request.status}`];
    const place = name && document.getElementById(`f-${name}-error`);
    this.say(place ? "" : text, "error");
    if (code === "bulletin_moved_on") this.offerNewest();
    this.right();
    const control = name && this.form.elements[name];
    if (place) this.wrong(place, text, control);
    else if (control?.focus) control.focus();
    else this.told.scrollIntoView({ block: "center" });
  }

  // Beside what was typed, so that it can be put in there.
  offerNewest() {
    const { newest, newestAt } = this.dataset;
    this.told.append(" ", Object.assign(document.createElement("a"), { href: newestAt, target: "_blank", textContent: newest }));
  }

  // At its field, where the page has room for it there.
  wrong(place, text, control) {
    place.textContent = text;
    control?.setAttribute("aria-invalid", "true");
    (control ?? place.parentElement.querySelector("button:not([hidden])"))?.focus();
    place.scrollIntoView({ block: "center" });
    this.place = place;
  }

  right() {
    this.place?.replaceChildren();
    for (const control of this.form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }

  // What is wrong stands in several places of the page: the browser shows it as the server says it.
  async showWhole() {
    await this.forget();
    const { name, value } = this.submitter ?? {};
    if (name) this.form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    this.form.submit();
  }

  failed() {
    this.stop();
    this.tried = this.waiting = true;
    this.say(this.dataset.offline, "offline");
    this.timer = setTimeout(() => this.waiting && this.send(), RETRY_MS);
  }

  stop() {
    this.busy = this.waiting = false;
    this.form.removeAttribute("aria-busy");
    this.bar.hidden = true;
  }

  tell(share, words) {
    this.bar.hidden = false;
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
    this.say(share ? `${words}: ${Math.round(share * 100)} %` : `${words}…`);
  }

  say(text, kind = "") {
    if (this.told.textContent !== text) this.told.textContent = text;
    this.told.className = `kept ${kind}`;
  }
}

customElements.define("loa-kept", Kept);
