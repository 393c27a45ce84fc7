/** The part of the widget model that the wizard's views use. */
export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  send(content: object): void;
  widget_manager?: { kernel?: unknown };
}

/** Listens to a model until the signal. */
export function listen(model: Model, event: string, callback: (...values: never[]) => void, signal: AbortSignal): void {
  model.on(event, callback);
  signal.addEventListener("abort", () => model.off(event, callback));
}
