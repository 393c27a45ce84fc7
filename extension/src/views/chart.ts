import type uPlot from "uplot";
import { h, setAttribute, setText } from "../element";
import * as format from "../format";
import { epochScale } from "../metrics";
import type { Axis } from "../protocol";
import type { RunStore } from "../store";
import { type ChartColors, chartColors } from "../theme";
import { cursorKeys } from "./cursor-keys";
import { curves, nearest } from "./curves";
import { legend } from "./legend";
import { type Mark, markWords } from "./marks";
import { HEIGHT, makePlot, plotData } from "./plot";

/** The chart of one group of metrics: title, legend with values, log switch, and a plot with a cursor for mouse and keys. */
export class Chart {
  readonly node: HTMLElement;
  private readonly at = h("span", { class: "nbk-muted nbk-at" });
  private readonly log = h("button", { type: "button", class: "nbk-button nbk-log", "aria-pressed": "false" }, "log");
  private readonly target: HTMLElement;
  private readonly legend: ReturnType<typeof legend>;
  private readonly words: ReturnType<typeof markWords>;
  private plot: uPlot | null = null;
  private shape = "";
  private drawn = "";
  private axis: Axis = "step";
  private colors: ChartColors | null = null;

  constructor(
    private readonly store: RunStore,
    private readonly group: string,
    private readonly syncKey: string,
    signal: AbortSignal,
  ) {
    this.target = h("div", {
      class: "nbk-plot",
      tabindex: "0",
      role: "slider",
      "aria-label": `${group}: cursor`,
      "aria-orientation": "horizontal",
      "data-lm-suppress-shortcuts": "true",
    });
    this.target.style.height = `${HEIGHT}px`;
    this.log.setAttribute("aria-label", `Log scale for ${group}`);
    this.legend = legend();
    this.words = markWords(this.target, signal);
    const title = h("span", { class: "nbk-group" }, group);
    const caption = h(
      "figcaption",
      {},
      h("div", { class: "nbk-chart-head" }, title, this.at, this.log),
      this.legend.node,
    );
    this.node = h("figure", { class: "nbk-chart" }, caption, this.target);

    this.log.addEventListener("click", () => this.toggleLog(), { signal });
    cursorKeys(this.target, () => this.plot, signal);
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.target);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.plot?.destroy();
    });
  }

  update(axis: Axis): void {
    this.axis = axis;
    const drawn = `${axis} ${this.store.version}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const lines = this.curves();
    const shape = lines.map(({ metric }) => metric.name).join("\n");
    if (!this.plot || shape !== this.shape) this.rebuild(shape);
    else this.plot.setData(plotData(this.source()));
    this.read(this.cursorX());
  }

  /** Draws again with the colours that hold now. */
  repaint(): void {
    this.colors = null;
    this.plot?.redraw(false, true);
  }

  private curves() {
    return curves(this.store, this.group, this.axis);
  }

  private rebuild(shape = this.shape): void {
    this.shape = shape;
    this.plot?.destroy();
    this.plot = makePlot(this.target, this.source());
  }

  private source() {
    return {
      curves: () => this.curves(),
      colors: () => this.paint(),
      marks: (plot: uPlot) => {
        this.words.place(plot, this.marks(), this.paint().font);
        return this.words.lines;
      },
      log: this.log.getAttribute("aria-pressed") === "true",
      syncKey: this.syncKey,
      onCursor: (x: number | null) => this.read(x),
    };
  }

  private paint(): ChartColors {
    return (this.colors ??= chartColors(this.node));
  }

  private marks(): Mark[] {
    const events = this.store.run?.events ?? [];
    const scale = epochScale(this.store);
    return events.map(({ step, text }) => ({ x: this.axis === "step" ? step : scale.epochs(step), text }));
  }

  private toggleLog(): void {
    const on = this.log.getAttribute("aria-pressed") === "true";
    setAttribute(this.log, "aria-pressed", String(!on));
    this.rebuild();
    this.read(null);
  }

  private resize(): void {
    const width = this.target.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  private cursorX(): number | null {
    const left = this.plot?.cursor.left ?? -1;
    return this.plot && left >= 0 ? this.plot.posToVal(left, "x") : null;
  }

  /** Shows the values at x, or the latest without one. */
  private read(x: number | null): void {
    const lines = this.curves();
    const ends = lines.flatMap((line) => (line.x.length ? [line.x.at(-1) as number] : []));
    const at = x ?? Number.POSITIVE_INFINITY;
    const near = lines.flatMap((line) => line.x[nearest(line.x, at)] ?? []).sort((a, b) => a - b);
    const place = near[nearest(near, at)] ?? 0;
    const where = ends.length ? `${this.axis} ${format.count(place)}` : "no data yet";
    setText(this.at, where);
    const texts = this.legend.show(this.store.run?.metrics ?? [], lines, x);
    const looked = this.target.matches(":hover, :focus");
    const left = x === null ? null : (this.plot?.valToPos(x, "x") ?? null);
    const marked = this.words.read(left, looked);
    setAttribute(this.target, "aria-valuemin", String(Math.min(0, ...lines.map((line) => line.x[0] ?? 0))));
    setAttribute(this.target, "aria-valuemax", String(Math.max(0, ...ends)));
    setAttribute(this.target, "aria-valuenow", String(place));
    setAttribute(this.target, "aria-valuetext", [where, ...texts, ...marked].join(", "));
  }
}
