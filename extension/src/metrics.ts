/** What is read off a run's series: the current and the best value of a metric, and steps told as epochs. */

import type { RunStore } from "./store";

export interface Best {
  value: number;
  /** Where it was reached: the number of the epoch or of the step. */
  at: number;
  axis: "epoch" | "step";
}

/** How epochs lie on the steps of a run, which count from its own beginning: with initial_epoch, its first epoch is no 1. */
export interface EpochScale {
  /** The step at which an epoch ended, NaN while the length of an epoch is not known. */
  end(epoch: number): number;
  /** How many epochs a step makes; the other way round. */
  epochs(step: number): number;
}

/** The scale that the run's progress tells. */
export function epochScale({ progress }: RunStore): EpochScale {
  const { steps, done, step, epoch } = progress ?? { steps: Number.NaN, done: 0, step: 0, epoch: 0 };
  const guess = (done - step) / (epoch - 1);
  const per = steps > 0 ? steps : guess > 0 && Number.isFinite(guess) ? guess : Number.NaN;
  // Where epoch 0 would have ended: before the run's beginning when it began with a later epoch.
  const origin = epoch >= 1 ? done - step - per * (epoch - 1) : 0;
  return {
    end: (number) => origin + per * number,
    epochs: (at) => (at - origin) / per,
  };
}

/** The latest value of a metric, by step or by epoch, whichever is newer; undefined before the first. */
export function current(store: RunStore, metric: number): number | undefined {
  const steps = store.points(metric, "step");
  const epochs = store.points(metric, "epoch");
  if (!steps?.length) return epochs?.y.at(-1);
  if (!epochs?.length) return steps.y.at(-1);
  return steps.end > epochScale(store).end(epochs.end) ? steps.y.at(-1) : epochs.y.at(-1);
}

/** The best value over the epochs, or over the steps while no epoch has ended; NaN and infinities do not count. */
export function best(store: RunStore, metric: number): Best | undefined {
  const direction = store.run?.metrics[metric]?.best;
  if (!direction) return undefined;
  const sign = direction === "max" ? -1 : 1;
  const axis = store.points(metric, "epoch")?.length ? "epoch" : "step";
  // The steps of an evaluation say the mean so far: the best of them would be that of the fewest batches.
  if (axis === "step" && store.run?.kind === "evaluate") return undefined;
  const series = store.points(metric, axis);
  let found: Best | undefined;
  series?.y.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (!found || sign * value < sign * found.value) found = { value, at: series.x[i] as number, axis };
  });
  return found;
}
