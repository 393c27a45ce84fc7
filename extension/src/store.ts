import {
  type Axis,
  isActive,
  type Keyframe,
  type Message,
  type Points,
  type Progress,
  type RunInfo,
  type Tick,
} from "./protocol";
import { Series } from "./series";

/**
 * How the store stands to the kernel: it hears from it; has not heard from it yet; the kernel does not have the run; the
 * kernel itself is gone.
 */
export type Link = "live" | "waiting" | "lost" | "ended";

/**
 * What a view knows of one run, put together from keyframes and ticks in any order and with any losses.
 *
 * Its memory is bounded: at most 2,000 points for each metric and axis.
 */
export class RunStore {
  run: RunInfo | null = null;
  progress: Progress | null = null;
  link: Link = "live";
  /** Said in place of the picture when the messages cannot be read here. */
  problem = "";
  /** Goes up with every change. */
  version = 0;
  /** Called when a whole picture would help: something was missed. */
  onGap: () => void = () => {};

  private seq = -1;
  private complete = false;
  private readonly series = new Map<string, Series>();
  private readonly listeners = new Set<() => void>();

  apply(message: Message): void {
    if (message.type === "keyframe") this.applyKeyframe(message);
    else this.applyTick(message);
    this.changed();
  }

  /** The kernel is gone: a run that was still active has ended with it. */
  end(): void {
    this.link = "ended";
    if (this.run && isActive(this.run.status)) {
      this.run = { ...this.run, status: "interrupted", reason: "kernel ended" };
    }
    this.changed();
  }

  /** Says what is the matter, or that the link has changed. */
  set({ link = this.link, problem = this.problem }: { link?: Link; problem?: string }): void {
    if (link === this.link && problem === this.problem) return;
    this.link = link;
    this.problem = problem;
    this.changed();
  }

  points(metric: number, axis: Axis): Series | undefined {
    return this.series.get(`${axis} ${metric}`);
  }

  /** True while the kernel can act on a command for this run. */
  get active(): boolean {
    const reachable = this.link === "live" || this.link === "waiting";
    return reachable && this.run !== null && isActive(this.run.status);
  }

  subscribe(listener: () => void, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  private applyKeyframe(frame: Keyframe): void {
    if (this.run && this.run.id !== frame.run.id) return;
    if (frame.seq < this.seq) return;
    const missed = frame.seq > this.seq + 1;
    this.run = frame.run;
    this.progress = frame.progress;
    this.seq = frame.seq;
    if (frame.full) {
      this.series.clear();
      for (const points of frame.points) this.at(points).replace(points.x, points.y);
      this.complete = true;
      return;
    }
    if (missed) for (const series of this.series.values()) series.lose();
    for (const points of frame.points) this.at(points).fill(points.x, points.y);
    if (missed) this.complete = false;
    if (!this.complete) this.onGap();
  }

  private applyTick(tick: Tick): void {
    if (tick.seq <= this.seq) return;
    const inOrder = tick.seq === this.seq + 1;
    const known = this.run?.metrics.length ?? 0;
    if (!inOrder) for (const series of this.series.values()) series.lose();
    this.seq = tick.seq;
    this.progress = tick.progress;
    for (const points of tick.points) this.at(points).append(points.x, points.y);
    if (this.run) {
      const { status = this.run.status } = tick;
      const { events } = this.run;
      // A keyframe just before this tick may have told of them already.
      const fresh = tick.events.filter(
        (one) => !events.some(({ step, text }) => step === one.step && text === one.text),
      );
      this.run = { ...this.run, status, events: [...events, ...fresh] };
    }
    if (!inOrder) this.complete = false;
    if (!inOrder || tick.points.some(({ metric }) => metric >= known)) this.onGap();
  }

  private at({ metric, axis }: Points): Series {
    const key = `${axis} ${metric}`;
    let series = this.series.get(key);
    if (!series) this.series.set(key, (series = new Series()));
    return series;
  }

  private changed(): void {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}
