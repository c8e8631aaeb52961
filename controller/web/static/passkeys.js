// <loa-passkey data-does="sign-in | prove | add">: a button where the browser knows passkeys, nothing where it does not.
// data-next: where to go afterwards; data-proof: where a fresh proof is given; data-text, data-failed: its words.

const STEPS = {
  "sign-in": { ask: "/sign-in/passkey/options", answer: "/sign-in/passkey", how: "get" },
  prove: { ask: "/sign-in/proof/passkey/options", answer: "/sign-in/proof/passkey", how: "get" },
  add: { ask: "/second-factor/passkeys/options", answer: "/second-factor/passkeys", how: "create" },
};

const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
};
const text = (buffer) => {
  const plain = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};
const known = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

// As PublicKeyCredential.parse…OptionsFromJSON and toJSON do it, which older phones do not have.
const parsed = (options) => ({
  ...options,
  challenge: bytes(options.challenge),
  ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
  ...(options.excludeCredentials && { excludeCredentials: known(options.excludeCredentials) }),
  ...(options.allowCredentials && { allowCredentials: known(options.allowCredentials) }),
});
const told = (credential) => {
  const { response } = credential;
  const parts = response.attestationObject
    ? { attestationObject: text(response.attestationObject), transports: response.getTransports?.() ?? [] }
    : {
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        ...(response.userHandle && { userHandle: text(response.userHandle) }),
      };
  const id = text(credential.rawId);
  return { id, rawId: id, type: credential.type, response: { clientDataJSON: text(response.clientDataJSON), ...parts } };
};

class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

const send = async (path, body) => {
  const token = document.querySelector("meta[name=loa-csrf]")?.content;
  const headers = { "Content-Type": "application/json", ...(token && { "X-Loa-CSRF": token }) };
  const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Refused(said);
  return said;
};

class Passkey extends HTMLElement {
  connectedCallback() {
    if (!window.PublicKeyCredential || this.firstChild) return;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "secondary wide";
    this.button.textContent = this.dataset.text;
    this.button.addEventListener("click", () => this.run());
    this.told = document.createElement("p");
    this.told.setAttribute("role", "alert");
    this.append(this.button, this.told);
  }

  async run() {
    this.button.setAttribute("aria-busy", "true");
    this.told.textContent = "";
    try {
      await this.step(STEPS[this.dataset.does]);
      location.assign(this.dataset.next || "/");
    } catch (error) {
      if (error.problem?.code === "proof_needed" && this.dataset.proof) location.assign(this.dataset.proof);
      else this.told.textContent = error.problem?.details?.vi && document.documentElement.lang === "vi" ? error.problem.details.vi : this.dataset.failed;
    } finally {
      this.button.removeAttribute("aria-busy");
    }
  }

  async step({ ask, answer, how }) {
    const { publicKey } = await send(ask, {});
    const credential = await navigator.credentials[how]({ publicKey: parsed(publicKey) });
    await send(answer, { ...(this.dataset.name && { name: this.dataset.name.slice(0, 100) }), credential: told(credential) });
  }
}

customElements.define("loa-passkey", Passkey);
