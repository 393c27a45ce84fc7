import uPlot from "uplot";
import { h, setText } from "../element";

/** Something that happened to the run, and where: its x on the chart's axis. */
export interface Mark {
  x: number;
  text: string;
}

/** Marks so close that their lines are one; `at` in pixels from the left edge of the curves. */
export interface Spot {
  at: number;
  texts: string[];
}

/** Height of the row of labels above the curves. */
export const LANE = 16;

const ONE_LINE = 3;
const NEAR = 5;
const GAP = 6;
const SHORT = 20;

/** What stands above a mark's line, the longest first: the text up to its first colon, or two words of it. */
export function labels({ texts }: Spot): string[] {
  const whole = texts.map((text) => text.split(":", 1)[0]).join(", ");
  // Cut anywhere else, it could lose a digit.
  const short = whole.split(/\s+/).slice(0, 2).join(" ");
  const said = short.length > SHORT ? `${short.slice(0, SHORT)}…` : short;
  return said === whole ? [whole] : [whole, said];
}

/** Where the marks' lines are, from left to right; what happened outside of what is drawn stands at its edge. */
export function spots(marks: readonly Mark[], place: (x: number) => number, width: number): Spot[] {
  const found: Spot[] = [];
  const placed = marks.map(({ x, text }) => ({ at: Math.min(width, Math.max(0, place(x))), text }));
  for (const { at, text } of placed.filter((mark) => Number.isFinite(mark.at)).sort((a, b) => a.at - b.at)) {
    const last = found.at(-1);
    if (!last || at - last.at > ONE_LINE) found.push({ at, texts: [text] });
    else if (!last.texts.includes(text)) last.texts.push(text);
  }
  return found;
}

/**
 * Where labels go, each from its line on to the right and never over the next one, and which of its forms fits there.
 *
 * The last one, which is at the right edge when it is new, may stand over its own line, and if need be over others. One
 * without room is left out (null).
 */
export function rooms(
  lines: readonly { at: number; widths: readonly number[] }[],
  width: number,
): ({ left: number; form: number } | null)[] {
  const placed: ({ left: number; form: number } | null)[] = [];
  let limit = width;
  for (let i = lines.length - 1; i >= 0; i--) {
    const { at, widths } = lines[i] as (typeof lines)[number];
    const before = i > 0 ? (lines[i - 1]?.at as number) + GAP : 0;
    const places = widths.map((each, form) => ({ left: Math.min(at, limit - each), form }));
    const last = limit === width;
    const place =
      places.find(({ left }) => left === at || (last && left >= before)) ??
      places.reverse().find(({ left }) => last && left >= 0) ??
      null;
    placed.unshift(place);
    if (place) limit = place.left - GAP;
  }
  return placed;
}

/** The words of a chart's marks: a label above each line, and the whole text where somebody points. */
export function markWords(target: HTMLElement, signal: AbortSignal) {
  const lane = h("div", { class: "nbk-marks", "aria-hidden": "true" });
  const whole = h("div", { class: "nbk-mark-text", "aria-hidden": "true", hidden: true });
  target.append(lane, whole);
  let found: Spot[] = [];
  let origin = 0;
  let pointed = -1;
  let read: Spot | undefined;

  function tell() {
    const spot = found[pointed] ?? read;
    whole.hidden = !spot;
    if (!spot) return;
    setText(whole, spot.texts.join("\n"));
    const room = target.clientWidth;
    const at = origin + spot.at;
    const right = at > room / 2;
    whole.style.left = right ? "" : `${at + 4}px`;
    whole.style.right = right ? `${room - at + 4}px` : "";
    whole.style.maxWidth = `${(right ? at : room - at) - 8}px`;
  }
  const onPoint = ({ target: over }: Event) => {
    pointed = [...lane.children].indexOf(over as Element);
    tell();
  };
  lane.addEventListener("pointerover", onPoint, { signal });
  lane.addEventListener(
    "pointerleave",
    () => {
      pointed = -1;
      tell();
    },
    { signal },
  );

  return {
    /** Finds the lines of the marks in a plot that is being drawn, and puts the labels above them. */
    place(plot: uPlot, marks: readonly Mark[], font: string): void {
      const { ctx, bbox } = plot;
      const width = bbox.width / uPlot.pxRatio;
      origin = bbox.left / uPlot.pxRatio;
      found = spots(marks, (x) => plot.valToPos(x, "x"), width);
      ctx.save();
      ctx.font = font;
      const forms = found.map(labels);
      const lines = found.map(({ at }, i) => {
        const widths = (forms[i] as string[]).map((form) => Math.ceil(ctx.measureText(form).width) + 1);
        return { at, widths };
      });
      ctx.restore();
      const places = rooms(lines, width);
      while (lane.children.length > found.length) lane.lastElementChild?.remove();
      places.forEach((place, i) => {
        const node = (lane.children[i] ?? lane.appendChild(h("span"))) as HTMLElement;
        node.hidden = !place;
        setText(node, forms[i]?.[place?.form ?? 0] ?? "");
        node.style.left = `${origin + (place?.left ?? 0)}px`;
      });
      if (!whole.hidden) tell();
    },
    /** Where the lines are, in pixels from the left edge of the curves. */
    get lines(): number[] {
      return found.map(({ at }) => at);
    },
    /** Returns what is marked where the cursor is, and shows it if that is what somebody looks at. */
    read(left: number | null, shown: boolean): string[] {
      const away = ({ at }: Spot) => (left === null ? Number.POSITIVE_INFINITY : Math.abs(at - left));
      const [near] = found.filter((spot) => away(spot) <= NEAR).sort((a, b) => away(a) - away(b));
      read = shown ? near : undefined;
      tell();
      return near?.texts ?? [];
    },
  };
}
