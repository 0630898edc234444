/** Connections that were handed to a worker which dies: each is answered by another, and none waits for ever. */
import { expect, test } from "vitest";
import { runPrimary } from "./primary-program.test-support.ts";

/** Four workers are stopped, so that each has a connection that it does not take, and are killed one by one. */
const PROGRAM = (module: string): string => `
import cluster from "node:cluster";
import { createServer, get } from "node:http";
import { returnConnections } from ${JSON.stringify(module)};
const PORT = 0;
if (cluster.isWorker) {
  const server = createServer((_, response) => response.end(String(process.pid)));
  server.listen({ port: PORT, host: "127.0.0.1" }, () => process.send(server.address().port));
} else {
  const alive = new Set();
  const start = () => new Promise((ready) => {
    const worker = cluster.fork();
    returnConnections(worker.process, () => alive.size > 0);
    worker.process.once("exit", () => alive.delete(worker));
    worker.process.on("message", (port) => { alive.add(worker); ready({ worker, port }); });
  });
  const stuck = [];
  for (let i = 0; i < 3; i++) stuck.push(await start());
  const { port } = stuck[0];
  for (const { worker } of stuck) worker.process.kill("SIGSTOP");
  const ask = () => new Promise((done) => {
    get({ port, host: "127.0.0.1", agent: false }, (answer) => answer.setEncoding("utf8").on("data", done));
  });
  const asked = Array.from({ length: 6 }, ask);
  await new Promise((later) => setTimeout(later, 300));
  const healthy = await start();
  for (const { worker } of stuck) worker.process.kill("SIGKILL");
  const answers = await Promise.all(asked);
  const isHealthy = answers.every((pid) => pid === String(healthy.worker.process.pid));
  console.log(JSON.stringify({ answers: answers.length, isHealthy }));
  process.exit();
}
`;

test("connections of workers that were stopped and killed are served by the one that lives", async () => {
  const module = new URL("connection-returns.ts", import.meta.url).href;
  expect(await runPrimary(PROGRAM(module))).toEqual({ answers: 6, isHealthy: true });
});
