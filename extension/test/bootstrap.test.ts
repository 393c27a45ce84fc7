import { beforeEach, describe, expect, it, vi } from "vitest";
import bootstrap from "../src/bootstrap";
import { spies } from "./program";

const SOURCE = "export default () => 'the program'";
let blobs: Blob[];

beforeEach(() => {
  blobs = [];
  for (const spy of Object.values(spies)) spy.mockClear();
  // Node imports no blobs: the program of the tests comes in their place.
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    blobs.push(blob as Blob);
    return new URL("./program.ts", import.meta.url).href;
  });
});

async function gzip(text: string): Promise<DataView> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new DataView(await new Response(stream).arrayBuffer());
}

const source = await gzip(SOURCE);

function models(digest: string) {
  const traits: Record<string, unknown> = { digest, source };
  const get_model = vi.fn(async (_: string) => ({ get: (name: string) => traits[name] }));
  return { get: () => "IPY_MODEL_42", widget_manager: { get_model } };
}

describe("bootstrap", () => {
  it("inflates the program, imports it, and hands everything on", async () => {
    const model = models("a");
    const widget = bootstrap();
    const end = await widget.initialize({ model });
    expect(model.widget_manager.get_model).toHaveBeenCalledWith("42");
    expect(await blobs[0]?.text()).toBe(SOURCE);
    expect(blobs[0]?.type).toBe("text/javascript");
    expect(spies.initialize).toHaveBeenCalledWith({ model });
    const view = { model, el: {} as HTMLElement };
    expect(await widget.render(view)).toBe(spies.close);
    expect(spies.render).toHaveBeenCalledWith(view);
    end();
    expect(spies.end).toHaveBeenCalledOnce();
  });

  it("imports one program once for the page, and makes a widget for each model", async () => {
    await Promise.all([1, 2, 3].map(() => bootstrap().initialize({ model: models("b") })));
    await bootstrap().initialize({ model: models("c") });
    expect(blobs).toHaveLength(2);
    expect(spies.made).toHaveBeenCalledTimes(4);
  });

  it("says so when the program is not in the page", async () => {
    const model = { get: () => "IPY_MODEL_42", widget_manager: { get_model: () => Promise.reject(new Error("none")) } };
    const widget = bootstrap();
    await widget.initialize({ model });
    const el = { textContent: "" } as HTMLElement;
    await widget.render({ model, el });
    expect(el.textContent).toBe("The monitor's program is not in this page. Run %monitor to show the run again.");
  });

  it("does not hold the model up while the program is on its way", async () => {
    vi.useFakeTimers();
    const model = { get: () => "IPY_MODEL_42", widget_manager: { get_model: () => new Promise<never>(() => {}) } };
    const initialized = vi.fn();
    void bootstrap().initialize({ model }).then(initialized);
    await vi.advanceTimersByTimeAsync(1100);
    expect(initialized).toHaveBeenCalled();
    vi.useRealTimers();
  });

  it("starts nothing for a model that was closed in the meantime", async () => {
    vi.useFakeTimers();
    let answer = (_: Awaited<ReturnType<ReturnType<typeof models>["widget_manager"]["get_model"]>>) => {};
    const code = await models("d").widget_manager.get_model("42");
    const get_model = () => new Promise<typeof code>((resolve) => (answer = resolve));
    const begun = bootstrap().initialize({ model: { get: () => "IPY_MODEL_42", widget_manager: { get_model } } });
    await vi.advanceTimersByTimeAsync(1100);
    (await begun)();
    vi.useRealTimers();
    answer(code);
    await vi.waitFor(() => expect(spies.made).toHaveBeenCalled());
    expect(spies.initialize).not.toHaveBeenCalled();
  });
});
