import { decimate } from "./decimate";

const LIMIT = 2000;

/** A stretch of x, ends excluded, in which points may be missing. */
interface Hole {
  from: number;
  to: number;
}

/**
 * The points of one metric along one axis, x rising, at most 2,000 of them.
 *
 * It knows where points are missing (at first: everywhere), because a sketch may fill those places and no others.
 */
export class Series {
  readonly x: number[] = [];
  readonly y: number[] = [];
  private holes: Hole[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

  /** Puts the whole picture in place of what was known. */
  replace(x: ArrayLike<number>, y: ArrayLike<number>): void {
    this.x.length = 0;
    this.y.length = 0;
    this.holes = [];
    this.append(x, y);
  }

  /** Adds what comes after the last point; what is already known is dropped. */
  append(x: ArrayLike<number>, y: ArrayLike<number>): void {
    for (let i = 0; i < x.length; i++) {
      const at = x[i] as number;
      if (at <= this.end) continue;
      const open = this.holes.at(-1);
      if (open?.to === Number.POSITIVE_INFINITY) open.to = at;
      this.x.push(at);
      this.y.push(y[i] as number);
    }
    this.thin();
  }

  /** Notes that points may be missing after the last one. */
  lose(): void {
    if (this.holes.at(-1)?.to === Number.POSITIVE_INFINITY) return;
    this.holes.push({ from: this.end, to: Number.POSITIVE_INFINITY });
  }

  /** Takes from a sketch the points that fall into a hole. */
  fill(x: ArrayLike<number>, y: ArrayLike<number>): void {
    for (const { from, to } of this.holes) {
      const inside = Array.from(x).flatMap((at, i) => (at > from && at < to ? [i] : []));
      const next = this.x.findIndex((at) => at >= to);
      const place = next < 0 ? this.x.length : next;
      this.x.splice(place, 0, ...inside.map((i) => x[i] as number));
      this.y.splice(place, 0, ...inside.map((i) => y[i] as number));
    }
    this.holes = [];
    this.thin();
  }

  get length(): number {
    return this.x.length;
  }

  /** The last x, or -Infinity. */
  get end(): number {
    return this.x.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  private thin(): void {
    if (this.x.length > LIMIT) decimate(this.x, this.y, LIMIT / 2);
  }
}
