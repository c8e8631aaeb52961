// <loa-recorder>: records with the microphone into its form's file field: how loud, how long, stop, hear it, once more.
// The voice is taken as it is (no filters of the browser): the server brings every sound to its loudness.

const KINDS = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/mp4", "m4a"],
  ["audio/ogg;codecs=opus", "ogg"],
];
const EVERY_MS = 1000;
const KEPT_EVERY = 5;
const QUIET = 0.02;
const LOUD = 0.95;

const made = (name, properties = {}, ...inside) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside);
  return element;
};
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;

class Recorder extends HTMLElement {
  connectedCallback() {
    if (this.begin) return;
    this.input = this.closest("form").querySelector("input[type=file]");
    const words = this.dataset;
    this.begin = made("button", { type: "button", className: "record" }, words.start);
    this.end = made("button", { type: "button", className: "record stop", hidden: true }, words.stop);
    this.meter = made("meter", { min: 0, max: 1, low: 0.05, high: 0.9, optimum: 0.4, hidden: true });
    this.meter.setAttribute("aria-label", words.level);
    this.time = made("p", { className: "timer", hidden: true });
    this.told = made("p", { className: "kept" });
    this.told.setAttribute("role", "status");
    this.sound = made("audio", { controls: true, hidden: true });
    this.append(this.time, this.meter, this.begin, this.end, this.told, this.sound);
    this.begin.addEventListener("click", () => this.record());
    this.end.addEventListener("click", () => this.recorder?.stop());
    this.input.addEventListener("loa-restored", () => this.show(this.input.files[0]));
  }

  disconnectedCallback() {
    this.release();
  }

  async record() {
    const devices = navigator.mediaDevices;
    const kind = window.MediaRecorder && KINDS.find(([type]) => MediaRecorder.isTypeSupported(type));
    if (!devices || !kind) return this.say(this.dataset.missing);
    const plain = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      this.stream = await devices.getUserMedia({ audio: plain });
    } catch (error) {
      return this.say(error.name === "NotAllowedError" ? this.dataset.refused : this.dataset.missing);
    }
    if (this.closest("form").hasAttribute("aria-busy")) return this.release();
    this.parts = [];
    this.kind = kind;
    this.recorder = new MediaRecorder(this.stream, { mimeType: kind[0], audioBitsPerSecond: 96000 });
    this.recorder.addEventListener("dataavailable", (event) => this.take(event.data));
    this.finished = new Promise((done) => this.recorder.addEventListener("stop", () => done(this.finish())));
    this.listen();
    this.recorder.start(EVERY_MS);
    this.since = performance.now();
    this.running(true);
    this.end.focus();
  }

  // What was recorded so far outlives a page that is closed.
  take(part) {
    if (part.size) this.parts.push(part);
    if (this.parts.length % KEPT_EVERY === 0) this.closest("loa-kept")?.keepFile(this.file());
  }

  file() {
    const [type, ending] = this.kind;
    return new File(this.parts, `thu-am.${ending}`, { type: type.split(";")[0] });
  }

  // Stops what runs; done when what was said is in the field.
  ended() {
    if (this.recorder?.state === "recording") this.recorder.stop();
    return this.finished;
  }

  finish() {
    this.release();
    this.running(false);
    const moved = new DataTransfer();
    moved.items.add(this.file());
    this.input.files = moved.files;
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    this.show(this.input.files[0]);
    this.begin.focus();
  }

  show(file) {
    if (!file) return;
    URL.revokeObjectURL(this.sound.src);
    this.sound.src = URL.createObjectURL(file);
    this.sound.hidden = false;
    this.begin.textContent = this.dataset.again;
    this.begin.classList.add("secondary");
    this.say(this.dataset.ready);
  }

  running(on) {
    this.begin.hidden = on;
    this.end.hidden = this.meter.hidden = this.time.hidden = !on;
    if (on) this.sound.hidden = true;
    this.classList.toggle("on", on);
    this.dispatchEvent(new CustomEvent("recording", { detail: on, bubbles: true }));
  }

  listen() {
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 2048;
    this.context.createMediaStreamSource(this.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let quietest = 0;
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      this.meter.value = Math.sqrt(Math.min(1, peak));
      quietest = peak < QUIET ? quietest + 1 : 0;
      this.time.textContent = `${this.dataset.recording} ${clock((performance.now() - this.since) / 1000)}`;
      this.say(peak > LOUD ? this.dataset.loud : quietest > 30 ? this.dataset.quiet : "");
    }, 100);
  }

  release() {
    clearInterval(this.timer);
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.stream = this.context = undefined;
  }

  say(text) {
    if (this.told.textContent !== text) this.told.textContent = text;
  }
}

customElements.define("loa-recorder", Recorder);
