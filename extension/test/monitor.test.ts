// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Keyframe, RunInfo, Tick } from "../src/protocol";
import { message } from "./fixtures";
import { FakeKernel } from "./kernel";
import { openMonitor } from "./monitor";

let kernel: FakeKernel;
let monitor: ReturnType<typeof openMonitor>;

const keyframe = (run: Partial<RunInfo> = {}, changes: Partial<Keyframe> = {}) => {
  const frame = message("keyframe_full") as Keyframe;
  return { ...frame, ...changes, run: { ...frame.run, ...run } };
};
const show = async (...frames: Parameters<typeof monitor.store.apply>[0][]) => {
  for (const frame of frames) monitor.store.apply(frame);
  await monitor.drawn();
};

beforeEach(() => {
  vi.useFakeTimers();
  kernel = new FakeKernel();
  monitor = openMonitor(kernel);
});
afterEach(() => {
  monitor.life.abort();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the monitor", () => {
  it("waits for the run, and says what is the matter", async () => {
    expect(monitor.one(".nbk-placeholder").textContent).toBe("Waiting for the run…");
    monitor.store.set({ problem: "Too new." });
    await monitor.drawn();
    expect(monitor.one(".nbk-placeholder").textContent).toBe("Too new.");
  });

  it("leaves nothing behind", async () => {
    await show(keyframe());
    monitor.life.abort();
    expect(monitor.root.children).toHaveLength(0);
  });

  it("says name, status and reason", async () => {
    await show(keyframe({ status: "failed", reason: "ValueError: no" }));
    expect(monitor.one(".nbk-title").textContent).toBe("digitsFailedValueError: no");
    expect(monitor.one(".nbkeras").getAttribute("aria-label")).toBe("Monitor of digits");
  });

  it("says when the kernel has not spoken, or no longer has the run", async () => {
    monitor.store.set({ link: "waiting" });
    await show(keyframe());
    expect(monitor.one(".nbk-title").textContent).toBe("digitsRunningwaiting for the kernel…");
    monitor.store.set({ link: "lost" });
    await monitor.drawn();
    expect(monitor.one(".nbk-title").textContent).toContain("Not live");
    expect(monitor.one(".nbk-controls").hidden).toBe(true);
  });

  it("draws an epoch bar and a step bar, with values for screen readers", async () => {
    await show(keyframe());
    const [epoch, step] = monitor.root.querySelectorAll("[role=progressbar]");
    expect(epoch?.getAttribute("aria-valuetext")).toBe("Epoch 3 of 10");
    expect(epoch?.getAttribute("aria-valuenow")).toBe("2.5");
    expect(step?.getAttribute("aria-valuetext")).toBe("Step 2 of 4");
  });

  it("gives the step bar to a validation that takes its time", async () => {
    await show(keyframe());
    const step = monitor.root.querySelectorAll("[role=progressbar]")[1];
    const validation = message("tick_epoch_end") as Tick;
    await show(message("tick"), validation);
    expect(step?.getAttribute("aria-valuetext")).toBe("Step 4 of 4");
    await vi.advanceTimersByTimeAsync(1000);
    await show({ ...validation, seq: 20 });
    expect(step?.getAttribute("aria-valuetext")).toBe("Validation 5 of 5");
  });

  it("has no length for a bar without a known end", async () => {
    const frame = keyframe();
    await show({ ...frame, progress: { ...frame.progress, steps: Number.NaN } });
    const step = monitor.root.querySelectorAll("[role=progressbar]")[1];
    expect(step?.hasAttribute("aria-valuenow")).toBe(false);
    expect(step?.getAttribute("aria-valuetext")).toBe("Step 2");
  });

  it("shows each metric's current and best value", async () => {
    await show(keyframe());
    expect(monitor.texts(".nbk-metric")).toEqual(["loss", "val_loss", "accuracy", "learning_rate"]);
    expect(monitor.texts(".nbk-value")).toEqual(["1.250", "1.750", "0.5000", "4.88e−4"]);
    expect(monitor.texts(".nbk-best")).toEqual([
      "best 1.500 epoch 2",
      "best 1.750 epoch 2",
      "best 0.5000 epoch 2",
      " ",
    ]);
  });

  it("shows NaN and infinities as such", async () => {
    await show(keyframe(), message("tick"), message("tick_epoch_end"));
    expect(monitor.texts(".nbk-value").slice(0, 2)).toEqual(["∞", "−∞"]);
    expect(monitor.texts("[data-odd]")).toHaveLength(2);
    expect(monitor.texts(".nbk-best")[0]).toBe("best 1.500 epoch 2");
  });

  it("keeps times and rates, and leaves out what this machine does not have", async () => {
    await show(keyframe());
    const shown = [...monitor.root.querySelectorAll<HTMLElement>(".nbk-times li")].filter((item) => !item.hidden);
    expect(shown.map((item) => item.textContent)).toEqual([
      "elapsed0:02",
      "left0:05",
      "steps/s6.5",
      "samples/s208",
      "memory1.2 GB",
    ]);
  });

  it("draws a chart for each group, and switches their axis", async () => {
    await show(keyframe());
    expect(monitor.texts(".nbk-group")).toEqual(["loss", "accuracy", "learning_rate"]);
    expect(monitor.texts(".nbk-at")[0]).toBe("epoch 2");
    monitor.button("Steps").click();
    expect(monitor.button("Steps").getAttribute("aria-pressed")).toBe("true");
    expect(monitor.texts(".nbk-at")[0]).toBe("step 10");
    expect(monitor.one(".nbk-plot").getAttribute("aria-valuetext")).toBe("step 10, loss 1.250, val_loss 1.750");
  });

  it("moves the charts' cursor by keys, and reads the values there", async () => {
    await show(keyframe());
    const [plot, other] = monitor.root.querySelectorAll(".nbk-plot");
    const press = (key: string) => plot?.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
    press("Home");
    expect(plot?.getAttribute("aria-valuetext")).toBe("epoch 1, loss 2.000, val_loss 1.750");
    expect(other?.getAttribute("aria-valuetext")).toBe("epoch 1, accuracy 0.2500");
    press("ArrowRight");
    expect(plot?.getAttribute("aria-valuenow")).toBe("2");
    expect(press("ArrowLeft")).toBe(false);
    expect(plot?.getAttribute("aria-valuenow")).toBe("1");
    expect(press("a")).toBe(true);
    press("Escape");
    expect(plot?.getAttribute("aria-valuenow")).toBe("2");
  });

  it("says at a mark what happened: a few words above its line, and all of it at the cursor", async () => {
    await show(keyframe({ events: [{ step: 8, text: "stage 2 of 3: head and base" }] }));
    expect(monitor.texts(".nbk-marks span")).toEqual(["stage 2 of 3", "stage 2 of 3", "stage 2 of 3"]);
    const plot = monitor.one(".nbk-plot");
    const whole = monitor.one(".nbk-mark-text");
    const press = (key: string) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
    plot.focus();
    press("End");
    expect(plot.getAttribute("aria-valuetext")).toContain(", stage 2 of 3: head and base");
    expect([whole.hidden, whole.textContent]).toEqual([false, "stage 2 of 3: head and base"]);
    press("Home");
    expect(plot.getAttribute("aria-valuetext")).not.toContain("stage");
    expect(whole.hidden).toBe(true);
    monitor.one(".nbk-marks span").dispatchEvent(new Event("pointerover", { bubbles: true }));
    await show(message("tick"));
    expect(whole.hidden).toBe(false);
    monitor.one(".nbk-marks").dispatchEvent(new Event("pointerleave"));
    expect(whole.hidden).toBe(true);
  });

  it("switches a chart to a log scale", async () => {
    await show(keyframe());
    const log = monitor.one(".nbk-log");
    log.click();
    expect(log.getAttribute("aria-pressed")).toBe("true");
    expect(monitor.root.querySelectorAll(".nbk-plot")[0]?.querySelectorAll(".uplot")).toHaveLength(1);
  });

  it("is compact for evaluate", async () => {
    await show(message("keyframe_evaluate"));
    expect(monitor.one(".nbk-chart-area").hidden).toBe(true);
    expect(monitor.one(".nbk-bar").hidden).toBe(true);
    expect(monitor.texts(".nbk-value")).toEqual(["0.2500"]);
    // A mean over more and more batches has no best one.
    expect(monitor.texts(".nbk-best")).toEqual([" "]);
  });

  it("shows what nbkeras added, one line each", async () => {
    await show(keyframe({ notes: ["one", "two"] }));
    expect(monitor.texts(".nbk-notes li")).toEqual(["one", "two"]);
  });
});

describe("the controls", () => {
  it("stop, pause and resume", async () => {
    await show(keyframe());
    monitor.button("Pause").click();
    await show(keyframe({ status: "paused" }, { seq: 18 }));
    monitor.button("Resume").click();
    monitor.button("Stop").click();
    await monitor.drawn();
    expect(kernel.commands().map((data) => (data as { type: string }).type)).toEqual(["pause", "resume", "stop"]);
    expect(monitor.button("Stopping…").getAttribute("aria-disabled")).toBe("true");
    monitor.button("Stopping…").click();
    await monitor.drawn();
    expect(kernel.commands()).toHaveLength(3);
  });

  it("are gone when the run is over, and hand the focus on", async () => {
    await show(keyframe());
    monitor.button("Stop").focus();
    await show(keyframe({ status: "finished" }, { seq: 18 }));
    expect(monitor.one(".nbk-controls").hidden).toBe(true);
    expect(document.activeElement).toBe(monitor.one(".nbkeras"));
  });

  it("say what to press where there is no kernel to act on", async () => {
    monitor.life.abort();
    monitor = openMonitor(null);
    await show(keyframe());
    expect(monitor.one(".nbk-hint").textContent).toBe("To stop this run, press the notebook's own stop button (■).");
    expect(monitor.button("Stop").getAttribute("aria-disabled")).toBe("true");
    expect((monitor.one(".nbk-rate-input") as HTMLInputElement).disabled).toBe(true);
  });

  it("say what the kernel says they can't", async () => {
    await show(keyframe({ controls: { pause: false, learning_rate: false, hint: "Needs ipykernel 7." } }));
    expect(monitor.one(".nbk-hint").textContent).toBe("Needs ipykernel 7.");
    expect(monitor.button("Pause").hidden).toBe(true);
    expect(monitor.one(".nbk-rate").hidden).toBe(true);
  });
});

describe("the learning rate", () => {
  const input = () => monitor.one(".nbk-rate-input") as HTMLInputElement;
  const type = (text: string) => {
    input().focus();
    input().value = text;
    input().dispatchEvent(new Event("input"));
  };
  const press = (key: string) => input().dispatchEvent(new KeyboardEvent("keydown", { key }));
  const rateTick = (seq: number, learning_rate: number) => {
    const tick = message("tick") as Tick;
    return { ...tick, seq, progress: { ...tick.progress, learning_rate } };
  };

  it("is set by Enter, and shows what the run has taken", async () => {
    await show(keyframe());
    expect(input().value).toBe("0.0005");
    type("0.01");
    press("Enter");
    press("Enter");
    await show(rateTick(18, 0.0005));
    expect(input().value).toBe("0.01");
    await show(rateTick(19, 0.01));
    expect(kernel.commands()).toEqual([expect.objectContaining({ type: "learning_rate", value: 0.01 })]);
    expect(monitor.button("Set").getAttribute("aria-disabled")).toBe("true");
  });

  it("keeps what is being typed, and takes it back by Escape", async () => {
    await show(keyframe());
    type("0.");
    await show(rateTick(18, 0.25));
    expect(input().value).toBe("0.");
    press("Escape");
    expect(input().value).toBe("0.25");
  });

  it.each(["abc", "-1", "0", "Infinity"])("refuses %s", async (text) => {
    await show(keyframe());
    type(text);
    press("Enter");
    await monitor.drawn();
    expect(kernel.commands()).toEqual([]);
    expect(input().getAttribute("aria-invalid")).toBe("true");
    expect(input().validationMessage).toBe(`Expected a number above 0, received "${text}".`);
  });
});

describe("for screen readers", () => {
  const said = () => monitor.one("[aria-live]").textContent;

  it("speaks at status changes and at the ends of epochs, and not of steps", async () => {
    await show(keyframe());
    expect(said()).toBe("digits: Running.");
    await vi.advanceTimersByTimeAsync(4000);
    await show(message("tick"));
    expect(said()).toBe("digits: Running.");
    await show({ ...(message("tick_epoch_end") as Tick), status: "running" });
    expect(said()).toBe("Epoch 3 of 10: loss ∞, val_loss −∞, accuracy 0.7500.");
    await show(keyframe({ status: "finished", reason: "early stopping" }, { seq: 20 }));
    expect(said()).toBe("digits: Finished: early stopping.");
  });

  it("speaks of a monitor that is scrolled out of sight, too", async () => {
    class Unseen {
      constructor(private readonly tell: (entries: object[]) => void) {}
      observe() {
        this.tell([{ isIntersecting: false }]);
      }
      disconnect() {}
    }
    monitor.life.abort();
    vi.stubGlobal("IntersectionObserver", Unseen);
    monitor = openMonitor(kernel);
    await show(keyframe());
    expect(monitor.one(".nbk-name").textContent).toBe("");
    expect(said()).toBe("digits: Running.");
    await show(keyframe({ status: "finished" }, { seq: 18 }));
    expect(said()).toBe("digits: Finished.");
  });

  it("says nothing of a run that was over before", async () => {
    await show(message("keyframe_evaluate"));
    expect(said()).toBe("");
  });

  it("has a table of the numbers when it is asked for", async () => {
    await show(keyframe());
    expect(monitor.texts("td")).toEqual([]);
    const details = monitor.one("details") as HTMLDetailsElement;
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
    expect(monitor.texts("thead th")).toEqual(["epoch", "loss", "val_loss", "accuracy", "learning_rate"]);
    expect(monitor.texts("tbody tr").map((row) => row?.slice(0, 6))).toEqual(["12.000", "21.500"]);
    expect(monitor.one("tbody th").getAttribute("scope")).toBe("row");
    expect(monitor.texts(".nbk-events li")).toEqual(["step 5: learning rate set to 0.0005"]);
    await show(message("tick"), message("tick_epoch_end"));
    await vi.advanceTimersByTimeAsync(1000);
    expect(monitor.texts("tbody tr")).toHaveLength(3);
  });
});
