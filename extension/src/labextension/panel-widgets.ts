import { asKernel, onKernelEnd } from "../control/kernel";
import type { IopubKernel } from "../transports/kernel";
import type { SessionContext } from "./panel-runs";

interface CommMessage {
  header: { msg_type: string };
  content: { comm_id?: string };
}

/** Which widgets the kernel of a notebook has. */
export class PanelWidgets {
  private readonly seen = new Set<string>();
  private readonly ended = new EventTarget();
  private readonly life = new AbortController();
  private attached = new AbortController();

  constructor(private readonly session: SessionContext) {
    const onChange = () => this.attach();
    session.kernelChanged.connect(onChange);
    this.life.signal.addEventListener("abort", () => session.kernelChanged.disconnect(onChange));
    this.attach();
  }

  /** Whether this page saw a widget open. */
  knows(comm: string): boolean {
    return this.seen.has(comm);
  }

  /** Whether the kernel has a widget that was there before this page; a busy kernel answers when it is idle. */
  async has(comm: string): Promise<boolean> {
    await this.session.ready;
    const reply = await this.kernel?.requestCommInfo({ target_name: "jupyter.widget" }).catch(() => undefined);
    return comm in (reply?.content.comms ?? {});
  }

  /** Calls back when the kernel has ended, and with it all widgets. */
  onEnd(callback: () => void, signal: AbortSignal): void {
    this.ended.addEventListener("end", callback, { signal });
  }

  dispose(): void {
    this.attached.abort();
    this.life.abort();
  }

  private get kernel(): IopubKernel | null {
    return asKernel(this.session.session?.kernel) as IopubKernel | null;
  }

  private attach(): void {
    this.attached.abort();
    this.attached = new AbortController();
    const kernel = this.kernel;
    if (!kernel) return;
    const { signal } = this.attached;
    const onMessage = (_: unknown, message: unknown) => {
      const { header, content } = message as CommMessage;
      if (header.msg_type === "comm_open" && content.comm_id) this.seen.add(content.comm_id);
      if (header.msg_type === "comm_close" && content.comm_id) this.seen.delete(content.comm_id);
    };
    kernel.iopubMessage.connect(onMessage);
    signal.addEventListener("abort", () => kernel.iopubMessage.disconnect(onMessage));
    onKernelEnd(kernel, () => this.end(), signal);
  }

  private end(): void {
    this.seen.clear();
    this.ended.dispatchEvent(new Event("end"));
  }
}
