import { describe, expect, it } from "vitest";
import { label, rooms, spots } from "../src/views/marks";

const place = (x: number) => 10 * x;

describe("the lines of marks", () => {
  it("stand from left to right, those at one place as one", () => {
    const marks = [
      { x: 5, text: "resumed" },
      { x: 2, text: "paused" },
      { x: 2.1, text: "resumed" },
    ];
    expect(spots(marks, place, 100)).toEqual([
      { at: 20, texts: ["paused", "resumed"] },
      { at: 50, texts: ["resumed"] },
    ]);
  });

  it("stand at the edge for what happened before the first or after the last point", () => {
    const marks = [
      { x: -3, text: "stage 1" },
      { x: 12, text: "paused" },
      { x: Number.NaN, text: "nowhere" },
    ];
    expect(spots(marks, place, 100).map(({ at }) => at)).toEqual([0, 100]);
  });

  it("are named by what stands before the colon", () => {
    expect(label({ at: 0, texts: ["stage 2 of 3: head and base", "paused"] })).toBe("stage 2 of 3, paused");
  });
});

describe("the labels of marks", () => {
  it("begin at their lines where there is room", () => {
    const lines = [
      { at: 0, width: 60 },
      { at: 100, width: 60 },
    ];
    expect(rooms(lines, 300)).toEqual([
      { left: 0, room: 60 },
      { left: 100, room: 60 },
    ]);
  });

  it("are cut before the next one", () => {
    const lines = [
      { at: 0, width: 60 },
      { at: 58, width: 60 },
    ];
    expect(rooms(lines, 300)[0]).toEqual({ left: 0, room: 50 });
  });

  it("are left out where no letters fit, the older ones first", () => {
    const lines = [0, 20, 40, 200].map((at) => ({ at, width: 60 }));
    expect(rooms(lines, 300).map((room) => room?.left)).toEqual([undefined, undefined, 40, 200]);
  });

  it("stay in the chart at its right edge", () => {
    const lines = [
      { at: 100, width: 50 },
      { at: 300, width: 80 },
    ];
    expect(rooms(lines, 300)).toEqual([
      { left: 100, room: 50 },
      { left: 220, room: 80 },
    ]);
    expect(rooms([{ at: 90, width: 500 }], 120)).toEqual([{ left: 0, room: 120 }]);
  });

  it("never overlap, however many there are", () => {
    for (const count of [1, 2, 7, 40]) {
      const lines = Array.from({ length: count }, (_, i) => ({ at: (300 * i) / count, width: 60 }));
      const ends = rooms(lines, 300).flatMap((place) => (place ? [[place.left, place.left + place.room]] : []));
      expect(ends.length).toBeGreaterThan(0);
      expect(ends.at(-1)?.[1]).toBeLessThanOrEqual(300);
      ends.forEach(([left], i) => {
        if (i > 0) expect(left).toBeGreaterThan(ends[i - 1]?.[1] as number);
      });
    }
  });
});
