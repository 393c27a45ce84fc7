import type { Commands } from "../control/commands";
import { h, setAttribute, setText } from "../element";
import { isActive, type RunInfo, type Status } from "../protocol";
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

/** What the head says of a run: its status and why, or that the page does not know. */
function said({ link, run }: RunStore): [mark: string, word: string, reason: string] {
  const { status, reason } = run as RunInfo;
  if (!isActive(status) || link === "live" || link === "ended") return [status, WORDS[status], reason];
  if (link === "waiting") return ["waiting", WORDS[status], "waiting for the kernel…"];
  return ["lost", "Not live", "this kernel no longer has the run: %monitor shows how it ended"];
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
      if (!store.run) return;
      const [mark, statusText, reasonText] = said(store);
      setText(name, store.run.name);
      setText(word, statusText);
      setText(reason, reasonText);
      setAttribute(dot, "data-status", mark);
      buttons.update();
    },
  };
}
