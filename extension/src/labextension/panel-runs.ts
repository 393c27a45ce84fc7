import type { NotebookPanel } from "@jupyterlab/notebook";
import { Commands } from "../control/commands";
import { asKernel, onKernelEnd } from "../control/kernel";
import { fromBase64 } from "../protocol";
import { RunStore } from "../store";
import { type IopubKernel, listenToKernel, requestState } from "../transports/kernel";
import { receive } from "../transports/widget";

/** What a cell's output holds of a run, as docs/protocol.md has it. */
export interface Bundle {
  run: string;
  comm: string;
  content: unknown;
  buffers: string[];
}

export interface Followed {
  store: RunStore;
  commands: Commands;
}

export type SessionContext = Pick<NotebookPanel["sessionContext"], "session" | "ready" | "kernelChanged">;

/** The runs of one notebook, followed for as long as its panel is open, whether their outputs are in sight or not. */
export class PanelRuns {
  private readonly followed = new Map<string, Followed>();
  private readonly life = new AbortController();
  private attached = new AbortController();

  constructor(private readonly session: SessionContext) {
    const onChange = () => this.attach();
    session.kernelChanged.connect(onChange);
    this.life.signal.addEventListener("abort", () => session.kernelChanged.disconnect(onChange));
    this.attach();
  }

  /** Follows the run of an output, from what the output holds on. */
  open(bundle: Bundle): Followed {
    const known = this.followed.get(bundle.comm);
    const one = known ?? this.follow(bundle.comm);
    if (!known) one.store.set({ link: "waiting" });
    receive(one.store, bundle.content, bundle.buffers.map(fromBase64));
    if (!known) void this.look(bundle.comm, one.store);
    return one;
  }

  dispose(): void {
    this.attached.abort();
    this.life.abort();
  }

  private get kernel(): IopubKernel | null {
    return asKernel(this.session.session?.kernel) as IopubKernel | null;
  }

  private follow(comm: string): Followed {
    const store = new RunStore();
    const commands = new Commands(store, () => this.kernel, this.life.signal);
    const one = { store, commands };
    this.followed.set(comm, one);
    return one;
  }

  private attach(): void {
    this.attached.abort();
    this.attached = new AbortController();
    const kernel = this.kernel;
    if (!kernel) return;
    const { signal } = this.attached;
    // A closed one is let go, so that a notebook with many runs does not keep them all; its views keep their own.
    const receivers = {
      find: (comm: string) => this.followed.get(comm)?.store,
      opened: (comm: string) => (this.followed.get(comm) ?? this.follow(comm)).store,
      closed: (comm: string) => this.followed.delete(comm),
    };
    listenToKernel(kernel, receivers, signal);
    onKernelEnd(kernel, () => this.end(), signal);
  }

  private end(): void {
    for (const { store } of this.followed.values()) store.end();
    this.followed.clear();
  }

  /** Finds out whether the kernel has the widget of an output that was there before this page, and takes its picture. */
  private async look(comm: string, store: RunStore): Promise<void> {
    await this.session.ready;
    const kernel = this.kernel;
    if (!kernel || !(comm in ((await commsOf(kernel)) ?? {}))) store.set({ link: "lost" });
    else if (!store.active) requestState(kernel, comm);
  }
}

/** The widgets that a kernel has; a busy one answers when it is idle. */
async function commsOf(kernel: IopubKernel): Promise<Record<string, unknown> | undefined> {
  const reply = await kernel.requestCommInfo({ target_name: "jupyter.widget" }).catch(() => undefined);
  return reply?.content.comms;
}
