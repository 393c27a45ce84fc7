import type { Commands } from "../control/commands";
import { h, setAttribute } from "../element";
import * as format from "../format";
import type { RunStore } from "../store";
import type { Part } from "./part";

/** The learning rate: shows the current one, and sets what is typed on Enter. */
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
  const set = h("button", { type: "submit", class: "nbk-button" }, "Set");
  const label = h("span", { class: "nbk-rate-label", "aria-hidden": "true" }, "Learning rate");
  const node = h("form", { class: "nbk-rate", novalidate: true }, label, input, set);
  let shown = "";

  const edited = () => input.value.trim() !== shown;
  const check = () => {
    const wrong = edited() && !(Number(input.value) > 0 && Number.isFinite(Number(input.value)));
    input.setCustomValidity(wrong ? `Expected a number above 0, received ${JSON.stringify(input.value)}.` : "");
    setAttribute(input, "aria-invalid", wrong ? "true" : null);
    setAttribute(set, "aria-disabled", edited() && !wrong && commands.available ? null : "true");
  };
  const restore = () => {
    input.value = shown;
    check();
  };
  input.addEventListener("input", check, { signal });
  input.addEventListener("keydown", (event) => event.key === "Escape" && restore(), { signal });
  node.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      check();
      if (!input.reportValidity() || !edited() || !commands.available) return;
      shown = input.value.trim();
      commands.setLearningRate(Number(shown));
      check();
    },
    { signal },
  );

  return {
    node,
    update() {
      const rate = format.rate(store.progress?.learning_rate ?? Number.NaN);
      // What somebody is typing is theirs until they send it or leave it as it was.
      if (rate !== shown && (!edited() || document.activeElement !== input)) {
        shown = rate;
        input.value = rate;
      }
      input.disabled = !commands.available;
      check();
    },
  };
}
