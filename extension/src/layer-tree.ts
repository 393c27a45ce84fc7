/** The tree of a model's layers as a notebook widget (anywidget). */

import style from "../style/layer-tree.css";
import { LayerTree } from "./layer-tree/tree";
import type { Model } from "./wizard/model";

export default {
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const view = new AbortController();
    const sheet = document.createElement("style");
    sheet.textContent = style;
    el.append(sheet, new LayerTree(model, view.signal).root);
    return () => view.abort();
  },
};
