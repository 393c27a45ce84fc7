import { vi } from "vitest";

/** Stands for the monitor's program in the tests of the bootstrap. */
export const spies = {
  made: vi.fn(),
  initialize: vi.fn(),
  render: vi.fn(),
  end: vi.fn(),
  close: vi.fn(),
};

export default () => {
  spies.made();
  return {
    initialize(context: unknown) {
      spies.initialize(context);
      return spies.end;
    },
    render(view: unknown) {
      spies.render(view);
      return spies.close;
    },
  };
};
