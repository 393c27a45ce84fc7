import { beforeEach, describe, expect, it, vi } from "vitest";
import { best, current } from "../src/metrics";
import type { Keyframe, Tick } from "../src/protocol";
import { RunStore } from "../src/store";
import { message } from "./fixtures";

const full = () => message("keyframe_full") as Keyframe;
const sketch = () => message("keyframe_sketch") as Keyframe;
const tick = (changes: Partial<Tick> = {}) => ({ ...(message("tick") as Tick), ...changes });

let store: RunStore;
beforeEach(() => {
  store = new RunStore();
  store.onGap = vi.fn();
});

describe("RunStore", () => {
  it("draws the whole picture from a full keyframe", () => {
    store.apply(full());
    expect(store.run?.name).toBe("digits");
    expect(store.points(0, "step")?.x).toEqual([1, 2, 4, 8, 10]);
    expect(store.points(1, "step")).toBeUndefined();
    expect(store.onGap).not.toHaveBeenCalled();
  });

  it("goes on with ticks", () => {
    store.apply(full());
    store.apply(tick());
    store.apply(message("tick_epoch_end"));
    expect(store.points(0, "step")?.end).toBe(12);
    expect(store.points(0, "epoch")?.y.at(-1)).toBe(Number.POSITIVE_INFINITY);
    expect(store.run?.status).toBe("paused");
    expect(store.run?.events.map(({ text }) => text)).toEqual(["learning rate set to 0.0005", "paused"]);
    expect(store.progress?.validation_step).toBe(5);
    expect(store.onGap).not.toHaveBeenCalled();
  });

  it("tells of an event once, also when a keyframe and a tick bring it", () => {
    store.apply(full());
    store.apply(tick({ events: [{ step: 5, text: "learning rate set to 0.0005" }] }));
    expect(store.run?.events).toHaveLength(1);
  });

  it("drops a tick that came before", () => {
    store.apply(full());
    store.apply(tick({ seq: 17, status: "failed" }));
    expect(store.run?.status).toBe("running");
  });

  it("asks for a snapshot after a gap, and takes the points that came after it", () => {
    store.apply(full());
    store.apply(tick({ seq: 25 }));
    expect(store.onGap).toHaveBeenCalledOnce();
    expect(store.points(0, "step")?.end).toBe(12);
  });

  it("asks for a snapshot when a tick names an unknown metric", () => {
    store.apply(full());
    const points = [{ metric: 9, axis: "step" as const, x: Float64Array.of(11), y: Float32Array.of(1) }];
    store.apply(tick({ points }));
    expect(store.onGap).toHaveBeenCalledOnce();
  });

  it("asks for more when all it has is a sketch", () => {
    store.apply(sketch());
    expect(store.points(0, "step")?.x).toEqual([1, 10]);
    expect(store.onGap).toHaveBeenCalledOnce();
  });

  it("never lets a sketch replace better data", () => {
    store.apply(full());
    const before = [...(store.points(0, "step")?.x ?? [])];
    store.apply(sketch());
    store.apply({ ...sketch(), seq: 19 });
    expect(store.points(0, "step")?.x).toEqual(before);
    expect(store.onGap).not.toHaveBeenCalled();
  });

  it("fills a gap from a sketch", () => {
    store.apply(full());
    const points = [{ metric: 0, axis: "step" as const, x: Float64Array.of(1, 15, 20), y: Float32Array.of(9, 15, 20) }];
    store.apply({ ...sketch(), seq: 40, points });
    expect(store.points(0, "step")?.x).toEqual([1, 2, 4, 8, 10, 15, 20]);
    expect(store.points(0, "step")?.y[0]).toBe(2.5);
    expect(store.onGap).toHaveBeenCalledOnce();
  });

  it("keeps to its run", () => {
    store.apply(full());
    const other = full();
    store.apply({ ...other, seq: 99, run: { ...other.run, id: "other", name: "other" } });
    expect(store.run?.name).toBe("digits");
  });

  it("ends an active run with its kernel, and no other", () => {
    store.apply(full());
    store.end();
    expect(store.run).toMatchObject({ status: "interrupted", reason: "kernel ended" });
    expect(store.active).toBe(false);
    const over = new RunStore();
    over.apply(message("keyframe_evaluate"));
    over.end();
    expect(over.run?.status).toBe("finished");
  });

  it("tells its listeners until they leave", () => {
    const listener = vi.fn();
    const life = new AbortController();
    store.subscribe(listener, life.signal);
    store.apply(full());
    life.abort();
    store.apply(tick());
    expect(listener).toHaveBeenCalledOnce();
  });
});

describe("current and best", () => {
  beforeEach(() => store.apply(full()));

  it("shows the step under way, or the epoch when that is newer", () => {
    expect(current(store, 0)).toBe(1.25);
    expect(current(store, 1)).toBe(1.75);
    expect(current(store, 3)).toBe(0.00048828125);
    store.apply(tick());
    store.apply(message("tick_epoch_end"));
    expect(current(store, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes the best over the epochs, in the metric's direction", () => {
    expect(best(store, 0)).toEqual({ value: 1.5, at: 2, axis: "epoch" });
    expect(best(store, 2)).toEqual({ value: 0.5, at: 2, axis: "epoch" });
    expect(best(store, 3)).toBeUndefined();
  });

  it("takes the best over the steps while no epoch has ended, and leaves NaN out", () => {
    const points = full().points.filter(({ axis }) => axis === "step");
    store.apply({ ...full(), points });
    expect(best(store, 0)).toEqual({ value: 1.25, at: 10, axis: "step" });
    expect(best(store, 1)).toBeUndefined();
  });
});
