/** The part of JupyterLab's kernel connection that a view needs; front ends that lack it have no kernel to act on. */

export interface Future {
  readonly done: Promise<{ content: Record<string, unknown> } | undefined>;
}

export interface Signal<T> {
  connect(slot: (sender: unknown, value: T) => void): unknown;
  disconnect(slot: (sender: unknown, value: T) => void): unknown;
}

export interface Kernel {
  readonly clientId: string;
  readonly username: string;
  readonly status: string;
  readonly statusChanged: Signal<string>;
  readonly disposed: Signal<void>;
  interrupt(): Promise<void>;
  sendShellMessage(message: object, expectReply?: boolean): Future;
  sendControlMessage(message: object, expectReply?: boolean): Future;
}

/** The candidate when it can do what a view needs, else null. */
export function asKernel(candidate: unknown): Kernel | null {
  const kernel = candidate as Partial<Kernel> | null | undefined;
  const able =
    typeof kernel?.interrupt === "function" &&
    typeof kernel.sendShellMessage === "function" &&
    typeof kernel.sendControlMessage === "function";
  return able ? (kernel as Kernel) : null;
}

const ENDED = new Set(["dead", "restarting", "autorestarting", "terminating"]);

/** Calls back whenever the kernel's process is no longer the one that it was, or the connection is given up. */
export function onKernelEnd(kernel: Kernel, callback: () => void, signal: AbortSignal): void {
  const onStatus = (_: unknown, status: string) => {
    if (ENDED.has(status)) callback();
  };
  kernel.statusChanged?.connect(onStatus);
  kernel.disposed?.connect(callback);
  signal.addEventListener("abort", () => {
    kernel.statusChanged?.disconnect(onStatus);
    kernel.disposed?.disconnect(callback);
  });
}
