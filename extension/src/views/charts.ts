import { h, setAttribute } from "../element";
import type { Axis } from "../protocol";
import type { RunStore } from "../store";
import { Chart } from "./chart";
import { groups } from "./curves";
import type { Part } from "./part";

let views = 0;

/** One chart for each group of metrics, and the switch of their common axis. */
export function charts(store: RunStore, signal: AbortSignal): Part & { repaint(): void } {
  const syncKey = `nbkeras-${++views}`;
  const made = new Map<string, Chart>();
  const byEpoch = h("button", { type: "button", class: "nbk-button" }, "Epochs");
  const byStep = h("button", { type: "button", class: "nbk-button" }, "Steps");
  const axes = h("div", { class: "nbk-switch", role: "group", "aria-label": "Horizontal axis" }, byEpoch, byStep);
  const grid = h("div", { class: "nbk-charts" });
  const node = h("div", { class: "nbk-chart-area" }, axes, grid);
  let axis: Axis | null = null;

  const choose = (to: Axis) => {
    axis = to;
    update();
  };
  byEpoch.addEventListener("click", () => choose("epoch"), { signal });
  byStep.addEventListener("click", () => choose("step"), { signal });

  function update() {
    const run = store.run;
    node.hidden = !run || run.kind === "evaluate" || run.kind === "predict" || run.metrics.length === 0;
    if (node.hidden) return;
    // Chosen once: a run that has epochs to show opens by epoch; one in its first goes by step until somebody says else.
    axis ??= (run?.metrics ?? []).some((_, i) => (store.points(i, "epoch")?.length ?? 0) > 1) ? "epoch" : "step";
    setAttribute(byEpoch, "aria-pressed", String(axis === "epoch"));
    setAttribute(byStep, "aria-pressed", String(axis === "step"));
    for (const group of groups(store)) {
      let chart = made.get(group);
      if (!chart) {
        chart = new Chart(store, group, syncKey, signal);
        made.set(group, chart);
        grid.append(chart.node);
      }
      chart.update(axis);
    }
  }
  return {
    node,
    update,
    repaint() {
      for (const chart of made.values()) chart.repaint();
    },
  };
}
