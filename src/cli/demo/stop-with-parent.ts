/**
 * Loaded first into each child of the demo (`node --import`): ends it in good order when the demo is gone, even killed. The
 * demo holds the other end of stdin, and the system closes it with the demo's last breath. Must not keep a child alive.
 */
import { isMainThread } from "node:worker_threads";

// Threads load it too, and have a stdin of their own that says nothing about the demo.
if (isMainThread) {
  const { stdin } = process;
  stdin.once("close", () => process.kill(process.pid, "SIGTERM"));
  // A pipe that is only waited on must not be what keeps the process running.
  if ("unref" in stdin) stdin.unref();
  stdin.resume();
}
