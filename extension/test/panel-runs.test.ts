import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Bundle, PanelRuns, type SessionContext } from "../src/labextension/panel-runs";
import { buffersOf, FIXTURES, type Name } from "./fixtures";
import { FakeKernel } from "./kernel";

const COMM = "comm-1";

const bundle = (name: Name = "keyframe_sketch", comm = COMM): Bundle => ({
  run: "run",
  comm,
  content: FIXTURES[name].content,
  buffers: FIXTURES[name].buffers,
});
const commMessage = (type: string, data: object, buffers: ArrayBuffer[] = []) => ({
  header: { msg_type: type },
  content: { comm_id: COMM, data },
  buffers,
});
const custom = (name: Name) =>
  commMessage("comm_msg", { method: "custom", content: FIXTURES[name].content }, buffersOf(name));
const state = (name: Name, type = "comm_open") => {
  const snapshot = { content: FIXTURES[name].content, buffers: [null, null, null] };
  const paths = [0, 1, 2].map((i) => ["snapshot", "buffers", i]);
  const data = { method: "update", state: { run_id: "run", snapshot }, buffer_paths: [["other"], ...paths] };
  return commMessage(type, data, [new ArrayBuffer(1), ...buffersOf(name)]);
};

let kernel: FakeKernel;
let change: () => void;
let context: { session: { kernel: FakeKernel } | null; ready: Promise<void> };
let runs: PanelRuns;

function begin() {
  runs = new PanelRuns({
    get session() {
      return context.session;
    },
    ready: context.ready,
    kernelChanged: { connect: (slot: () => void) => (change = slot), disconnect: () => {} },
  } as unknown as SessionContext);
}

beforeEach(() => {
  vi.useFakeTimers();
  kernel = new FakeKernel();
  kernel.comms = { [COMM]: {} };
  context = { session: { kernel }, ready: Promise.resolve() };
  begin();
});
afterEach(() => {
  runs.dispose();
  vi.useRealTimers();
});
const settle = () => vi.advanceTimersByTimeAsync(10);

describe("PanelRuns", () => {
  it("draws from an output, waits for the kernel, and goes on live", async () => {
    const { store } = runs.open(bundle());
    expect(store.link).toBe("waiting");
    expect(store.points(0, "step")?.x).toEqual([1, 10]);
    kernel.iopubMessage.emit(custom("tick_epoch_end"));
    expect(store.link).toBe("live");
    expect(store.run?.status).toBe("paused");
    expect(store.points(0, "epoch")?.end).toBe(3);
  });

  it("fills its history from the sketches of a comm that the page never saw open", () => {
    const { store } = runs.open({
      ...bundle("keyframe_evaluate"),
      content: { ...FIXTURES.keyframe_sketch.content, seq: 0, series: [] },
    });
    kernel.iopubMessage.emit(custom("keyframe_sketch"));
    expect(store.points(0, "step")?.x).toEqual([1, 10]);
  });

  it("asks a busy kernel for the whole picture", async () => {
    runs.open(bundle());
    await settle();
    expect(kernel.commands()).toContainEqual(expect.objectContaining({ type: "snapshot" }));
  });

  it("knows a run from the moment that its widget opens", () => {
    kernel.iopubMessage.emit(state("keyframe_full"));
    const { store } = runs.open(bundle());
    expect(store.link).toBe("live");
    expect(store.points(0, "step")?.x).toEqual([1, 2, 4, 8, 10]);
  });

  it("leaves other widgets alone", () => {
    kernel.iopubMessage.emit(commMessage("comm_open", { state: { _model_name: "SliderModel" } }));
    kernel.iopubMessage.emit({ header: { msg_type: "status" }, content: {} });
    expect(runs.open(bundle()).store.link).toBe("waiting");
  });

  it("gives all outputs of a comm one store", () => {
    expect(runs.open(bundle()).store).toBe(runs.open(bundle()).store);
    expect(runs.open(bundle("keyframe_sketch", "comm-2")).store).not.toBe(runs.open(bundle()).store);
  });

  it("says that a run is not live when the kernel does not have it", async () => {
    kernel.comms = {};
    const { store } = runs.open(bundle());
    await settle();
    expect(store.link).toBe("lost");
    expect(store.active).toBe(false);
    expect(store.run?.status).toBe("running");
  });

  it("says so too when there is no kernel", async () => {
    context.session = null;
    begin();
    const { store } = runs.open(bundle());
    await settle();
    expect(store.link).toBe("lost");
  });

  it("takes the whole picture of a run that is over from the widget's state", async () => {
    const { content } = FIXTURES.keyframe_sketch;
    const { store } = runs.open({ ...bundle(), content: { ...content, run: { ...content.run, status: "finished" } } });
    await settle();
    expect(kernel.sent.map((sent) => sent.content.data)).toEqual([{ method: "request_state" }]);
    kernel.iopubMessage.emit(state("keyframe_full", "comm_msg"));
    // An older picture than the one that is shown changes nothing; the same or a newer one does.
    expect(store.points(0, "step")?.length).toBe(2);
    kernel.iopubMessage.emit({
      ...state("keyframe_full", "comm_msg"),
      content: {
        comm_id: COMM,
        data: {
          ...(state("keyframe_full").content.data as object),
          state: { snapshot: { content: { ...FIXTURES.keyframe_full.content, seq: 18 } } },
        },
      },
    });
    expect(store.points(0, "step")?.length).toBe(5);
  });

  it("lets go of a run whose widget is closed", () => {
    const { store } = runs.open(bundle());
    kernel.iopubMessage.emit(commMessage("comm_close", {}));
    expect(store.active).toBe(false);
    expect(runs.open(bundle()).store).not.toBe(store);
  });

  it("ends its active runs with the kernel, also after the second restart", () => {
    for (const comm of ["comm-1", "comm-2"]) {
      const { store } = runs.open(bundle("keyframe_sketch", comm));
      kernel.statusChanged.emit("restarting");
      expect(store.run).toMatchObject({ status: "interrupted", reason: "kernel ended" });
    }
  });

  it("follows the notebook to another kernel", () => {
    const other = new FakeKernel();
    kernel.disposed.emit();
    context.session = { kernel: other };
    change();
    expect(kernel.iopubMessage.size).toBe(0);
    const { store } = runs.open(bundle());
    other.iopubMessage.emit(custom("tick_epoch_end"));
    expect(store.link).toBe("live");
  });

  it("takes its listeners off with the panel", () => {
    runs.open(bundle("keyframe_evaluate"));
    runs.dispose();
    expect(kernel.iopubMessage.size + kernel.statusChanged.size + kernel.disposed.size).toBe(0);
  });
});
