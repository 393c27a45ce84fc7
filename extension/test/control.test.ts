import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Commands } from "../src/control/commands";
import { asKernel, onKernelEnd } from "../src/control/kernel";
import type { Keyframe } from "../src/protocol";
import { RunStore } from "../src/store";
import { message } from "./fixtures";
import { FakeKernel } from "./kernel";

const RUN = "20261123-165512-3f2a";
let life: AbortController;
let store: RunStore;
let kernel: FakeKernel;
let commands: Commands;

function begin(features?: string[]) {
  kernel = new FakeKernel(features);
  commands = new Commands(store, () => kernel, life.signal);
}

beforeEach(() => {
  vi.useFakeTimers();
  life = new AbortController();
  store = new RunStore();
  store.apply(message("keyframe_full"));
  begin();
});
afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(10);
const end = () => {
  const frame = message("keyframe_full") as Keyframe;
  store.apply({ ...frame, seq: 99, run: { ...frame.run, status: "finished" } });
};

describe("Commands", () => {
  it("sends nothing until somebody asks for something", () => {
    expect(kernel.sent).toEqual([]);
  });

  it("opens one comm, through a subshell of its own, and sends commands on it", async () => {
    commands.pause();
    commands.resume();
    commands.setLearningRate(0.01);
    await settle();
    expect(kernel.types()).toEqual([
      "kernel_info_request",
      "create_subshell_request",
      "comm_open",
      "comm_msg",
      "comm_msg",
      "comm_msg",
    ]);
    const open = kernel.sent[2];
    expect(open?.content).toMatchObject({ target_name: "nbkeras.control", data: { run: RUN } });
    expect(kernel.sent.slice(2).every(({ header }) => header.subshell_id === "subshell-1")).toBe(true);
    expect(kernel.sent.slice(2).every(({ content }) => content.comm_id === open?.content.comm_id)).toBe(true);
    expect(kernel.commands()).toEqual([
      { run: RUN, type: "pause" },
      { run: RUN, type: "resume" },
      { run: RUN, type: "learning_rate", value: 0.01 },
    ]);
  });

  it("goes through the main shell where there are no subshells", async () => {
    begin([]);
    commands.pause();
    await settle();
    expect(kernel.types()).toEqual(["kernel_info_request", "comm_open", "comm_msg"]);
    expect(kernel.sent[1]?.header.subshell_id).toBeNull();
  });

  it("interrupts when a stop by message has not ended the run", async () => {
    commands.stop();
    await settle();
    expect(kernel.commands()).toEqual([{ run: RUN, type: "stop" }]);
    expect(kernel.interrupts).toBe(0);
    await vi.advanceTimersByTimeAsync(500);
    expect(kernel.interrupts).toBe(1);
  });

  it("does not interrupt what runs after the run", async () => {
    commands.stop();
    await settle();
    end();
    await vi.advanceTimersByTimeAsync(500);
    expect(kernel.interrupts).toBe(0);
  });

  it("is inert when the run is over", async () => {
    end();
    commands.stop();
    commands.pause();
    await commands.requestSnapshot();
    await vi.advanceTimersByTimeAsync(500);
    expect(kernel.sent).toEqual([]);
    expect(kernel.interrupts).toBe(0);
  });

  it("closes its comm with the run, and keeps the subshell for the next one", async () => {
    commands.pause();
    await settle();
    end();
    await settle();
    expect(kernel.types().at(-1)).toBe("comm_close");
    store = new RunStore();
    store.apply(message("keyframe_full"));
    new Commands(store, () => kernel, life.signal).pause();
    await settle();
    expect(kernel.types().filter((type) => type === "create_subshell_request")).toHaveLength(1);
    expect(kernel.sent.at(-1)?.header.subshell_id).toBe("subshell-1");
  });

  it("takes a new subshell after a restart", async () => {
    commands.pause();
    await settle();
    kernel.statusChanged.emit("restarting");
    new Commands(store, () => kernel, life.signal).pause();
    await settle();
    expect(kernel.types().filter((type) => type === "create_subshell_request")).toHaveLength(2);
  });

  it("asks for a snapshot on a gap, at most every two seconds", async () => {
    store.onGap();
    store.onGap();
    await settle();
    expect(kernel.commands()).toEqual([{ run: RUN, type: "snapshot" }]);
    await vi.advanceTimersByTimeAsync(2000);
    store.onGap();
    await settle();
    expect(kernel.commands()).toHaveLength(2);
  });

  it("does not pile up requests that nobody hears", async () => {
    begin([]);
    store.onGap();
    await settle();
    expect(kernel.commands()).toEqual([]);
  });

  it("survives a kernel that cannot be reached", async () => {
    vi.spyOn(kernel, "sendControlMessage").mockImplementation(() => {
      throw new Error("Kernel is dead");
    });
    commands.pause();
    await settle();
    expect(kernel.sent).toEqual([]);
  });

  it("says so when the front end shows no kernel", () => {
    expect(new Commands(store, () => null, life.signal).available).toBe(false);
    expect(commands.available).toBe(true);
  });
});

describe("kernels", () => {
  it("are known by what they can do", () => {
    expect(asKernel(undefined)).toBeNull();
    expect(asKernel({ interrupt() {} })).toBeNull();
    expect(asKernel(kernel)).toBe(kernel);
  });

  it.each(["dead", "restarting", "autorestarting"])("end when they are %s", (status) => {
    const ended = vi.fn();
    onKernelEnd(kernel, ended, life.signal);
    kernel.statusChanged.emit("idle");
    expect(ended).not.toHaveBeenCalled();
    kernel.statusChanged.emit(status);
    expect(ended).toHaveBeenCalledOnce();
    kernel.disposed.emit();
    expect(ended).toHaveBeenCalledTimes(2);
    life.abort();
    expect(kernel.statusChanged.size + kernel.disposed.size).toBe(0);
  });
});
