import type { Future, Kernel } from "./kernel";
import { post } from "./message";

/** Sends code to the kernel's main thread, as a cell does. */
export function request(kernel: Kernel, content: object): Future {
  return post(kernel, "execute_request", content);
}
