import type { Future, Kernel } from "./kernel";

const TARGET = "nbkeras.control";
const ANSWER_MS = 3000;

interface Opened {
  comm: string;
  subshell: string | null;
}

/**
 * The comm from the view up to the kernel, opened at the first command.
 *
 * It goes through a subshell of its own, asked for on the control channel, so that it is heard while a cell blocks the main
 * shell, and in a page that was opened when the cell was already running. A kernel without subshells reads it afterwards.
 */
export class Channel {
  private opened: Promise<Opened> | null = null;

  constructor(
    readonly kernel: Kernel,
    private readonly run: string,
  ) {}

  /** Sends a command, if need be after opening the comm; one that cannot be sent is dropped. */
  async send(type: string, value?: number): Promise<void> {
    try {
      const { comm, subshell } = await (this.opened ??= this.open());
      const data = { run: this.run, type, ...(value === undefined ? {} : { value }) };
      this.post("comm_msg", { comm_id: comm, data }, subshell);
    } catch {
      this.opened = null;
    }
  }

  /** Whether commands are heard while a cell runs; opens the comm to find out. */
  async heardWhileBusy(): Promise<boolean> {
    try {
      return (await (this.opened ??= this.open())).subshell !== null;
    } catch {
      this.opened = null;
      return false;
    }
  }

  /** Closes the comm and gives its subshell back. */
  async close(): Promise<void> {
    const opened = this.opened;
    this.opened = null;
    try {
      if (!opened) return;
      const { comm, subshell } = await opened;
      this.post("comm_close", { comm_id: comm, data: {} }, subshell);
      if (subshell !== null) await this.ask("delete_subshell_request", { subshell_id: subshell });
    } catch {
      // The kernel is gone, and the comm with it.
    }
  }

  private async open(): Promise<Opened> {
    const subshell = await this.openSubshell();
    const comm = identifier();
    this.post("comm_open", { comm_id: comm, target_name: TARGET, data: { run: this.run } }, subshell);
    return { comm, subshell };
  }

  private async openSubshell(): Promise<string | null> {
    const info = await this.ask("kernel_info_request", {});
    const features = info?.supported_features;
    if (!Array.isArray(features) || !features.includes("kernel subshells")) return null;
    const reply = await this.ask("create_subshell_request", {});
    return typeof reply?.subshell_id === "string" ? reply.subshell_id : null;
  }

  private async ask(type: string, content: object): Promise<Record<string, unknown> | undefined> {
    const future = this.kernel.sendControlMessage(this.message("control", type, content, null), true);
    const silence = new Promise<undefined>((resolve) => setTimeout(resolve, ANSWER_MS, undefined));
    return (await Promise.race([future.done, silence]))?.content;
  }

  private post(type: string, content: object, subshell: string | null): Future {
    return this.kernel.sendShellMessage(this.message("shell", type, content, subshell));
  }

  private message(channel: string, type: string, content: object, subshell: string | null) {
    const { clientId: session, username } = this.kernel;
    const date = new Date().toISOString();
    const header = {
      msg_id: identifier(),
      msg_type: type,
      session,
      username,
      date,
      version: "5.4",
      subshell_id: subshell,
    };
    return { channel, header, parent_header: {}, metadata: {}, content, buffers: [] };
  }
}

// crypto.randomUUID is missing on pages served over plain http, as many Jupyter servers are.
function identifier(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
