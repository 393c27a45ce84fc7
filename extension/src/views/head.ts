import type { Commands } from "../control/commands";
import { h, setText } from "../element";
import type { Status } from "../protocol";
import type { RunStore } from "../store";
import { controls } from "./controls";
import type { Part } from "./part";

const WORDS: Record<Status, string> = {
  running: "Running",
  paused: "Paused",
  finished: "Finished",
  stopped: "Stopped",
  interrupted: "Interrupted",
  failed: "Failed",
};

/** The status as a word. */
export function statusWord(status: Status): string {
  return WORDS[status];
}

/** The head row: name, status and its reason, the controls at the right. */
export function head(store: RunStore, commands: Commands, signal: AbortSignal): Part {
  const name = h("span", { class: "nbk-name" });
  const dot = h("span", { class: "nbk-dot", "aria-hidden": "true" });
  const word = h("span");
  const status = h("span", { class: "nbk-status" }, dot, word);
  const reason = h("span", { class: "nbk-reason" });
  const buttons = controls(store, commands, signal);
  const node = h("div", { class: "nbk-head" }, h("div", { class: "nbk-title" }, name, status, reason), buttons.node);
  return {
    node,
    update() {
      const run = store.run;
      if (!run) return;
      const waiting = store.active && store.link === "waiting";
      setText(name, run.name);
      setText(word, statusWord(run.status));
      setText(reason, waiting ? "waiting for the kernel…" : run.reason);
      dot.dataset.status = waiting ? "waiting" : run.status;
      buttons.update();
    },
  };
}
