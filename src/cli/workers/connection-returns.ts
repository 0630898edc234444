/**
 * Connections on their way to a worker that dies go to another one. Node's cluster waits for the worker's receipt of each
 * connection, for ever when there is none, and the caller with it. What is read here of Node's own messages is not
 * documented: should they change, nothing is returned, and nothing else changes.
 */
import type { ChildProcess } from "node:child_process";

/** `lib/internal/cluster/round_robin_handle.js`: a connection is sent under a number, and its receipt names that. */
interface ClusterMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: unknown;
  readonly ack?: unknown;
}

/** Node's handle of a socket. */
interface SocketHandle {
  close(): void;
}

const CLUSTER = "NODE_CLUSTER";
/** Receipts that the dead worker sent may still be unread: a connection that it had must not go to another. */
const RECEIPT_GRACE_MS = 50;

/** Call it before the worker listens. `hasOthers` tells, at its end, whether another worker takes connections. */
export function returnConnections(child: ChildProcess, hasOthers: () => boolean): void {
  const underWay = new Map<number, SocketHandle>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]) => {
    const [message, handle] = args as [ClusterMessage | null, SocketHandle | undefined];
    const isConnection = message?.cmd === CLUSTER && message.act === "newconn";
    if (isConnection && typeof message.seq === "number" && typeof handle?.close === "function")
      underWay.set(message.seq, handle);
    return send(...args);
  };
  child.on("internalMessage", ({ cmd, ack }: ClusterMessage) => {
    if (cmd === CLUSTER && typeof ack === "number") underWay.delete(ack);
  });
  const giveBack = (): void => {
    for (const [seq, handle] of underWay) {
      if (hasOthers()) child.emit("internalMessage", { cmd: CLUSTER, ack: seq, accepted: false });
      else handle.close();
    }
    underWay.clear();
  };
  let hasLeft = false;
  child.once("disconnect", () => (hasLeft = true));
  child.once("exit", () => {
    setTimeout(() => {
      // A channel that ends with a connection under way never says so, and Node would hand the dead one more for ever.
      if (!hasLeft) child.emit("disconnect");
      giveBack();
    }, RECEIPT_GRACE_MS).unref();
  });
}
