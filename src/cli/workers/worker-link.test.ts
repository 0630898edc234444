/** A worker process that cannot be started, or cannot be written to: it must never take the primary with it. */
import { expect, test } from "vitest";
import { runPrimary } from "./primary-program.test-support.ts";

/** A folder that is gone stands for every reason for which no process comes to be. */
const PROGRAM = (module: string): string => `
import cluster from "node:cluster";
import { prepareForks, WorkerLink } from ${JSON.stringify(module)};
if (cluster.isWorker) {
  process.send({ kind: "ready" });
} else {
  prepareForks();
  const said = { ends: [] };
  const start = () => new Promise((settled) => {
    const link = new WorkerLink({
      seat: { number: 1, count: 1 },
      limitStore: {},
      nowMs: () => 0,
      hasOthers: () => false,
      onReady: () => settled(),
      onEnd: (end) => { said.ends.push(end); settled(); },
    });
  });
  process.once("uncaughtException", (error) => { said.uncaught = String(error); });
  await start();
  for (const { process: child } of Object.values(cluster.workers)) {
    child.emit("error", new Error("write EPIPE"));
    child.kill("SIGKILL");
    await new Promise((ended) => child.once("exit", ended));
  }
  cluster.setupPrimary({ cwd: "/nonexistent" });
  await start();
  console.log(JSON.stringify(said));
  process.exit();
}
`;

test("a failed write ends nothing, and a process that never came to be is an end as any other", async () => {
  const module = new URL("worker-link.ts", import.meta.url).href;
  expect(await runPrimary(PROGRAM(module))).toEqual({
    ends: [
      { code: null, signal: "SIGKILL" },
      {
        code: null,
        signal: null,
        refusal: expect.stringMatching(/cannot be started: .*ENOENT/) as string,
      },
    ],
  });
});
