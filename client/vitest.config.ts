import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const OLDEST = fileURLToPath(new URL("test/react-18/node_modules/", import.meta.url));
const alias = { "react-dom": `${OLDEST}react-dom`, react: `${OLDEST}react` };
const hook = ["test/react.test.ts"];
const running = ["test/running.test.ts"]; // against a running Yardmaster: YARD_URL, YARD_OTHER_URL, YARD_TOKEN
const shared = { isolate: false, testTimeout: 30_000 };

export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      { test: { ...shared, name: "client", include: ["test/*.test.ts"], exclude: [...hook, ...running] } },
      { test: { ...shared, name: "react 19", include: hook, provide: { react: /^19\./ } } },
      { test: { ...shared, name: "react 18", include: hook, provide: { react: /^18\./ } }, resolve: { alias } },
      { test: { ...shared, name: "running", include: running } },
    ],
  },
});

declare module "vitest" {
  interface ProvidedContext {
    react: RegExp;
  }
}
