// The map of <loa-where-map>: the places that a form offers and what its choice reaches. The form stays the truth: a
// press on a place is a press on its box in the tree, and whatever changes the form changes the map. A place stands in
// the middle of its devices that are in view; what would lie on each other is moved apart. No line of any country is
// drawn; without the operator's tiles the ground is plain.
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = { unit: "M0 -19A19 19 0 1 1 0 19A19 19 0 1 1 0 -19Z", group: "M0 -23L23 0L0 23L-23 0Z" };
// As the boxes of the tree: a tick, a dash, nothing.
const SIGNS = { true: "M-4 0l3 3.500l5.500 -6.500", mixed: "M-4 0h8", false: "" };
const NAMED = { width: 110, height: 76 };
const BARE = { width: 48, height: 50 };
const ROOM_PX2 = 3_600; // for one place without its name
const ZOOM = { fixed: true, x: 28, y: 54, width: 56, height: 108 };
const PADDING_PX = [64, 56];

const drawn = (name, attributes, ...inside) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
};

const made = (name, properties, ...inside) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside);
  return element;
};

const badge = (kind, count) =>
  drawn("svg", { viewBox: "-24 -24 48 48", "aria-hidden": "true", focusable: "false" },
    drawn("path", { d: SHAPES[kind], class: "shape" }),
    drawn("text", { x: 0, y: 1 }, String(count)),
    drawn("g", { transform: "translate(15 -15)", class: "box" },
      drawn("rect", { x: -8, y: -8, width: 16, height: 16, rx: 4 }), drawn("path", { d: "", class: "sign" })));

// Moved apart until none lies on another, and whether there is room for that; `fixed` ones stay.
const parted = (items, { width, height }, size) => {
  for (let round = 0; round < 150; round += 1) {
    let moved = false;
    for (let i = 0; i < items.length; i += 1) for (let j = i + 1; j < items.length; j += 1) {
      const [a, b] = [items[i], items[j]];
      if (a.fixed && b.fixed) continue;
      const [wide, high] = [(a.width + b.width) / 2 - Math.abs(a.x - b.x), (a.height + b.height) / 2 - Math.abs(a.y - b.y)];
      if (wide <= 1 || high <= 1) continue;
      moved = true;
      const [axis, far] = wide < high ? ["x", wide] : ["y", high];
      const way = a[axis] < b[axis] || (a[axis] === b[axis] && i < j) ? -1 : 1;
      const share = a.fixed || b.fixed ? 1 : 0.5;
      if (!a.fixed) a[axis] += way * far * share;
      if (!b.fixed) b[axis] -= way * far * share;
    }
    for (const one of items.filter((one) => !one.fixed)) {
      one.x = Math.min(width - one.width / 2, Math.max(one.width / 2, one.x));
      one.y = Math.min(height - size.height + 24, Math.max(28, one.y));
    }
    if (!moved) return true;
  }
  return false;
};

class PlaceMap {
  constructor(host, found) {
    this.host = host;
    this.words = host.dataset;
    this.form = host.closest("form");
    this.places = this.offered();
    this.above = found.above;
    this.points = found.points.map((one) => this.point(one));
    for (const one of this.points) for (const scope of [...one.units, ...one.groups]) this.places.get(scope)?.points.push(one);
    this.markers = new Map();
    this.draw(found);
    this.changed = () => this.mark();
    for (const event of ["change", "input"]) this.form.addEventListener(event, this.changed);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.changed);
    this.mark();
  }

  offered() {
    const boxes = [...this.form.querySelectorAll("loa-tree input[name=to]")];
    return new Map(boxes.map((box, order) => {
      const label = box.closest("label");
      const name = label.querySelector("strong").textContent;
      const count = label.querySelector(".count").textContent.trim();
      const kind = box.value.startsWith("g-") ? "group" : "unit";
      const { depth, devices } = box.dataset;
      return [box.value, { box, order, name, count, kind, scope: box.value, depth: Number(depth), devices: Number(devices), points: [] }];
    }));
  }

  point({ latitude, longitude, unit, groups }) {
    const units = [];
    for (let at = unit; at; at = this.above[at]) units.push(at);
    return { latitude, longitude, units, groups, scopes: [...units, ...groups], offered: units.filter((one) => this.places.has(one)) };
  }

  draw({ left_out: leftOut, nowhere }) {
    const { words } = this;
    const ground = made("div", { className: "ground" });
    ground.setAttribute("role", "region");
    ground.setAttribute("aria-label", words.label);
    this.reached = made("p", { className: "reached" });
    const told = [[leftOut, words.leftOut], [nowhere, words.nowhere]].filter(([count]) => count);
    const notes = told.map(([count, text]) => made("p", { className: "hint" }, text.replace("{n}", count)));
    this.host.area.append(made("p", { className: "hint" }, words.how), ground, this.reached, this.legend(), ...notes);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const motion = { zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still };
    this.map = L.map(ground, { attributionControl: Boolean(words.tiles), zoomControl: false, scrollWheelZoom: false, maxZoom: 19, zoomSnap: 0.5, ...motion });
    const extent = L.latLngBounds(this.points.map((one) => [one.latitude, one.longitude]));
    this.map.fitBounds(extent, { padding: PADDING_PX, maxZoom: 16, animate: false });
    this.map.setMinZoom(Math.max(4, this.map.getZoom() - 1));
    this.map.setMaxBounds(this.map.getBounds().pad(0.5));
    L.control.zoom({ zoomInTitle: words.zoomIn, zoomOutTitle: words.zoomOut }).addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    if (words.tiles) this.tiles();
    const canvas = L.canvas({ padding: 0.3 });
    for (const one of this.points) {
      one.dot = L.circleMarker([one.latitude, one.longitude], { renderer: canvas, interactive: false }).addTo(this.map);
    }
    this.layer = L.layerGroup().addTo(this.map);
    this.map.on("moveend resize", () => this.place());
    const spoken = this.form.querySelector("loa-reached");
    const follow = () => { this.reached.textContent = spoken.textContent; };
    new MutationObserver(follow).observe(spoken, { childList: true, characterData: true, subtree: true });
    follow();
    this.place();
  }

  tiles() {
    this.map.attributionControl.setPrefix(false);
    const attribution = this.words.attribution.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
    L.tileLayer(this.words.tiles, { crossOrigin: "anonymous", attribution, maxZoom: 19 }).addTo(this.map);
  }

  legend() {
    const { words } = this;
    const groups = [...this.places.values()].some((one) => one.kind === "group" && one.points.length);
    const key = (state, kind = "unit") => {
      const found = badge(kind, "");
      found.querySelector(".sign").setAttribute("d", SIGNS[state] ?? "");
      found.setAttribute("class", `key place ${state}`);
      return found;
    };
    const dot = (kind) => drawn("svg", { viewBox: "-10 -10 20 20", class: `key dot ${kind}`, "aria-hidden": "true" }, drawn("circle", { r: 6 }));
    const lines = [[key("true"), words.chosen], [key("mixed"), words.mixed], [key("false"), words.free]];
    if (groups) lines.push([key("false", "group"), words.group]);
    lines.push([dot("on"), words.on], [dot("off"), words.off]);
    return made("ul", { className: "legend" }, ...lines.map(([sign, text]) => made("li", {}, sign, text)));
  }

  // What stands on the map now: the deepest places of the tree that there is room for, and groups if there still is.
  seen() {
    const view = this.map.getBounds();
    const inside = this.points.filter((one) => view.contains([one.latitude, one.longitude]));
    const { x, y } = this.map.getSize();
    const most = Math.max(8, Math.floor((x * y) / ROOM_PX2));
    const depths = [...new Set([...this.places.values()].filter((one) => one.kind === "unit").map((one) => one.depth))];
    let found = new Map();
    for (const depth of depths.sort((a, b) => a - b)) {
      const next = new Map();
      for (const one of inside) this.stand(next, one.offered.find((scope) => this.places.get(scope).depth <= depth), one);
      if (found.size && next.size > most) break;
      found = next;
    }
    const groups = new Map();
    for (const one of inside) for (const scope of one.groups) this.stand(groups, scope, one);
    return found.size + groups.size <= most ? [...found, ...groups] : [...found];
  }

  stand(found, scope, point) {
    if (!this.places.has(scope)) return;
    if (!found.has(scope)) found.set(scope, []);
    found.get(scope).push(point);
  }

  place() {
    const { x: width, y: height } = this.map.getSize();
    if (!width) return;
    const seen = this.seen();
    const middles = seen.map(([scope, points]) => {
      const middle = points.reduce(([a, b], one) => [a + one.latitude / points.length, b + one.longitude / points.length], [0, 0]);
      return { scope, order: this.places.get(scope).order, at: this.map.latLngToContainerPoint(middle) };
    }).sort((a, b) => a.order - b.order);
    const sized = (size) => middles.map(({ scope, at }) => ({ scope, x: at.x, y: at.y, width: size.width, height: size.height }));
    let items = sized(NAMED);
    const named = items.length * NAMED.width * NAMED.height <= width * height && parted([ZOOM, ...items], { width, height }, NAMED);
    if (!named) parted([ZOOM, ...(items = sized(BARE))], { width, height }, BARE);
    this.host.area.classList.toggle("named", named);
    const same = items.length === this.markers.size && items.every((one) => this.markers.has(one.scope));
    const focused = document.activeElement?.dataset?.scope;
    if (!same) {
      this.layer.clearLayers();
      this.markers.clear();
    }
    for (const one of items) this.put(one);
    if (!same && focused) (this.markers.get(focused)?.getElement() ?? this.map.getContainer()).focus({ preventScroll: true });
    this.mark();
  }

  put({ scope, x, y }) {
    const at = this.map.containerPointToLatLng([x, y]);
    const known = this.markers.get(scope);
    if (known) {
      known.setLatLng(at);
      return;
    }
    const place = this.places.get(scope);
    const inside = made("div", {}, badge(place.kind, place.devices), made("span", { className: "name" }, place.name));
    const icon = L.divIcon({ html: inside, className: `place ${place.kind}`, iconSize: [48, 48] });
    const marker = L.marker(at, { icon, keyboard: true, autoPanOnFocus: false }).addTo(this.layer);
    const element = marker.getElement();
    element.dataset.scope = scope;
    element.setAttribute("role", "checkbox");
    element.setAttribute("aria-label", `${place.name}, ${place.count}`);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      place.box.click();
    });
    marker.on("click", () => place.box.click());
    this.markers.set(scope, marker);
  }

  mark() {
    const chosen = new Set(new FormData(this.form).getAll("to"));
    const colours = getComputedStyle(this.host);
    const [good, plain, card] = ["--good", "--plain", "--card"].map((one) => colours.getPropertyValue(one).trim());
    const on = { radius: 7, color: card, weight: 2, fillColor: good, fillOpacity: 1 };
    const off = { radius: 5, color: plain, weight: 2, fillColor: card, fillOpacity: 1 };
    for (const one of this.points) {
      one.reached = one.scopes.some((scope) => chosen.has(scope));
      one.dot.setStyle(one.reached ? on : off).setRadius((one.reached ? on : off).radius);
    }
    for (const [scope, marker] of this.markers) this.sign(marker.getElement(), this.places.get(scope));
  }

  sign(element, place) {
    const state = place.box.checked ? "true" : place.points.some((one) => one.reached) ? "mixed" : "false";
    element.setAttribute("aria-checked", state);
    element.querySelector(".sign").setAttribute("d", SIGNS[state]);
  }
}

// Opens it in `host.area`; gives what tells the map that it is seen again.
export const open = async (host) => {
  const answer = await fetch(host.dataset.source, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const { map } = new PlaceMap(host, await answer.json());
  return () => map.invalidateSize({ animate: false });
};
