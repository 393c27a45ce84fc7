/** The views of wizards as a notebook widget (anywidget): the code panel of one, and the gallery of all. */

import style from "../style/wizard.css";
import { showCode } from "./wizard/code";
import { showGallery } from "./wizard/gallery";
import type { Model } from "./wizard/model";

export default {
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const view = new AbortController();
    const sheet = document.createElement("style");
    sheet.textContent = style;
    el.append(sheet);
    const show = model.get("kind") === "gallery" ? showGallery : showCode;
    show(el, model, view.signal);
    return () => view.abort();
  },
};
