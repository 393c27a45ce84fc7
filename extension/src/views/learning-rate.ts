import type { Commands } from "../control/commands";
import { h, setAttribute } from "../element";
import * as format from "../format";
import type { RunStore } from "../store";
import type { Part } from "./part";

/** The learning rate: shows the current one, and sets what is typed on Enter or by the button; Escape takes it back. */
export function learningRate(store: RunStore, commands: Commands, signal: AbortSignal): Part {
  const input = h("input", {
    class: "nbk-rate-input",
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Learning rate",
    "data-lm-suppress-shortcuts": "true",
  });
  const set = h("button", { type: "button", class: "nbk-button", "aria-label": "Set learning rate" }, "Set");
  const label = h("span", { class: "nbk-rate-label", "aria-hidden": "true" }, "Learning rate");
  // No form: front ends that show outputs in a sandbox do not let forms be sent.
  const node = h("div", { class: "nbk-rate" }, label, input, set);
  let shown = "";
  let sent = false;

  const edited = () => input.value.trim() !== shown;
  const check = () => {
    const wrong = edited() && !(Number(input.value) > 0 && Number.isFinite(Number(input.value)));
    input.setCustomValidity(wrong ? `Expected a number above 0, received ${JSON.stringify(input.value)}.` : "");
    setAttribute(input, "aria-invalid", wrong ? "true" : null);
    setAttribute(set, "aria-disabled", edited() && !wrong && !sent && commands.available ? null : "true");
  };
  const send = () => {
    check();
    if (!input.reportValidity() || set.hasAttribute("aria-disabled")) return;
    sent = true;
    commands.setLearningRate(Number(input.value));
    check();
  };
  const restore = () => {
    input.value = shown;
    sent = false;
    check();
  };
  const onKey = ({ key }: KeyboardEvent) => {
    if (key === "Enter") send();
    if (key === "Escape") restore();
  };
  const onInput = () => {
    sent = false;
    check();
  };
  input.addEventListener("keydown", onKey, { signal });
  input.addEventListener("input", onInput, { signal });
  set.addEventListener("click", send, { signal });

  return {
    node,
    update() {
      const rate = format.rate(store.progress?.learning_rate ?? Number.NaN);
      // What somebody is typing stays theirs until the run has taken it, or they take it back.
      const theirs = edited() && !sent;
      if (rate !== shown) {
        shown = rate;
        if (!theirs) restore();
      }
      input.disabled = !commands.available;
      check();
    },
  };
}
