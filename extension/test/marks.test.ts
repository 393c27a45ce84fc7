import { describe, expect, it } from "vitest";
import { labels, rooms, spots } from "../src/views/marks";

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

  it("are named by what stands before the colon, or by two words of it", () => {
    const named = (...texts: string[]) => labels({ at: 0, texts });
    expect(named("stage 16 of 20: head and base")).toEqual(["stage 16 of 20", "stage 16"]);
    expect(named("paused", "resumed")).toEqual(["paused, resumed"]);
    expect(named("m".repeat(99))[1]).toBe(`${"m".repeat(20)}…`);
  });
});

describe("the labels of marks", () => {
  const line = (at: number, ...widths: number[]) => ({ at, widths });

  it("begin at their lines where there is room", () => {
    expect(rooms([line(0, 60), line(100, 60)], 300)).toEqual([
      { left: 0, form: 0 },
      { left: 100, form: 0 },
    ]);
  });

  it("are said in fewer words, or not at all, before the next one", () => {
    expect(rooms([line(0, 60, 40), line(50, 60)], 300)[0]).toEqual({ left: 0, form: 1 });
    expect(rooms([line(0, 60, 45), line(50, 60)], 300)[0]).toBeNull();
  });

  it("are left out where there is no room, the older ones first", () => {
    const lines = [0, 20, 40, 200].map((at) => line(at, 60));
    expect(rooms(lines, 300).map((place) => place?.left)).toEqual([undefined, undefined, 40, 200]);
  });

  it("may begin before the last line, whole or in fewer words, where there is no room behind it", () => {
    expect(rooms([line(100, 50), line(300, 80)], 300)).toEqual([
      { left: 100, form: 0 },
      { left: 220, form: 0 },
    ]);
    expect(rooms([line(100, 40), line(200, 150, 80)], 300)).toEqual([
      { left: 100, form: 0 },
      { left: 150, form: 0 },
    ]);
    expect(rooms([line(190, 50), line(200, 150, 80)], 300)).toEqual([null, { left: 200, form: 1 }]);
    expect(rooms([line(90, 500, 100)], 120)).toEqual([{ left: 20, form: 1 }]);
    expect(rooms([line(90, 500)], 120)).toEqual([null]);
  });

  it("stand over other lines only if they are the last and fit in no other way", () => {
    expect(rooms([line(250, 50), line(300, 150, 80)], 300)).toEqual([null, { left: 220, form: 1 }]);
  });

  it("never overlap, however many there are", () => {
    for (const count of [1, 2, 7, 40]) {
      const lines = Array.from({ length: count }, (_, i) => line((300 * i) / count, 60, 40));
      const ends = rooms(lines, 300).flatMap((place) =>
        place ? [[place.left, place.left + (place.form ? 40 : 60)]] : [],
      );
      expect(ends.length).toBeGreaterThan(0);
      expect(ends.at(-1)?.[1]).toBeLessThanOrEqual(300);
      ends.forEach(([left], i) => {
        if (i > 0) expect(left).toBeGreaterThan(ends[i - 1]?.[1] as number);
      });
    }
  });
});
