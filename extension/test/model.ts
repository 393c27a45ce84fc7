import type { FakeKernel } from "./kernel";

type Listener = (...values: unknown[]) => void;

/** A widget's model without a kernel. */
export class FakeModel {
  readonly sent: { type: string; name?: string }[] = [];
  widget_manager: { kernel?: FakeKernel } = {};
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(private readonly traits: Record<string, unknown>) {}

  get(name: string) {
    return this.traits[name];
  }
  on(event: string, callback: Listener) {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: Listener) {
    this.listeners.get(event)?.delete(callback);
  }
  send(content: { type: string }) {
    this.sent.push(content);
  }
  set(name: string, value: unknown) {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }
  emit(event: string, ...values: unknown[]) {
    for (const listener of this.listeners.get(event) ?? []) listener(...values);
  }
  get listening() {
    return [...this.listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }
}
