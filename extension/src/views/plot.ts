import uPlot from "uplot";
import * as format from "../format";
import type { ChartColors } from "../theme";
import { type Curve, placeable } from "./curves";
import { LANE } from "./marks";
import { dashOf } from "./swatch";

export const HEIGHT = 178;

export interface PlotSource {
  curves(): Curve[];
  colors(): ChartColors;
  /** Where the run's events are, in pixels from the left edge of the curves, drawn as thin upright lines. */
  marks(plot: uPlot): number[];
  log: boolean;
  syncKey: string;
  onCursor(x: number | null): void;
}

/** Makes a uPlot that draws the curves of the source, with the colours that it has at the time of each drawing. */
export function makePlot(target: HTMLElement, source: PlotSource): uPlot {
  const text = () => source.colors().text;
  const axis = {
    stroke: text,
    font: source.colors().font,
    grid: { stroke: () => source.colors().grid, width: 1 },
    ticks: { show: false },
    values: (_: uPlot, splits: number[]) => splits.map((split) => (split === null ? "" : format.tick(split))),
  };
  const options: uPlot.Options = {
    width: Math.max(target.clientWidth, 120),
    height: HEIGHT,
    padding: [LANE, 10, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: (_, min, max) => (min === max ? [min - 1, max + 1] : [min, max]) },
      y: { distr: source.log ? 3 : 1, range: source.log ? logRange : linearRange },
    },
    axes: [
      { ...axis, size: 24, gap: 4, space: 48, incrs: WHOLE },
      { ...axis, size: 46, gap: 4, space: 26 },
    ],
    series: [{}, ...source.curves().map((curve) => line(curve, source))],
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      points: { size: 7 },
      dataIdx: nearestValue,
      sync: { key: source.syncKey, scales: ["x", null] },
    },
    hooks: {
      setCursor: [({ cursor: { left = -1 }, posToVal }) => source.onCursor(left < 0 ? null : posToVal(left, "x"))],
      drawAxes: [(plot) => drawMarks(plot, source)],
      draw: [(plot) => drawOddValues(plot, source)],
    },
  };
  return new uPlot(options, plotData(source), target);
}

/** The curves as uPlot takes them: one common x, undefined where a curve has no point, null where it has no place. */
export function plotData(source: PlotSource): uPlot.AlignedData {
  const tables = source.curves().map(({ x, y }): uPlot.AlignedData => [x, placeable(y, source.log)]);
  return tables.length ? uPlot.join(tables) : [[]];
}

const WHOLE = [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, power) => n * 10 ** power)).sort((a, b) => a - b);

function line(curve: Curve, source: PlotSource): uPlot.Series {
  const stroke = () => source.colors().series[curve.color] ?? source.colors().text;
  return { stroke, width: 1.5, dash: dashOf(curve.metric), points: { show: isSparse, size: 4, fill: stroke, stroke } };
}

/** Whether a curve has so few points that each may be marked. */
function isSparse({ data, bbox }: uPlot, series: number): boolean {
  const placed = (data[series] ?? []).filter((value) => value != null).length;
  return placed * 14 * uPlot.pxRatio < bbox.width;
}

function linearRange(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  return min === null || max === null ? [0, 1] : uPlot.rangeNum(min, max, 0.1, true);
}

function logRange(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null || min <= 0) return [0.1, 1];
  // To the next number of one digit, and at least a factor of two apart.
  const low = Math.floor(min / magnitude(min)) * magnitude(min);
  const high = Math.ceil(max / magnitude(max)) * magnitude(max);
  return [low, Math.max(high, 2 * low)];
}

function magnitude(x: number): number {
  return 10 ** Math.floor(Math.log10(x));
}

/** The curves have points at different x: each shows the one of its own that is nearest to the cursor. */
function nearestValue(plot: uPlot, series: number, index: number, at: number): number {
  const x = plot.data[0];
  const y = plot.data[series] ?? [];
  let [left, right] = [index, index];
  while (left >= 0 && y[left] == null) left--;
  while (right < y.length && y[right] == null) right++;
  if (left < 0) return right < y.length ? right : index;
  if (right >= y.length) return left;
  return at - (x[left] as number) <= (x[right] as number) - at ? left : right;
}

function drawMarks(plot: uPlot, source: PlotSource): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = source.colors().text;
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([1, 3].map((n) => n * uPlot.pxRatio));
  ctx.beginPath();
  for (const at of source.marks(plot)) {
    const left = Math.round(bbox.left + at * uPlot.pxRatio) + 0.5;
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}

/** NaN and the infinities have no place on the axis: a cross at the upper edge says that they were there. */
function drawOddValues({ ctx, bbox, valToPos }: uPlot, source: PlotSource): void {
  const size = 3 * uPlot.pxRatio;
  ctx.save();
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  for (const { x, y, color } of source.curves()) {
    ctx.strokeStyle = source.colors().series[color] ?? source.colors().text;
    ctx.beginPath();
    y.forEach((value, i) => {
      if (Number.isFinite(value)) return;
      const left = valToPos(x[i] as number, "x", true);
      const top = bbox.top + 2 * size;
      ctx.moveTo(left - size, top - size);
      ctx.lineTo(left + size, top + size);
      ctx.moveTo(left - size, top + size);
      ctx.lineTo(left + size, top - size);
    });
    ctx.stroke();
  }
  ctx.restore();
}
