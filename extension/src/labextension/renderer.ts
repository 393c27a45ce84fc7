import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";
import { showMonitor } from "../views/monitor";
import type { Bundle, PanelRuns } from "./panel-runs";

export const MIME_TYPE = "application/vnd.nbkeras.monitor+json";

/** Draws a run from what the cell's output holds, and goes on live from there. */
export class MonitorRenderer extends Widget implements IRenderMime.IRenderer {
  private shown = "";
  private view = new AbortController();

  constructor(private readonly runs: PanelRuns) {
    super();
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const bundle = model.data[MIME_TYPE] as unknown as Bundle;
    const { store, commands } = this.runs.open(bundle);
    if (bundle.comm === this.shown) return;
    this.shown = bundle.comm;
    this.view.abort();
    this.view = new AbortController();
    showMonitor(this.node, store, commands, this.view.signal);
  }

  override dispose(): void {
    this.view.abort();
    super.dispose();
  }
}
