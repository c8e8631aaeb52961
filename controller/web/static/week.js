// <loa-week>: a session is dragged to another day and time with a mouse or pen; then one is asked how far that holds.
// Fingers and keys use the session's own page, which its title leads to.
const FAR = 6;

class Week extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    if (!this.dialog || this.ready) return;
    this.ready = true;
    for (const entry of this.querySelectorAll(".entry[data-session]")) this.prepare(entry);
    this.dialog.querySelector(".leave").addEventListener("click", () => this.dialog.close());
  }

  prepare(entry) {
    entry.classList.add("drags");
    for (const link of entry.querySelectorAll("a")) link.draggable = false;
    entry.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button !== 0) return;
      this.begin(entry, event);
    });
  }

  begin(entry, pressed) {
    let ghost = null;
    let target = null;
    const stop = new AbortController();
    const listen = (name, act) => window.addEventListener(name, act, { signal: stop.signal, capture: true });
    const end = () => {
      stop.abort();
      ghost?.remove();
      target?.classList.remove("target");
      entry.classList.remove("lifted");
    };
    listen("pointermove", (event) => {
      if (!ghost) {
        if (Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < FAR) return;
        ghost = this.lift(entry);
      }
      event.preventDefault();
      ghost.style.left = `${event.clientX + 8}px`;
      ghost.style.top = `${event.clientY + 8}px`;
      const cell = this.cellAt(event, entry);
      if (cell === target) return;
      target?.classList.remove("target");
      cell?.classList.add("target");
      target = cell;
    });
    listen("pointerup", () => {
      const cell = target;
      const moved = ghost !== null;
      end();
      if (!moved) return;
      const still = (event) => event.preventDefault();
      window.addEventListener("click", still, { capture: true });
      setTimeout(() => {
        window.removeEventListener("click", still, { capture: true });
        if (cell) this.ask(entry, cell);
      }, 0);
    });
    listen("pointercancel", end);
    listen("keydown", (event) => {
      if (event.key === "Escape") end();
    });
  }

  lift(entry) {
    const ghost = document.createElement("article");
    ghost.className = "entry ghost";
    ghost.textContent = entry.dataset.title;
    ghost.setAttribute("aria-hidden", "true");
    document.body.append(ghost);
    entry.classList.add("lifted");
    getSelection()?.removeAllRanges();
    return ghost;
  }

  cellAt(event, entry) {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("td[data-day]");
    return cell && cell !== entry.closest("td") ? cell : null;
  }

  ask(entry, cell) {
    const form = this.dialog.querySelector("form");
    for (const name of ["programme", "session", "original", "revision"]) form.elements[name].value = entry.dataset[name];
    form.elements.day.value = cell.dataset.day;
    form.elements.at.value = cell.dataset.at;
    const from = entry.closest("td").dataset.name;
    this.dialog.querySelector(".what").textContent = entry.dataset.title;
    const told = `${this.dataset.from} ${from} ${this.dataset.to} ${cell.dataset.name}.`;
    this.dialog.querySelector(".where").textContent = told;
    this.dialog.showModal();
  }
}

customElements.define("loa-week", Week);
