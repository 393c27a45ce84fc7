/**
 * Returns a function that asks for a drawing: at most one a frame, and none while the node is out of sight.
 *
 * A hidden page gets no animation frames, so there the drawing waits by itself.
 */
export function onFrame(node: Element, draw: () => void, signal: AbortSignal): () => void {
  let wanted = false;
  let seen = true;
  let frame = 0;
  const request = () => {
    wanted = true;
    if (!seen || frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      wanted = false;
      draw();
    });
  };
  const observer = new IntersectionObserver((entries) => {
    seen = entries.at(-1)?.isIntersecting ?? true;
    if (seen && wanted) request();
  });
  observer.observe(node);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    seen = false;
  });
  return request;
}
