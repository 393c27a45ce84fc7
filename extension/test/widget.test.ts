// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import widget from "../src/widget";
import { buffersOf, FIXTURES, type Name } from "./fixtures";
import { FakeKernel } from "./kernel";
import { drawNowhere } from "./monitor";

const views = (name: Name) => buffersOf(name).map((buffer) => new DataView(buffer));

class Model {
  readonly widget_manager = { kernel: new FakeKernel() };
  private readonly callbacks = new Map<string, ((...values: never[]) => void)[]>();
  snapshot: object | null = { content: FIXTURES.keyframe_evaluate.content, buffers: views("keyframe_evaluate") };

  get(name: string): unknown {
    return name === "snapshot" ? this.snapshot : undefined;
  }
  on(event: string, callback: (...values: never[]) => void): void {
    this.callbacks.set(event, [...(this.callbacks.get(event) ?? []), callback]);
  }
  off(event: string, callback: (...values: never[]) => void): void {
    const left = (this.callbacks.get(event) ?? []).filter((one) => one !== callback);
    this.callbacks.set(event, left);
  }
  emit(event: string, ...values: unknown[]): void {
    for (const callback of this.callbacks.get(event) ?? []) callback(...(values as never[]));
  }
  get listeners(): number {
    return [...this.callbacks.values()].flat().length;
  }
}

let model: Model;
let el: HTMLElement;
beforeEach(() => {
  vi.useFakeTimers();
  drawNowhere();
  model = new Model();
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const drawn = () => vi.advanceTimersByTimeAsync(20);
const value = (root: Element) => root.querySelector(".nbk-value")?.textContent;

it("draws from the widget's state, and goes on with its messages", async () => {
  const { initialize, render } = widget();
  initialize({ model });
  render({ model, el });
  expect(value(el)).toBe("0.2500");
  const content = { ...FIXTURES.tick.content, seq: 4, series: [[0, 0, 3]] };
  model.emit("msg:custom", content, views("tick"));
  await drawn();
  expect(value(el)).toBe("1.000");
});

it("shares one store among all views of a model, also later ones", async () => {
  const { initialize, render } = widget();
  initialize({ model });
  const other = document.createElement("div");
  const close = render({ model, el });
  render({ model, el: other });
  model.emit("msg:custom", { ...FIXTURES.tick.content, seq: 4, series: [[0, 0, 3]] }, views("tick"));
  close();
  expect(el.querySelector(".nbkeras")).toBeNull();
  await drawn();
  expect(value(other)).toBe("1.000");
});

it("asks for a snapshot when a message cannot be read", async () => {
  const { initialize } = widget();
  model.snapshot = { content: FIXTURES.keyframe_full.content, buffers: views("keyframe_full") };
  initialize({ model });
  model.emit("msg:custom", { type: "tick", seq: 18, series: [[0, 0, 5]] }, views("tick_empty"));
  await drawn();
  expect(model.widget_manager.kernel.commands()).toEqual([expect.objectContaining({ type: "snapshot" })]);
});

it("says when the kernel's protocol is newer", async () => {
  const { initialize, render } = widget();
  model.snapshot = null;
  initialize({ model });
  render({ model, el });
  model.emit("msg:custom", { ...FIXTURES.keyframe_full.content, v: 2 }, views("keyframe_full"));
  await drawn();
  expect(el.textContent).toContain("newer nbkeras");
});

it("ends with the kernel", async () => {
  const { initialize, render } = widget();
  model.snapshot = { content: { ...FIXTURES.keyframe_full.content, series: [] }, buffers: views("tick_empty") };
  initialize({ model });
  model.widget_manager.kernel.statusChanged.emit("restarting");
  const close = render({ model, el });
  expect(el.querySelector(".nbk-title")?.textContent).toBe("digitsInterruptedkernel ended");
  close();
});

it("takes its listeners off when the model goes", () => {
  const { initialize } = widget();
  const end = initialize({ model });
  expect(model.listeners).toBe(2);
  end();
  expect(model.listeners).toBe(0);
  expect(model.widget_manager.kernel.statusChanged.size).toBe(0);
});
