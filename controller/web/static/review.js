// <loa-player>: one large button to hear a sound, a line to move in it, and whether it was heard to its end.
// Without scripts the browser's own controls are there; a sound that cannot be played gives them back.
const DRAWN = { play: "M7 4v16l13-8z", pause: "M7 4v16M17 4v16" };

function made(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    drawing.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", DRAWN[name]);
  drawing.append(path);
  return drawing;
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

class Player extends HTMLElement {
  connectedCallback() {
    const audio = this.querySelector("audio");
    if (!audio || this.button) return;
    this.audio = audio;
    this.length = Number(this.dataset.ms) / 1000;
    this.button = made("button", { type: "button", className: "play" });
    this.line = made("input", { type: "range", min: 0, max: Math.ceil(this.length), value: 0, step: 1 });
    this.line.setAttribute("aria-label", this.dataset.place);
    this.time = made("span");
    this.told = made("span", { className: "hint", role: "status" });
    audio.controls = false;
    audio.hidden = true;
    this.append(this.button, made("div", { className: "line" }, this.line, this.time), this.told);
    this.button.addEventListener("click", () => this.toggle());
    this.line.addEventListener("input", () => {
      audio.currentTime = Number(this.line.value);
      this.draw();
    });
    for (const event of ["play", "pause", "ended", "timeupdate"]) audio.addEventListener(event, () => this.draw());
    audio.addEventListener("ended", () => {
      this.told.textContent = this.dataset.heard;
    });
    audio.querySelector("source:last-of-type")?.addEventListener("error", () => this.giveBack());
    this.draw();
  }

  async toggle() {
    if (!this.audio.paused) {
      this.audio.pause();
      return;
    }
    for (const other of document.querySelectorAll("audio")) if (other !== this.audio) other.pause();
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name === "NotSupportedError") this.giveBack();
    }
  }

  giveBack() {
    this.audio.controls = true;
    this.audio.hidden = false;
    this.button.remove();
    this.line.parentElement?.remove();
  }

  draw() {
    const playing = !this.audio.paused && !this.audio.ended;
    const word = playing ? this.dataset.pause : this.audio.ended ? this.dataset.again : this.dataset.play;
    if (this.shown !== word) this.button.replaceChildren(icon(playing ? "pause" : "play"), word);
    this.shown = word;
    this.line.value = this.audio.currentTime;
    this.line.setAttribute("aria-valuetext", clock(this.audio.currentTime));
    this.time.textContent = `${clock(this.audio.currentTime)} / ${clock(this.length)}`;
  }
}

customElements.define("loa-player", Player);
