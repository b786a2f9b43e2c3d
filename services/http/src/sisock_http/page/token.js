// Who is not let in, or no more, is asked for a token: here, since a browser would do so again and again.
import { element } from "./element.js";
import { introduce, Trouble } from "./server.js";

/** Asks for a token; `taken()` is called when one counts. */
export class Gate {
  constructor(taken) {
    this.box = null;
    this.taken = taken;
  }

  /** Ask, unless that is done already. */
  open() {
    if (this.box) return;
    const token = element("input", { type: "password", name: "token", required: true, autocomplete: "off", spellcheck: false, ariaLabel: "Token" });
    const told = element("p", { className: "note", role: "alert", hidden: true });
    const send = element("button", { type: "submit", className: "main", textContent: "Give it" });
    const form = element("form", { method: "dialog" },
      element("h2", { textContent: "A token is asked for" }),
      element("p", { textContent: "The one that this browser gave counts no more: it was revoked. What is drawn stays; nothing new is shown until another one is given." }),
      element("p", {}, token, send, element("button", { type: "button", textContent: "Later", onclick: () => this.box.close() })), told,
      element("p", { className: "about", textContent: "Whoever runs this bridge makes one: sisock-http token add NAME" }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        await introduce(token.value.trim());
        this.close();
        this.taken();
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        told.hidden = false;
        told.textContent = error.status === 401 ? "That token is none that counts here." : error.message;
        token.select();
      } finally {
        send.disabled = false;
      }
    });
    this.box = element("dialog", { className: "form", ariaLabel: "Token" }, form);
    this.box.addEventListener("close", ({ target }) => {
      target.remove();
      this.box = null;
    });
    document.body.append(this.box);
    this.box.showModal();
    token.focus();
  }

  /** Somebody is let in. */
  close() {
    this.box?.close();
  }
}
