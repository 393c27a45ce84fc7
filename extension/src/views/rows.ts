import * as format from "../format";
import type { Axis } from "../protocol";
import type { RunStore } from "../store";

export interface Rows {
  axis: Axis;
  head: string[];
  /** The number of the epoch or step, then one text a metric. */
  body: [number, ...string[]][];
}

const MOST = 500;

/** The run's numbers as a table: an epoch a row, or, while no epoch has ended, a step a row. */
export function rows(store: RunStore): Rows {
  const metrics = store.run?.metrics ?? [];
  const axis: Axis = metrics.some((_, i) => store.points(i, "epoch")?.length) ? "epoch" : "step";
  const table = new Map<number, string[]>();
  metrics.forEach((_, i) => {
    const series = store.points(i, axis);
    series?.x.forEach((x, k) => {
      const row = table.get(x) ?? metrics.map(() => "");
      row[i] = format.value(series.y[k]);
      table.set(x, row);
    });
  });
  const body = [...table].sort(([a], [b]) => a - b).map(([x, row]): [number, ...string[]] => [x, ...row]);
  const every = Math.ceil(body.length / MOST);
  const thinned = body.filter((_, k) => (body.length - 1 - k) % every === 0);
  return { axis, head: metrics.map(({ name }) => name), body: thinned };
}
