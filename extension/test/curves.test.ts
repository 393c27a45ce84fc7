import { beforeEach, describe, expect, it } from "vitest";
import { RunStore } from "../src/store";
import { curves, groups, nearest, placeable } from "../src/views/curves";
import { message } from "./fixtures";

let store: RunStore;
beforeEach(() => {
  store = new RunStore();
  store.apply(message("keyframe_full"));
});

describe("curves", () => {
  it("makes one chart for each group", () => {
    expect(groups(store)).toEqual(["loss", "accuracy", "learning_rate"]);
  });

  it("takes the points of the chosen axis", () => {
    const lines = curves(store, "loss", "epoch");
    expect(lines.map(({ metric }) => metric.name)).toEqual(["loss", "val_loss"]);
    expect(lines.map(({ x }) => x)).toEqual([[1, 2], [2]]);
  });

  it("draws what is known by epoch alone at the steps where the epochs ended", () => {
    const [train, validation] = curves(store, "loss", "step");
    expect(train?.x).toEqual([1, 2, 4, 8, 10]);
    expect(validation?.x).toEqual([8]);
  });

  it("counts the steps of a run from its own beginning when its first epoch is a later one", () => {
    const frame = message("keyframe_full");
    if (frame.type !== "keyframe") throw new Error(frame.type);
    const { steps } = frame.progress;
    const points = frame.points.map((each) =>
      each.axis === "epoch" ? { ...each, x: each.x.map((epoch) => epoch + 10) } : each,
    );
    store.apply({ ...frame, points, progress: { ...frame.progress, epoch: frame.progress.epoch + 10 } });
    expect(steps).toBeGreaterThan(0);
    expect(curves(store, "loss", "step")[1]?.x).toEqual([8]);
  });

  it("gives the metrics of a group different colours", () => {
    expect(curves(store, "loss", "epoch").map(({ color }) => color)).toEqual([0, 1]);
    expect(curves(store, "accuracy", "epoch").map(({ color }) => color)).toEqual([0]);
  });
});

describe("nearest", () => {
  it.each([
    [-5, 0],
    [1.4, 0],
    [1.6, 1],
    [7, 2],
    [Number.POSITIVE_INFINITY, 3],
  ])("finds the point for %s at index %s", (at, index) => {
    expect(nearest([1, 2, 8, 9], at)).toBe(index);
  });

  it("says when there is none", () => {
    expect(nearest([], 1)).toBe(-1);
  });
});

describe("placeable", () => {
  it("leaves out what has no place on the axis", () => {
    const values = [1, 0, -1, Number.NaN, Number.POSITIVE_INFINITY];
    expect(placeable(values, false)).toEqual([1, 0, -1, null, null]);
    expect(placeable(values, true)).toEqual([1, null, null, null, null]);
  });
});
