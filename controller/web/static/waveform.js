// <loa-waveform data-src>: the picture of a sound, drawn from its figures; what was heard is darker, a tap goes there.
// Without it the page shows the same picture as an image, and the browser's own player.

const SVG = "http://www.w3.org/2000/svg";
const drawn = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

class Waveform extends HTMLElement {
  async connectedCallback() {
    this.audio = this.querySelector("audio");
    const image = this.querySelector("img");
    if (!this.audio || !image || this.picture) return;
    let told;
    try {
      told = await (await fetch(this.dataset.src, { headers: { accept: "application/json" } })).json();
    } catch {
      return;
    }
    if (!told.high?.length) return;
    const columns = told.high.length;
    this.picture = drawn("svg", { viewBox: `0 0 ${columns} 100`, preserveAspectRatio: "none", role: "img", "aria-label": image.alt });
    const path = told.high
      .map((high, at) => `M${at + 0.5} ${50 - Math.max(high, 1) / 2}V${50 - Math.min(told.low[at], -1) / 2}`)
      .join("");
    this.heard = drawn("rect", { x: 0, y: 0, width: 0, height: 100, class: "heard" });
    this.picture.append(this.heard, drawn("path", { d: path }));
    image.replaceWith(this.picture);
    this.audio.addEventListener("timeupdate", () => this.move(columns));
    this.picture.addEventListener("click", (event) => {
      const box = this.picture.getBoundingClientRect();
      const length = Number.isFinite(this.audio.duration) ? this.audio.duration : told.duration_ms / 1000;
      this.audio.currentTime = ((event.clientX - box.left) / box.width) * length;
    });
    this.length = told.duration_ms / 1000;
  }

  move(columns) {
    this.heard.setAttribute("width", Math.min(1, this.audio.currentTime / this.length) * columns);
  }
}

customElements.define("loa-waveform", Waveform);
