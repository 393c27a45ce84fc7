import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], restoreMocks: true },
  plugins: [
    {
      name: "css-as-text",
      transform: (_, id) => (id.endsWith(".css") ? "export default ''" : undefined),
    },
  ],
});
