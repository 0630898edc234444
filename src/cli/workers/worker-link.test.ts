/** A worker process that cannot be started, or cannot be written to: it must never take the primary with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { configurationFolder } from "../../../test/cli/configuration-folder.ts";

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
  const folder = configurationFolder({});
  const module = new URL("worker-link.ts", import.meta.url).href;
  writeFileSync(folder.at("primary.mjs"), PROGRAM(module));
  const child = spawn(process.execPath, [folder.at("primary.mjs")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  expect(JSON.parse(said)).toEqual({
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
