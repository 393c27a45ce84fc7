import type { Kernel } from "../src/control/kernel";

interface Sent {
  channel: string;
  header: { msg_type: string; subshell_id: string | null };
  content: Record<string, unknown>;
}

class FakeSignal<T> {
  private readonly slots = new Set<(sender: unknown, value: T) => void>();
  connect(slot: (sender: unknown, value: T) => void): void {
    this.slots.add(slot);
  }
  disconnect(slot: (sender: unknown, value: T) => void): void {
    this.slots.delete(slot);
  }
  emit(value: T): void {
    for (const slot of [...this.slots]) slot(this, value);
  }
  get size(): number {
    return this.slots.size;
  }
}

/** A kernel connection that records what is sent to it, and answers on the control channel as ipykernel does. */
export class FakeKernel implements Kernel {
  readonly id = "kernel-1";
  readonly clientId = "client";
  readonly username = "";
  status = "busy";
  readonly statusChanged = new FakeSignal<string>();
  readonly disposed = new FakeSignal<void>();
  readonly iopubMessage = new FakeSignal<object>();
  readonly sent: Sent[] = [];
  interrupts = 0;
  comms: Record<string, unknown> = {};

  constructor(private readonly features: string[] = ["kernel subshells"]) {}

  async interrupt(): Promise<void> {
    this.interrupts++;
  }
  sendShellMessage(message: object) {
    this.sent.push(message as Sent);
    return { done: Promise.resolve(undefined) };
  }
  sendControlMessage(message: object) {
    this.sent.push(message as Sent);
    const answers: Record<string, object> = {
      kernel_info_request: { supported_features: this.features },
      create_subshell_request: { subshell_id: "subshell-1" },
      comm_info_request: { comms: this.comms },
    };
    const content = (answers[(message as Sent).header.msg_type] ?? {}) as Record<string, unknown>;
    return { done: Promise.resolve({ content }) };
  }
  async requestCommInfo() {
    return { content: { status: "ok", comms: this.comms } };
  }

  types(): string[] {
    return this.sent.map(({ header }) => header.msg_type);
  }
  commands(): unknown[] {
    return this.sent.filter(({ header }) => header.msg_type === "comm_msg").map(({ content }) => content.data);
  }
}
