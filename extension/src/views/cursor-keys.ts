import type uPlot from "uplot";
import { nearest } from "./curves";

const PAGE = 10;

/** uPlot's own, with the argument that its types leave out: whether the charts in step with this one follow. */
type SetCursor = (position: { left: number; top: number }, fire: boolean, publish: boolean) => void;

/** Moves a plot's cursor from point to point by the arrow keys, Home, End and Page keys; Escape takes it away. */
export function cursorKeys(target: HTMLElement, plot: () => uPlot | null, signal: AbortSignal): void {
  const show = (index: number) => {
    const chart = plot();
    const x = chart?.data[0];
    if (!chart || !x?.length) return;
    const at = x[Math.max(0, Math.min(index, x.length - 1))] as number;
    move(chart, chart.valToPos(at, "x"));
  };
  const hide = () => move(plot(), -10);

  target.addEventListener(
    "keydown",
    (event) => {
      const chart = plot();
      const x = (chart?.data[0] ?? []) as number[];
      const left = chart?.cursor.left ?? -1;
      const now = chart && left >= 0 ? nearest(x, chart.posToVal(left, "x")) : x.length;
      const moves: Record<string, () => void> = {
        ArrowLeft: () => show(now - 1),
        ArrowRight: () => show(now + 1),
        PageUp: () => show(now - PAGE),
        PageDown: () => show(now + PAGE),
        Home: () => show(0),
        End: () => show(x.length - 1),
        Escape: hide,
      };
      const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    { signal },
  );
  target.addEventListener("blur", hide, { signal });
}

function move(chart: uPlot | null, left: number): void {
  (chart?.setCursor as SetCursor | undefined)?.({ left, top: left < 0 ? left : 1 }, true, true);
}
