import type { RunStore } from "../store";
import { Channel } from "./channel";
import type { Kernel } from "./kernel";

const INTERRUPT_AFTER_MS = 400;
const SNAPSHOT_EVERY_MS = 2000;

/** What a view can ask of a run. Nothing is sent for a run that is not active. */
export class Commands {
  private channel: Channel | null = null;
  private asked = Number.NEGATIVE_INFINITY;

  /** `kernel` is asked anew for each command: it comes late in a page that is loading, and changes on a restart. */
  constructor(
    private readonly store: RunStore,
    private readonly kernel: () => Kernel | null,
    signal: AbortSignal,
  ) {
    store.onGap = () => void this.requestSnapshot();
    store.subscribe(() => {
      if (!store.active) this.release();
    }, signal);
    signal.addEventListener("abort", () => this.release());
  }

  /** Whether there is a kernel to act on in this front end. */
  get available(): boolean {
    return this.kernel() !== null;
  }

  pause(): void {
    void this.send("pause");
  }

  resume(): void {
    void this.send("resume");
  }

  setLearningRate(value: number): void {
    void this.send("learning_rate", value);
  }

  /**
   * Stops the run: by message, and by an interrupt if that has not ended it soon after.
   *
   * A message alone is not heard by kernels without subshells; an interrupt alone could arrive after the run's own end and
   * hit the code that follows.
   */
  stop(): void {
    void this.send("stop");
    const kernel = this.kernel();
    setTimeout(() => {
      if (kernel && kernel === this.kernel() && this.store.active && kernel.status !== "idle") {
        kernel.interrupt().catch(() => {});
      }
    }, INTERRUPT_AFTER_MS);
  }

  /** Asks for the whole picture, at most every two seconds. */
  async requestSnapshot(): Promise<void> {
    const now = performance.now();
    if (now - this.asked < SNAPSHOT_EVERY_MS) return;
    this.asked = now;
    const channel = this.open();
    // Where nobody hears during the cell, messages would only pile up behind it; the sketches have to do.
    if (await channel?.heardWhileBusy()) await channel?.send("snapshot");
  }

  private async send(type: string, value?: number): Promise<void> {
    await this.open()?.send(type, value);
  }

  private open(): Channel | null {
    const kernel = this.store.active ? this.kernel() : null;
    const run = this.store.run?.id;
    if (!kernel || !run) return null;
    if (this.channel?.kernel !== kernel) this.channel = new Channel(kernel, run);
    return this.channel;
  }

  private release(): void {
    void this.channel?.close();
    this.channel = null;
  }
}
