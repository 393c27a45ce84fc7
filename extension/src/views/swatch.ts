import { svg } from "../element";
import type { Metric } from "../protocol";

export const COLORS = 6;

/** The place of a metric's colour in the palette: its place among the metrics of its group, the same in every view. */
export function colorIndex(metrics: Metric[], index: number): number {
  const group = metrics[index]?.group;
  return metrics.slice(0, index).filter((metric) => metric.group === group).length % COLORS;
}

/** Validation is dashed, so that colour is never the only difference. */
export function dashOf(metric: Metric): number[] {
  return metric.split === "validation" ? [5, 3] : [];
}

/** A short stroke as the metric's curve has it. */
export function swatch(metrics: Metric[], index: number): SVGElement {
  const line = svg("path", {
    d: "M0 4h18",
    "stroke-width": "2",
    "stroke-dasharray": dashOf(metrics[index] as Metric).join(" "),
    style: `stroke: var(--nbk-series-${colorIndex(metrics, index) + 1})`,
  });
  return svg("svg", { viewBox: "0 0 18 8", width: "18", height: "8", class: "nbk-swatch" }, line);
}
