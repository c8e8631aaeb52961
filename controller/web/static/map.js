// <loa-map data-source …>: devices as pies on a map; the table below it says the same. Pies are made by the server's
// cells: what stands near each other at a scale is one of them. Nothing is drawn that the operator did not set: without
// tiles the ground is plain, and no line of any country is ever drawn.
const SVG = "http://www.w3.org/2000/svg";
const STATES = ["ok", "faulty", "silent", "never"];
// The same signs as everywhere, so that one device is told by its shape, too.
const SIGNS = { ok: "M-9 1l6 6L9 -7", faulty: "M0 -10v12m0 6v2", silent: "M-7 -7L7 7M7 -7L-7 7", never: "M0 -9v9l6 4" };
const SMALLEST_PX = 30;

const drawn = (name, attributes, ...inside) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
};

const slice = (from, to, state) => {
  if (to - from >= 1) return drawn("circle", { cx: 0, cy: 0, r: 20, class: state });
  const at = (part) => [20 * Math.sin(2 * Math.PI * part), -20 * Math.cos(2 * Math.PI * part)].map((one) => one.toFixed(2)).join(" ");
  return drawn("path", { d: `M0 0L${at(from)}A20 20 0 ${to - from > 0.5 ? 1 : 0} 1 ${at(to)}Z`, class: state });
};

const pie = (devices, total) => {
  const found = drawn("svg", { viewBox: "-21 -21 42 42", "aria-hidden": "true", focusable: "false" });
  let from = 0;
  for (const state of STATES.filter((one) => devices[one])) {
    const to = from + devices[state] / total;
    found.append(slice(from, to, state));
    from = to;
  }
  if (total > 1) found.append(drawn("circle", { cx: 0, cy: 0, r: 12, class: "rim" }), drawn("text", { x: 0, y: 0 }, String(total)));
  else found.append(drawn("path", { d: SIGNS[STATES.find((one) => devices[one])], class: "sign" }));
  return found;
};

class DeviceMap extends HTMLElement {
  connectedCallback() {
    if (!window.L || this.map) return;
    const ground = document.createElement("div");
    ground.className = "ground";
    ground.setAttribute("role", "region");
    ground.setAttribute("aria-label", this.dataset.label);
    this.told = document.createElement("p");
    this.told.className = "hint";
    this.told.setAttribute("role", "status");
    this.append(ground, this.legend(), this.told);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.map = L.map(ground, {
      attributionControl: Boolean(this.dataset.tiles),
      zoomControl: false,
      zoomAnimation: !still,
      fadeAnimation: !still,
      markerZoomAnimation: !still,
      minZoom: 4,
      maxZoom: 19,
      center: [16.2, 106.3],
      zoom: 5,
    });
    L.control.zoom({ zoomInTitle: this.dataset.zoomIn, zoomOutTitle: this.dataset.zoomOut }).addTo(this.map);
    if (this.dataset.tiles) this.tiles();
    this.pies = L.layerGroup().addTo(this.map);
    this.begin();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.asking?.abort();
    this.map?.remove();
    this.map = undefined;
  }

  tiles() {
    this.map.attributionControl.setPrefix(false);
    const words = this.dataset.attribution.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
    L.tileLayer(this.dataset.tiles, { crossOrigin: "anonymous", attribution: words, maxZoom: 19 }).addTo(this.map);
  }

  legend() {
    const list = document.createElement("p");
    list.className = "legend";
    for (const state of STATES) {
      const key = drawn("svg", { viewBox: "0 0 10 10", class: "key", "aria-hidden": "true" }, drawn("circle", { cx: 5, cy: 5, r: 5, class: state }));
      const one = document.createElement("span");
      one.append(key, this.dataset[state]);
      list.append(one);
    }
    return list;
  }

  async begin() {
    const all = await this.ask({});
    if (!all) return;
    this.told.textContent = all.extent ? (all.nowhere ? `${all.nowhere} ${this.dataset.nowhere}` : "") : this.dataset.none;
    if (all.extent) {
      const { south, west, north, east } = all.extent;
      this.map.fitBounds([[south, west], [north, east]], { padding: [40, 40], maxZoom: 15, animate: false });
    }
    await this.fill();
    this.map.on("moveend", () => this.fill());
    this.timer = setInterval(() => this.fill({ "HX-Request": "true" }), 60_000); // nobody pressed anything
  }

  async ask(box, headers = {}) {
    this.asking?.abort();
    this.asking = new AbortController();
    const address = new URL(this.dataset.source, location.href);
    for (const [name, value] of Object.entries(box)) address.searchParams.set(name, value);
    try {
      const answer = await fetch(address, { headers, signal: this.asking.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      return await answer.json();
    } catch (error) {
      if (error.name !== "AbortError") this.told.textContent = this.dataset.failed;
      return null;
    }
  }

  async fill(headers = {}) {
    const seen = this.map.getBounds().pad(0.2);
    const [west, south, east, north] = [seen.getWest(), seen.getSouth(), seen.getEast(), seen.getNorth()];
    const found = await this.ask({ west, south, east, north, zoom: this.map.getZoom() }, headers);
    if (!found || !this.map) return;
    const focused = document.activeElement?.closest?.(".pie")?.getAttribute("aria-label");
    this.pies.clearLayers();
    for (const cell of found.cells) this.put(cell, focused);
    this.dataset.pies = String(found.cells.length);
  }

  put(cell, focused) {
    const total = Object.values(cell.devices).reduce((sum, one) => sum + one, 0);
    const size = Math.min(64, SMALLEST_PX + 6 * Math.log2(total + 1));
    const parts = STATES.filter((one) => cell.devices[one]).map((one) => `${cell.devices[one]} ${this.dataset[one].toLowerCase()}`);
    const label = cell.name ? `${cell.name}: ${this.dataset[Object.keys(cell.devices)[0]]}` : `${total} ${this.dataset.devices}: ${parts.join(", ")}`;
    const icon = L.divIcon({ html: pie(cell.devices, total), className: "pie", iconSize: [size, size] });
    const marker = L.marker([cell.latitude, cell.longitude], { icon, title: label, keyboard: true }).addTo(this.pies);
    const element = marker.getElement();
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", label);
    if (label === focused) element.focus({ preventScroll: true });
    if (cell.id) marker.bindPopup(() => this.card(cell, label));
    else marker.on("click keypress", () => this.closer(cell));
  }

  closer(cell) {
    this.map.setView([cell.latitude, cell.longitude], Math.min(19, this.map.getZoom() + 2));
  }

  card(cell, label) {
    const link = document.createElement("a");
    link.href = `/devices/${encodeURIComponent(cell.id)}`;
    link.textContent = label;
    return link;
  }
}

customElements.define("loa-map", DeviceMap);
