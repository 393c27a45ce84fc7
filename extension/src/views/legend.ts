import { h, setText } from "../element";
import * as format from "../format";
import type { Metric } from "../protocol";
import { type Curve, nearest } from "./curves";
import { swatch } from "./swatch";

/** The names of a chart's curves with their strokes, and their values where the cursor is. */
export function legend() {
  const node = h("div", { class: "nbk-legend" });
  const values = new Map<string, HTMLElement>();
  return {
    node,
    /** Shows the values at x, or the latest for null, and returns them as "name value". */
    show(metrics: Metric[], lines: Curve[], x: number | null): string[] {
      return lines.map(({ metric, x: xs, y }) => {
        let value = values.get(metric.name);
        if (!value) {
          value = h("span", { class: "nbk-legend-value" });
          values.set(metric.name, value);
          const name = h("span", { class: "nbk-ellipsis" }, metric.name);
          node.append(h("span", { class: "nbk-legend-item" }, swatch(metrics, metrics.indexOf(metric)), name, value));
        }
        const text = format.value(x === null ? y.at(-1) : y[nearest(xs, x)]);
        setText(value, text);
        return `${metric.name} ${text}`;
      });
    },
  };
}
