import { svg } from "../element";

const PATHS = {
  stop: "M3 3h8v8H3z",
  pause: "M3.5 2.5h2.5v9H3.5zM8 2.5h2.5v9H8z",
  resume: "M4 2.5v9l7.5-4.5z",
};

/** A small picture in the colour of the text beside it. */
export function icon(name: keyof typeof PATHS): SVGElement {
  const path = svg("path", { d: PATHS[name], fill: "currentColor" });
  return svg("svg", { viewBox: "0 0 14 14", width: "12", height: "12" }, path);
}
