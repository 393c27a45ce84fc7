/** The messages of a run, as docs/protocol.md describes them: types, and decoding of content and buffers. */

export const VERSION = 1;

export type Status = "running" | "paused" | "finished" | "stopped" | "interrupted" | "failed";
export type Kind = "fit" | "evaluate" | "predict" | "loop" | "search";
export type Axis = "step" | "epoch";

export interface Metric {
  name: string;
  group: string;
  split: "train" | "validation";
  /** Which way is better; empty for what has no better, a learning rate for one. */
  best: "min" | "max" | "";
}

export interface RunEvent {
  step: number;
  text: string;
}

export interface RunInfo {
  id: string;
  name: string;
  kind: Kind;
  status: Status;
  reason: string;
  started: number;
  notes: string[];
  metrics: Metric[];
  controls: { pause: boolean; learning_rate: boolean; hint: string };
  events: RunEvent[];
}

const PROGRESS_FIELDS = [
  "epoch",
  "epochs",
  "step",
  "steps",
  "done",
  "elapsed",
  "remaining",
  "step_rate",
  "sample_rate",
  "learning_rate",
  "memory",
  "gpu_memory",
  "phase",
  "validation_step",
  "validation_steps",
] as const;

/** NaN where the kernel does not know. */
export type Progress = Record<(typeof PROGRESS_FIELDS)[number], number>;

export interface Points {
  metric: number;
  axis: Axis;
  x: Float64Array;
  y: Float32Array;
}

export interface Tick {
  type: "tick";
  seq: number;
  status?: Status;
  events: RunEvent[];
  progress: Progress;
  points: Points[];
}

export interface Keyframe {
  type: "keyframe";
  seq: number;
  full: boolean;
  run: RunInfo;
  progress: Progress;
  points: Points[];
}

export type Message = Tick | Keyframe;
export type Binary = ArrayBuffer | ArrayBufferView;

/** A message that cannot be read; the text says what was expected. */
export class Unreadable extends Error {}

/** A message of a later version of the protocol. */
export class TooNew extends Unreadable {}

/**
 * Reads one message.
 *
 * The buffers may be views into a larger message at any offset, so they are copied before they are seen as floats.
 */
export function decode(content: unknown, buffers: readonly Binary[]): Message {
  const message = content as Record<string, unknown> | null;
  const type = message?.type;
  if (!message || (type !== "tick" && type !== "keyframe")) {
    throw new Unreadable(`expected a tick or a keyframe, received ${JSON.stringify(type)}`);
  }
  if (type === "keyframe" && (message.v as number) > VERSION) {
    throw new TooNew(`expected version ${VERSION} or below, received ${message.v}`);
  }
  const progress = decodeProgress(buffers[0]);
  const points = decodePoints(message.series as [number, number, number][] | undefined, buffers);
  const seq = message.seq as number;
  if (type === "keyframe") {
    const run = message.run as RunInfo;
    if (points.some(({ metric }) => !run.metrics[metric])) throw new Unreadable("a series of an unknown metric");
    return { type, seq, full: message.full === true, run, progress, points };
  }
  const events = (message.events as RunEvent[] | undefined) ?? [];
  const tick: Tick = { type, seq, events, progress, points };
  if (message.status) tick.status = message.status as Status;
  return tick;
}

function decodeProgress(buffer: Binary | undefined): Progress {
  const values = new Float64Array(copy(buffer));
  if (values.length < PROGRESS_FIELDS.length) {
    throw new Unreadable(`expected ${PROGRESS_FIELDS.length} numbers of progress, received ${values.length}`);
  }
  return Object.fromEntries(PROGRESS_FIELDS.map((field, i) => [field, values[i]])) as Progress;
}

function decodePoints(series: [number, number, number][] = [], buffers: readonly Binary[]): Points[] {
  const total = series.reduce((sum, [, , n]) => sum + n, 0);
  if (total === 0) return [];
  const x = new Float64Array(copy(buffers[1]));
  const y = new Float32Array(copy(buffers[2]));
  if (x.length !== total || y.length !== total) {
    throw new Unreadable(`expected ${total} points, received ${x.length} x and ${y.length} y`);
  }
  let start = 0;
  return series.map(([metric, axis, n]) => {
    const end = start + n;
    const points: Points = {
      metric,
      axis: axis === 1 ? "epoch" : "step",
      x: x.subarray(start, end),
      y: y.subarray(start, end),
    };
    start = end;
    return points;
  });
}

function copy(buffer: Binary | undefined): ArrayBuffer {
  if (!buffer) throw new Unreadable("a buffer is missing");
  if (buffer instanceof ArrayBuffer) return buffer.slice(0);
  const bytes = new Uint8Array(buffer.byteLength);
  bytes.set(new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength));
  return bytes.buffer;
}

/** The buffers of an output bundle, which carries them as base64. */
export function fromBase64(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}

export function isActive(status: Status): boolean {
  return status === "running" || status === "paused";
}
