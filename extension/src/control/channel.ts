import type { Kernel } from "./kernel";
import { identifier, post } from "./message";
import { subshellOf } from "./subshell";

const TARGET = "nbkeras.control";

interface Opened {
  comm: string;
  subshell: string | null;
}

/** The comm from a view up to the kernel, opened at the first command, on which the kernel never publishes. */
export class Channel {
  private opened: Promise<Opened> | null = null;

  constructor(
    readonly kernel: Kernel,
    private readonly run: string,
  ) {}

  /** Sends a command, if need be after opening the comm; one that cannot be sent is dropped. */
  async send(type: string, value?: number): Promise<void> {
    const opened = await this.open();
    if (!opened) return;
    const data = { run: this.run, type, ...(value === undefined ? {} : { value }) };
    this.post("comm_msg", { data }, opened);
  }

  /** Whether commands are heard while a cell runs; opens the comm to find out. */
  async heardWhileBusy(): Promise<boolean> {
    const opened = await this.open();
    return opened !== null && opened.subshell !== null;
  }

  async close(): Promise<void> {
    const opened = await this.opened?.catch(() => null);
    this.opened = null;
    if (opened) this.post("comm_close", { data: {} }, opened);
  }

  private async open(): Promise<Opened | null> {
    this.opened ??= this.begin();
    try {
      return await this.opened;
    } catch {
      // The kernel was not to be reached; the next command tries again.
      this.opened = null;
      return null;
    }
  }

  private async begin(): Promise<Opened> {
    const opened = { comm: identifier(), subshell: await subshellOf(this.kernel) };
    this.post("comm_open", { target_name: TARGET, data: { run: this.run } }, opened);
    return opened;
  }

  private post(type: string, content: object, { comm, subshell }: Opened): void {
    try {
      post(this.kernel, type, { comm_id: comm, ...content }, subshell);
    } catch {
      // A dead kernel takes no messages, and needs none.
    }
  }
}
