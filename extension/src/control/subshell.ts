import { type Kernel, onKernelEnd } from "./kernel";
import { request } from "./message";

// A page that is still connecting holds messages back for three seconds.
const ANSWER_MS = 10_000;

const opened = new WeakMap<Kernel, Promise<string | null>>();

/**
 * The subshell through which this page's commands reach a kernel while a cell runs; null for a kernel without subshells.
 *
 * It is asked for on the control channel, which also answers a page that was opened when the cell was already running. There
 * is one for each kernel, and it is not given back: ipykernel complains about what was still in it.
 */
export function subshellOf(kernel: Kernel): Promise<string | null> {
  let subshell = opened.get(kernel);
  if (!subshell) {
    const life = new AbortController();
    const forget = () => {
      opened.delete(kernel);
      life.abort();
    };
    subshell = open(kernel).then((id) => {
      if (id === null) forget();
      return id;
    });
    subshell.catch(forget);
    opened.set(kernel, subshell);
    onKernelEnd(kernel, forget, life.signal);
  }
  return subshell;
}

async function open(kernel: Kernel): Promise<string | null> {
  const info = await ask(kernel, "kernel_info_request");
  const features = info?.supported_features;
  if (!Array.isArray(features) || !features.includes("kernel subshells")) return null;
  const reply = await ask(kernel, "create_subshell_request");
  return typeof reply?.subshell_id === "string" ? reply.subshell_id : null;
}

async function ask(kernel: Kernel, type: string): Promise<Record<string, unknown> | undefined> {
  const silence = new Promise<undefined>((resolve) => setTimeout(resolve, ANSWER_MS, undefined));
  return (await Promise.race([request(kernel, type, {}).done, silence]))?.content;
}
