import { vi } from "vitest";
import { Commands } from "../src/control/commands";
import type { Kernel } from "../src/control/kernel";
import { RunStore } from "../src/store";
import { showMonitor } from "../src/views/monitor";
import { FakeKernel } from "./kernel";

/** Lets charts draw, though the DOM of the tests has no canvas. */
export function drawNowhere() {
  const nothing: unknown = new Proxy(() => nothing, {
    get: (_, key) => (key === "width" ? 0 : nothing),
    set: () => true,
  });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(nothing as never);
  vi.stubGlobal(
    "Path2D",
    class {
      moveTo() {}
      lineTo() {}
      rect() {}
      arc() {}
    },
  );
}

/** A monitor in the page, over a store that the test feeds; charts draw into nothing. */
export function openMonitor(kernel: Kernel | null = new FakeKernel()) {
  drawNowhere();
  const life = new AbortController();
  const store = new RunStore();
  const commands = new Commands(store, () => kernel, life.signal);
  const root = document.createElement("div");
  document.body.append(root);
  showMonitor(root, store, commands, life.signal);
  return {
    store,
    commands,
    root,
    life,
    one: (selector: string) => root.querySelector<HTMLElement>(selector) as HTMLElement,
    texts: (selector: string) => [...root.querySelectorAll(selector)].map((node) => node.textContent),
    button: (text: string) =>
      [...root.querySelectorAll("button")].find((node) => node.textContent === text) as HTMLButtonElement,
    drawn: () => vi.advanceTimersByTimeAsync(20),
  };
}
