import type { Kernel, Signal } from "../control/kernel";
import { post } from "../control/message";
import type { Binary } from "../protocol";
import type { RunStore } from "../store";
import { receive } from "./widget";

interface IopubMessage {
  header: { msg_type: string };
  content: { comm_id?: string; data?: CommData };
  buffers?: Binary[];
}

interface CommData {
  method?: string;
  content?: unknown;
  state?: { run_id?: unknown; snapshot?: { content?: unknown } };
  buffer_paths?: (string | number)[][];
}

export interface IopubKernel extends Kernel {
  readonly iopubMessage: Signal<unknown>;
  requestCommInfo(content: object): Promise<{ content: { comms?: Record<string, unknown> } }>;
}

/** Where the messages of a comm go. */
export interface Receivers {
  /** The store of a comm that is followed. */
  find(comm: string): RunStore | undefined;
  /** The store for a monitor that has just been opened. */
  opened(comm: string): RunStore;
  /** No more messages will come. */
  closed(comm: string): void;
}

/**
 * Feeds stores with everything that the kernel publishes on monitors' comms, also on those that this page never saw open,
 * which no widget manager knows.
 */
export function listenToKernel(kernel: IopubKernel, receivers: Receivers, signal: AbortSignal): void {
  const onMessage = (_: unknown, message: unknown) => {
    const { header, content, buffers = [] } = message as IopubMessage;
    const { comm_id: comm, data } = content;
    if (!comm) return;
    if (header.msg_type === "comm_open" && data?.state?.run_id) {
      const store = receivers.opened(comm);
      receiveState(store, data, buffers);
      return;
    }
    const store = receivers.find(comm);
    if (!store) return;
    if (header.msg_type === "comm_close") {
      store.set({ link: "lost" });
      receivers.closed(comm);
    }
    if (header.msg_type !== "comm_msg") return;
    store.set({ link: "live" });
    if (data?.method === "custom") receive(store, data.content, buffers);
    else receiveState(store, data, buffers);
  };
  kernel.iopubMessage.connect(onMessage);
  signal.addEventListener("abort", () => kernel.iopubMessage.disconnect(onMessage));
}

/** Asks an idle kernel for the state of a widget; the answer comes as any other message. */
export function requestState(kernel: Kernel, comm: string): void {
  post(kernel, "comm_msg", { comm_id: comm, data: { method: "request_state" } });
}

/** Takes the snapshot out of a widget's state, whose buffers travel beside it. */
function receiveState(store: RunStore, data: CommData | undefined, buffers: Binary[]): void {
  const content = data?.state?.snapshot?.content;
  if (!content) return;
  const own: Binary[] = [];
  data.buffer_paths?.forEach(([trait, list, index], i) => {
    if (trait === "snapshot" && list === "buffers") own[index as number] = buffers[i] as Binary;
  });
  receive(store, content, own);
}
