import type { Commands } from "../control/commands";
import { h, setAttribute, setText } from "../element";
import type { RunStore } from "../store";
import { icon } from "./icon";
import { learningRate } from "./learning-rate";
import type { Part } from "./part";

/** Stop, Pause or Resume, and the learning rate; there only while the run is active. */
export function controls(store: RunStore, commands: Commands, signal: AbortSignal): Part {
  const stopWord = h("span", {}, "Stop");
  const stop = h("button", { type: "button", class: "nbk-button nbk-stop" }, icon("stop"), stopWord);
  const pauseIcon = h("span", { class: "nbk-icon" });
  const pauseWord = h("span");
  const pause = h("button", { type: "button", class: "nbk-button nbk-pause" }, pauseIcon, pauseWord);
  const rate = learningRate(store, commands, signal);
  const node = h("div", { class: "nbk-controls", role: "group", "aria-label": "Controls" }, stop, pause, rate.node);
  let stopping = false;

  // aria-disabled, because a disabled button drops the keyboard's focus.
  const enable = (button: Element, on: boolean) => setAttribute(button, "aria-disabled", on ? null : "true");
  const isOn = (button: Element) => !button.hasAttribute("aria-disabled");
  stop.addEventListener(
    "click",
    () => {
      if (!isOn(stop)) return;
      stopping = true;
      commands.stop();
      update();
    },
    { signal },
  );
  pause.addEventListener(
    "click",
    () => {
      if (!isOn(pause)) return;
      if (store.run?.status === "paused") commands.resume();
      else commands.pause();
    },
    { signal },
  );

  function update() {
    const run = store.run;
    if (!run) return;
    if (!store.active && node.contains(document.activeElement)) node.closest<HTMLElement>(".nbkeras")?.focus();
    node.hidden = !store.active;
    const able = store.active && commands.available;
    const paused = run.status === "paused";
    enable(stop, able && !stopping);
    setText(stopWord, stopping ? "Stopping…" : "Stop");
    enable(pause, able && !stopping);
    if (pause.dataset.does !== String(paused)) {
      pause.dataset.does = String(paused);
      pauseIcon.replaceChildren(icon(paused ? "resume" : "pause"));
      setText(pauseWord, paused ? "Resume" : "Pause");
    }
    pause.hidden = !run.controls.pause;
    rate.node.hidden = !run.controls.learning_rate;
    rate.update();
  }
  return { node, update };
}
