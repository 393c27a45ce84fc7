import type { Future, Kernel } from "./kernel";

/** Sends a message on the shell channel, to the main shell or to a subshell. */
export function post(kernel: Kernel, type: string, content: object, subshell: string | null = null): Future {
  return kernel.sendShellMessage(message(kernel, "shell", type, content, subshell));
}

/** Sends a request on the control channel, which a kernel answers while a cell runs. */
export function request(kernel: Kernel, type: string, content: object): Future {
  return kernel.sendControlMessage(message(kernel, "control", type, content, null), true);
}

// crypto.randomUUID is missing on pages served over plain http, as many Jupyter servers are.
export function identifier(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function message(
  { clientId: session, username }: Kernel,
  channel: string,
  type: string,
  content: object,
  subshell: string | null,
) {
  const date = new Date().toISOString();
  const header = {
    msg_id: identifier(),
    msg_type: type,
    session,
    username,
    date,
    version: "5.4",
    subshell_id: subshell,
  };
  return { channel, header, parent_header: {}, metadata: {}, content, buffers: [] };
}
