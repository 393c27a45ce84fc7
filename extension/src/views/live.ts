import { h, setText } from "../element";
import * as format from "../format";
import { isActive } from "../protocol";
import type { RunStore } from "../store";
import { statusWord } from "./head";
import type { Part } from "./part";

const QUIET_MS = 3000;

/** The one region that screen readers speak by themselves: at the ends of epochs and when the status changes. */
export function live(store: RunStore): Part {
  const node = h("div", { class: "nbk-hidden", "aria-live": "polite" });
  let status = "";
  let epoch = Number.NaN;
  let spoken = Number.NEGATIVE_INFINITY;
  return {
    node,
    update() {
      const run = store.run;
      if (!run) return;
      const ended = lastEpoch(store);
      const first = status === "";
      if (run.status !== status) {
        status = run.status;
        const reason = run.reason ? `: ${run.reason}` : "";
        // A run that was over before the page showed it is no news.
        if (!first || isActive(run.status)) setText(node, `${run.name}: ${statusWord(run.status)}${reason}.`);
        spoken = performance.now();
      } else if (ended !== epoch && !first && performance.now() - spoken > QUIET_MS) {
        setText(node, epochText(store, ended));
        spoken = performance.now();
        epoch = ended;
      }
      if (first) epoch = ended;
    },
  };
}

function lastEpoch(store: RunStore): number {
  const ends = (store.run?.metrics ?? []).map((_, i) => store.points(i, "epoch")?.end ?? 0);
  return Math.max(0, ...ends);
}

function epochText(store: RunStore, epoch: number): string {
  const values = (store.run?.metrics ?? []).flatMap(({ name }, i) => {
    const series = store.points(i, "epoch");
    return series?.end === epoch ? [`${name} ${format.value(series.y.at(-1))}`] : [];
  });
  const epochs = store.progress?.epochs ?? Number.NaN;
  return `Epoch ${epoch}${epochs > 0 ? ` of ${epochs}` : ""}: ${values.join(", ")}.`;
}
