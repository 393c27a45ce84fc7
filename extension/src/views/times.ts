import { h, setText } from "../element";
import * as format from "../format";
import type { Progress } from "../protocol";
import type { RunStore } from "../store";
import type { Part } from "./part";

interface Figure {
  label: string;
  /** Width that is kept free for the value, in digits. */
  width: number;
  text(progress: Progress): string;
  /** Left out while unknown: not every machine or model has it. */
  optional?: (progress: Progress) => number;
}

const FIGURES: Figure[] = [
  { label: "elapsed", width: 7, text: (p) => format.duration(p.elapsed) },
  { label: "left", width: 7, text: (p) => format.duration(p.remaining) },
  { label: "steps/s", width: 6, text: (p) => format.perSecond(p.step_rate) },
  { label: "samples/s", width: 7, text: (p) => format.perSecond(p.sample_rate), optional: (p) => p.sample_rate },
  { label: "memory", width: 7, text: (p) => format.bytes(p.memory), optional: (p) => p.memory },
  { label: "GPU memory", width: 7, text: (p) => format.bytes(p.gpu_memory), optional: (p) => p.gpu_memory },
];

/** One line of times, rates and memory under the bars. */
export function times(store: RunStore): Part {
  const node = h("ul", { class: "nbk-times" });
  const figures = FIGURES.map((figure) => {
    const value = h("span");
    value.style.minWidth = `${figure.width}ch`;
    const pair = h("li", {}, h("span", { class: "nbk-muted" }, figure.label), value);
    node.append(pair);
    return { ...figure, value, pair };
  });
  return {
    node,
    update() {
      const { progress } = store;
      if (!progress) return;
      for (const { text, optional, value, pair } of figures) {
        setText(value, text(progress));
        // What was known once stays, so that nothing moves when it is unknown for a moment.
        if (pair.dataset.known !== "true") {
          const known = !optional || Number.isFinite(optional(progress));
          pair.dataset.known = String(known);
          pair.hidden = !known;
        }
      }
    },
  };
}
