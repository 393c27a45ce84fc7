import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Panel } from "@lumino/widgets";
import { WIZARD_MIME_TYPE } from "../wizard/events";
import type { PanelWidgets } from "./panel-widgets";

const WIDGET = "application/vnd.jupyter.widget-view+json";

/**
 * Draws the wizard's form while its kernel has it, else what was saved of it.
 *
 * The form stays as it is when the saved part of the output changes: JupyterLab then gives the new one to the same renderer.
 */
export class WizardRenderer extends Panel implements IRenderMime.IRenderer {
  private model: IRenderMime.IMimeModel | null = null;
  private shown = "";
  private readonly life = new AbortController();

  constructor(
    private readonly rendermime: IRenderMimeRegistry,
    private readonly living: PanelWidgets,
  ) {
    super();
    living.onEnd(() => void this.showSaved(), this.life.signal);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    const { widget } = model.data[WIZARD_MIME_TYPE] as unknown as { widget: string };
    if (widget === this.shown) return;
    this.shown = widget;
    const known = this.living.knows(widget);
    if (!known) await this.showSaved();
    if (known || (await this.living.has(widget))) await this.showForm(widget);
  }

  override dispose(): void {
    this.life.abort();
    super.dispose();
  }

  private async showSaved(): Promise<void> {
    if (!this.model) return;
    const type = "text/html" in this.model.data ? "text/html" : "text/plain";
    await this.draw(type, this.model);
  }

  private async showForm(widget: string): Promise<void> {
    // A copy: when the widget is closed, its renderer writes into the data.
    const view = { version_major: 2, version_minor: 0, model_id: widget };
    await this.draw(WIDGET, this.rendermime.createModel({ data: { [WIDGET]: view }, trusted: true }));
  }

  private async draw(type: string, model: IRenderMime.IMimeModel): Promise<void> {
    if (this.isDisposed || !this.rendermime.getFactory(type)) return;
    const renderer = this.rendermime.createRenderer(type);
    for (const before of [...this.widgets]) before.dispose();
    this.addWidget(renderer);
    await renderer.renderModel(model);
  }
}
