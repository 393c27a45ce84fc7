import { describe, expect, it } from "vitest";
import { Series } from "../src/series";

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe("Series", () => {
  it("holds at most 2,000 points, and keeps peaks, NaN, the first and the last", () => {
    const series = new Series();
    let longest = 0;
    for (const x of upTo(100_000)) {
      const y = x === 31_415 ? 99 : x === 27_182 ? -99 : x === 50_000 ? Number.NaN : Math.sin(x);
      series.append([x], [y]);
      longest = Math.max(longest, series.length);
    }
    expect(longest).toBeLessThanOrEqual(2000);
    expect(series.x[0]).toBe(1);
    expect(series.end).toBe(100_000);
    expect(series.y).toContain(99);
    expect(series.y).toContain(-99);
    expect(series.y.some(Number.isNaN)).toBe(true);
    expect(series.x).toEqual([...series.x].sort((a, b) => a - b));
  });

  it("drops points at an x that it has passed", () => {
    const series = new Series();
    series.append([1, 2, 3], [1, 2, 3]);
    series.append([2, 3, 4], [0, 0, 4]);
    expect(series.y).toEqual([1, 2, 3, 4]);
  });

  it("takes a sketch when it knows nothing", () => {
    const series = new Series();
    series.fill([1, 9], [1, 9]);
    expect(series.x).toEqual([1, 9]);
  });

  it("takes from a sketch what lies before its first points", () => {
    const series = new Series();
    series.append([10, 11], [10, 11]);
    series.fill([1, 5, 10, 11], [1, 5, -1, -1]);
    expect(series.x).toEqual([1, 5, 10, 11]);
    expect(series.y).toEqual([1, 5, 10, 11]);
  });

  it("takes nothing from a sketch where it lacks nothing", () => {
    const series = new Series();
    series.replace([1, 2, 3], [1, 2, 3]);
    series.fill([1, 2.5, 9], [0, 0, 0]);
    expect(series.y).toEqual([1, 2, 3]);
  });

  it("fills each gap and nothing else", () => {
    const series = new Series();
    series.replace([1, 2, 3], [1, 2, 3]);
    series.lose();
    series.lose();
    series.append([7, 8], [7, 8]);
    series.lose();
    series.append([11], [11]);
    series.fill([2.5, 5, 6, 7.5, 9, 10], [0, 5, 6, 0, 9, 10]);
    expect(series.y).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
  });
});
