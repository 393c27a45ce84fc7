import { epochScale } from "../metrics";
import type { Axis, Metric } from "../protocol";
import type { RunStore } from "../store";
import { colorIndex } from "./swatch";

/** One line of a chart: the points of a metric along the chart's axis. */
export interface Curve {
  metric: Metric;
  color: number;
  x: number[];
  y: number[];
}

/** The groups of the run's metrics, in order of appearance: one chart each. */
export function groups(store: RunStore): string[] {
  return [...new Set((store.run?.metrics ?? []).map(({ group }) => group))];
}

/** The curves of a group; by step, a metric that is known by epoch alone is drawn at the steps where its epochs ended. */
export function curves(store: RunStore, group: string, axis: Axis): Curve[] {
  const metrics = store.run?.metrics ?? [];
  const scale = epochScale(store);
  return metrics.flatMap((metric, i) => {
    if (metric.group !== group) return [];
    const color = colorIndex(metrics, i);
    const own = store.points(i, axis);
    if (own?.length || axis === "epoch") return [{ metric, color, x: own?.x ?? [], y: own?.y ?? [] }];
    const epochs = store.points(i, "epoch");
    const x = (epochs?.x ?? []).map((epoch) => scale.end(epoch));
    const known = x.every(Number.isFinite);
    return [{ metric, color, x: known ? x : [], y: known ? (epochs?.y ?? []) : [] }];
  });
}

/** The index of the x nearest to `at` in a rising list, or -1. */
export function nearest(x: readonly number[], at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) <= at) low = middle;
    else high = middle;
  }
  return at - (x[low] as number) > (x[high] as number) - at ? high : low;
}

/** Values as the chart can place them: null where there is no place, on a log scale for zero and below too. */
export function placeable(y: readonly number[], log: boolean): (number | null)[] {
  return y.map((value) => (Number.isFinite(value) && (!log || value > 0) ? value : null));
}
