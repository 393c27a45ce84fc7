import { asKernel, type Kernel, onKernelEnd } from "../control/kernel";
import { type Binary, decode, TooNew } from "../protocol";
import type { RunStore } from "../store";

/** The part of a widget model that anywidget hands to a view. */
export interface WidgetModel {
  get(name: string): unknown;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  widget_manager?: { kernel?: unknown };
}

/** The kernel behind a widget, where the front end shows it. */
export function kernelOf(model: WidgetModel): Kernel | null {
  return asKernel(model.widget_manager?.kernel);
}

/** Feeds the store from the widget's state and from its custom messages. */
export function listenToWidget(model: WidgetModel, store: RunStore, signal: AbortSignal): void {
  const onSnapshot = () => {
    const snapshot = model.get("snapshot") as { content?: unknown; buffers?: Binary[] } | null;
    if (snapshot?.content) receive(store, snapshot.content, snapshot.buffers ?? []);
  };
  const onMessage = (content: unknown, buffers: readonly Binary[]) => receive(store, content, buffers);
  model.on("msg:custom", onMessage);
  model.on("change:snapshot", onSnapshot);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", onMessage);
    model.off("change:snapshot", onSnapshot);
  });
  const kernel = kernelOf(model);
  if (kernel) onKernelEnd(kernel, () => store.end(), signal);
  onSnapshot();
}

/** Applies a message; one that cannot be read counts as missed. */
export function receive(store: RunStore, content: unknown, buffers: readonly Binary[]): void {
  try {
    store.apply(decode(content, buffers));
  } catch (error) {
    if (error instanceof TooNew)
      store.set({ problem: "This monitor comes from a newer nbkeras: update the one of this page." });
    else store.onGap();
  }
}
