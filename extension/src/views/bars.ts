import { h, setAttribute, setText } from "../element";
import * as format from "../format";
import type { Progress } from "../protocol";
import type { RunStore } from "../store";
import type { Part } from "./part";

// Validation that is over sooner keeps the step bar: one that changes to and fro several times a second says nothing.
const SETTLED_MS = 1000;

/** The epoch bar, and the step bar, which is validation's while that goes on. */
export function bars(store: RunStore): Part {
  const epoch = bar();
  const step = bar();
  const node = h("div", { class: "nbk-bars" }, epoch.node, step.node);
  let trained = Number.NEGATIVE_INFINITY;
  return {
    node,
    update() {
      const { run, progress } = store;
      if (!run || !progress) return;
      epoch.node.hidden = run.kind === "evaluate" || run.kind === "predict";
      epoch.show("Epoch", progress.epoch, progress.epochs, epochsDone(progress));
      if (progress.phase !== 1) trained = performance.now();
      const validates = !epoch.node.hidden && performance.now() - trained > SETTLED_MS;
      const [word, at, of] = validates
        ? (["Validation", progress.validation_step, progress.validation_steps] as const)
        : (["Step", progress.step, progress.steps] as const);
      step.show(word, at, of, at);
    },
  };
}

/** Epochs done, the one under way by its steps. */
function epochsDone({ epoch, step, steps }: Progress): number {
  const part = steps > 0 ? Math.min(1, step / steps) : 0;
  return Math.max(0, epoch - 1) + (epoch > 0 ? part : 0);
}

function bar() {
  const label = h("span", { class: "nbk-bar-label" });
  const count = h("span", { class: "nbk-bar-count" });
  const total = h("span", { class: "nbk-muted" });
  const fill = h("div", { class: "nbk-fill" });
  const track = h("div", { class: "nbk-track", role: "progressbar", "aria-valuemin": "0" }, fill);
  const node = h("div", { class: "nbk-bar" }, h("div", { class: "nbk-bar-text" }, label, count, total), track);
  return {
    node,
    show(word: string, at: number, of: number, done: number) {
      const known = of > 0;
      setText(label, word);
      setText(count, format.count(at));
      setText(total, known ? `/ ${format.count(of)}` : "");
      setAttribute(track, "aria-label", word);
      setAttribute(track, "aria-valuetext", `${word} ${format.count(at)}${known ? ` of ${format.count(of)}` : ""}`);
      setAttribute(track, "aria-valuemax", known ? String(of) : null);
      setAttribute(track, "aria-valuenow", known ? String(Math.min(done, of)) : null);
      track.toggleAttribute("data-unknown", !known);
      fill.style.width = known ? `${(100 * Math.min(done, of)) / of}%` : "0";
    },
  };
}
