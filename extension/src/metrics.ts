/** What is read off a run's series: the current and the best value of a metric, and steps told as epochs. */

import type { RunStore } from "./store";

export interface Best {
  value: number;
  /** Where it was reached: the number of the epoch or of the step. */
  at: number;
  axis: "epoch" | "step";
}

/** Steps of one epoch as far as known, else NaN. */
export function stepsPerEpoch({ progress }: RunStore): number {
  if (!progress) return Number.NaN;
  const { steps, done, step, epoch } = progress;
  if (steps > 0) return steps;
  const before = (done - step) / (epoch - 1);
  return before > 0 && Number.isFinite(before) ? before : Number.NaN;
}

/** The latest value of a metric, by step or by epoch, whichever is newer; undefined before the first. */
export function current(store: RunStore, metric: number): number | undefined {
  const steps = store.points(metric, "step");
  const epochs = store.points(metric, "epoch");
  if (!steps?.length) return epochs?.y.at(-1);
  if (!epochs?.length) return steps.y.at(-1);
  return steps.end > epochs.end * stepsPerEpoch(store) ? steps.y.at(-1) : epochs.y.at(-1);
}

/** The best value over the epochs, or over the steps while no epoch has ended; NaN and infinities do not count. */
export function best(store: RunStore, metric: number): Best | undefined {
  const direction = store.run?.metrics[metric]?.best;
  if (!direction) return undefined;
  const sign = direction === "max" ? -1 : 1;
  const axis = store.points(metric, "epoch")?.length ? "epoch" : "step";
  const series = store.points(metric, axis);
  let found: Best | undefined;
  series?.y.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (!found || sign * value < sign * found.value) found = { value, at: series.x[i] as number, axis };
  });
  return found;
}
