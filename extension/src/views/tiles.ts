import { h, setText } from "../element";
import * as format from "../format";
import { best, current } from "../metrics";
import type { Metric } from "../protocol";
import type { RunStore } from "../store";
import type { Part } from "./part";
import { swatch } from "./swatch";

/** A row of tiles, one for each metric: its current value, and its best one with where it was reached. */
export function tiles(store: RunStore): Part {
  const node = h("ul", { class: "nbk-tiles", "aria-label": "Metrics" });
  const made: ReturnType<typeof tile>[] = [];
  return {
    node,
    update() {
      const metrics = store.run?.metrics ?? [];
      metrics.forEach((metric, i) => {
        let one = made[i];
        if (!one) {
          one = tile(metric, swatch(metrics, i));
          made.push(one);
          node.append(one.node);
        }
        one.show(store, i);
      });
      node.hidden = metrics.length === 0;
    },
  };
}

function tile(metric: Metric, mark: Node) {
  const value = h("span", { class: "nbk-value" });
  const bestValue = h("span");
  const bestPlace = h("span");
  const name = h(
    "span",
    { class: "nbk-metric" },
    mark,
    h("span", { class: "nbk-ellipsis", title: metric.name }, metric.name),
  );
  const node = h("li", { class: "nbk-tile" }, name, value, h("span", { class: "nbk-best" }, bestValue, " ", bestPlace));
  return {
    node,
    show(store: RunStore, index: number) {
      const now = current(store, index);
      setText(value, format.value(now));
      value.toggleAttribute("data-odd", now !== undefined && !Number.isFinite(now));
      const top = best(store, index);
      const sought = metric.best && (top || store.run?.kind !== "evaluate");
      setText(bestValue, sought ? `best ${format.value(top?.value)}` : "");
      setText(bestPlace, top ? `${top.axis} ${format.place(top.at)}` : "");
    },
  };
}
