/** The operator's door of a gateway: what stands behind it, and how it is opened. */
import type { LedgerPages } from "../admin/ledger-pages.ts";
import {
  startOperatorListener,
  type OperatorListener,
  type OperatorPages,
} from "../admin/operator-listener.ts";
import type { Configuration } from "../gateway/configuration.ts";

/** What an operator may ask. */
export interface OperatorDoor {
  /** Names of what is not ready; empty when all is. */
  readonly notReady: () => readonly string[] | Promise<readonly string[]>;
  /** Names of what is away while it serves without. */
  readonly degraded?: () => readonly string[] | Promise<readonly string[]>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly ledger?: LedgerPages | undefined;
  readonly pages: readonly OperatorPages[];
}

export type OpenOperator = (
  configuration: Configuration,
  door: OperatorDoor,
) => Promise<OperatorListener>;

/** Listens where the configuration says; rejects with what to do when the address is taken. */
export const openOperator: OpenOperator = async ({ root, reader }, door) => {
  const { bind, tls, localOnly } = root.operator;
  return startOperatorListener({
    host: bind.host,
    port: bind.port,
    tls: tls && {
      certificate: await reader.readFile(tls.certificate),
      key: await reader.readFile(tls.key),
      ...(tls.callersCa && { callersCa: await reader.readFile(tls.callersCa) }),
    },
    isLocalOnly: localOnly,
    ...door,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    const advice =
      "another program listens there. Stop it (ss -ltnp shows which), or change operator.bind.";
    throw new Error(`cannot listen on ${bind.host}:${bind.port}: ${advice}`, { cause: error });
  });
};
