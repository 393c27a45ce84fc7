import { describe, expect, it } from "vitest";
import * as format from "../src/format";

describe("format", () => {
  it.each([
    [0.41234, "0.4123"],
    [1.5, "1.500"],
    [12.3456, "12.35"],
    [1234.5, "1235"],
    [99999, "99999"],
    [123456, "1.23e5"],
    [0.0001234, "1.23e−4"],
    [-0.5, "−0.5000"],
    [0, "0"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "∞"],
    [Number.NEGATIVE_INFINITY, "−∞"],
    [undefined, "–"],
  ])("shows the value %s as %s", (value, text) => {
    expect(format.value(value)).toBe(text);
  });

  it.each([
    [0, "0:00"],
    [59.6, "1:00"],
    [3661, "1:01:01"],
    [200_000, "2 d 07:33"],
    [Number.NaN, "–"],
  ])("shows %s seconds as %s", (seconds, text) => {
    expect(format.duration(seconds)).toBe(text);
  });

  it("shows counts, rates, bytes and learning rates", () => {
    expect(format.count(1234567)).toBe("1\u202f234\u202f567");
    expect(format.place(900_080)).toBe("900.1k");
    expect(format.perSecond(3.149)).toBe("3.1");
    expect(format.perSecond(314.9)).toBe("315");
    expect(format.bytes(512e6)).toBe("512 MB");
    expect(format.bytes(1.234e9)).toBe("1.2 GB");
    expect(format.rate(0.0010000000474974513)).toBe("0.001");
    expect(format.rate(Number.NaN)).toBe("");
  });

  it("keeps the ticks of an axis short", () => {
    expect([0, 0.25, 1500, 25_000, 3_000_000, 0.0001, -2].map(format.tick)).toEqual([
      "0",
      "0.25",
      "1500",
      "25k",
      "3M",
      "1e−4",
      "−2",
    ]);
  });
});
