import { describe, expect, it } from "vitest";
import { decode, TooNew, Unreadable } from "../src/protocol";
import { buffersOf, FIXTURES, type Name } from "./fixtures";

const { tick, keyframe_full: full } = FIXTURES;

/** NaN and infinities as the fixtures write them. */
const plain = (value: number) => (Number.isFinite(value) ? value : String(value));

describe("decode", () => {
  it.each(Object.keys(FIXTURES) as Name[])("reads %s", (name) => {
    const { content, decoded } = FIXTURES[name];
    const message = decode(content, buffersOf(name));
    const progress = Object.fromEntries(Object.entries(message.progress).map(([key, value]) => [key, plain(value)]));
    expect(progress).toEqual(decoded.progress);
    const points = message.points.map(({ metric, axis, x, y }) => ({ metric, axis, x: [...x], y: [...y].map(plain) }));
    expect(points).toEqual(decoded.points);
    expect(message).toMatchObject({ type: content.type, seq: content.seq });
  });

  it("reads buffers that are views at any offset of a larger one", () => {
    const shifted = buffersOf("tick").map((buffer) => {
      const bytes = new Uint8Array(buffer);
      const larger = new Uint8Array(bytes.length + 7);
      larger.set(bytes, 3);
      return new DataView(larger.buffer, 3, bytes.length);
    });
    expect(decode(tick.content, shifted)).toEqual(decode(tick.content, buffersOf("tick")));
  });

  it("refuses what does not add up", () => {
    const { content } = tick;
    const raw = buffersOf("tick");
    expect(() => decode({ ...content, series: [[0, 0, 9]] }, raw)).toThrow("expected 9 points, received 3 x and 3 y");
    expect(() => decode(content, [new ArrayBuffer(8)])).toThrow("expected 15 numbers of progress, received 1");
    expect(() => decode(content, [])).toThrow(Unreadable);
    expect(() => decode({ type: "dance" }, raw)).toThrow('expected a tick or a keyframe, received "dance"');
    expect(() => decode(null, raw)).toThrow(Unreadable);
    const unknown = { ...full.content, series: [[7, 0, 14]] };
    expect(() => decode(unknown, buffersOf("keyframe_full"))).toThrow("unknown metric");
  });

  it("tells a later version apart", () => {
    expect(() => decode({ ...full.content, v: 2 }, buffersOf("keyframe_full"))).toThrow(TooNew);
  });

  it("ignores fields that it does not know", () => {
    expect(() => decode({ ...tick.content, weather: "fine" }, buffersOf("tick"))).not.toThrow();
  });
});
