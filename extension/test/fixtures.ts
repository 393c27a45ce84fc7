import { decode, fromBase64, type Message } from "../src/protocol";
import evaluate from "./fixtures/keyframe_evaluate.json";
import full from "./fixtures/keyframe_full.json";
import sketch from "./fixtures/keyframe_sketch.json";
import tick from "./fixtures/tick.json";
import empty from "./fixtures/tick_empty.json";
import epochEnd from "./fixtures/tick_epoch_end.json";

/** Messages as they are sent, and what they say in plain JSON, where NaN and infinities are strings. */
export const FIXTURES = {
  keyframe_full: full,
  keyframe_sketch: sketch,
  keyframe_evaluate: evaluate,
  tick,
  tick_epoch_end: epochEnd,
  tick_empty: empty,
};

export type Name = keyof typeof FIXTURES;

/** The buffers of a fixture as they come. */
export function buffersOf(name: Name): ArrayBuffer[] {
  return FIXTURES[name].buffers.map(fromBase64);
}

export function message(name: Name): Message {
  return decode(FIXTURES[name].content, buffersOf(name));
}
