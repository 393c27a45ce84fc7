import type { Commands } from "../control/commands";
import { h, setText } from "../element";
import type { RunStore } from "../store";
import type { Part } from "./part";

const OWN_STOP = "To stop this run, press the notebook's own stop button (■).";

/** What nbkeras added to the run, one line each, and what to press where the controls cannot act. */
export function notes(store: RunStore, commands: Commands): Part {
  const hint = h("p", { class: "nbk-hint" });
  const list = h("ul", { class: "nbk-notes" });
  const node = h("div", { class: "nbk-lines" }, hint, list);
  return {
    node,
    update() {
      const run = store.run;
      if (!run) return;
      const text = run.controls.hint || (commands.available ? "" : OWN_STOP);
      setText(hint, text);
      hint.hidden = !(store.active && text);
      run.notes.forEach((note, i) => {
        const item = list.children[i] ?? list.appendChild(h("li"));
        setText(item, note);
      });
      list.hidden = run.notes.length === 0;
    },
  };
}
