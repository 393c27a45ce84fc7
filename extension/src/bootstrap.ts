/**
 * What each monitor carries as its own program: it takes the real one from the hidden widget that the kernel sent once,
 * and imports it once for the page.
 */

interface Model {
  get(name: string): unknown;
  widget_manager: { get_model(id: string): Promise<Pick<Model, "get">> };
}

interface Context {
  model: Model;
}

interface View extends Context {
  el: HTMLElement;
}

interface Widget {
  initialize(context: Context): () => void;
  render(view: View): () => void;
}

type Program = { default: () => Widget };

// anywidget gives up on a model whose initialize takes two seconds, and drops all its messages from then on.
const PATIENCE_MS = 1000;

const page = globalThis as typeof globalThis & { nbkerasPrograms?: Map<unknown, Promise<Program>> };

async function load(model: Model): Promise<Program> {
  const code = await model.widget_manager.get_model((model.get("code") as string).replace("IPY_MODEL_", ""));
  page.nbkerasPrograms ??= new Map();
  const digest = code.get("digest");
  let program = page.nbkerasPrograms.get(digest);
  if (!program) page.nbkerasPrograms.set(digest, (program = inflate(code.get("source") as BufferSource)));
  return program;
}

async function inflate(source: BufferSource): Promise<Program> {
  const stream = new Blob([source]).stream().pipeThrough(new DecompressionStream("gzip"));
  const url = URL.createObjectURL(new Blob([await new Response(stream).text()], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default () => {
  let widget: Promise<Widget>;
  return {
    async initialize(context: Context) {
      let ended = false;
      let end = () => {};
      widget = load(context.model).then((program) => {
        const made = program.default();
        if (!ended) end = made.initialize(context);
        return made;
      });
      await Promise.race([widget.catch(() => {}), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
      return () => {
        ended = true;
        end();
      };
    },
    async render(view: View) {
      try {
        return (await widget).render(view);
      } catch {
        view.el.textContent = "The monitor's program is not in this page. Run %monitor to show the run again.";
      }
    },
  };
};
