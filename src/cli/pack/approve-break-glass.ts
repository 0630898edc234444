/**
 * `portcullis pack approve-break-glass`: the second person's signature. It prints what the first one sends to
 * `/__breakglass`; it needs no gateway, and the key never goes where one runs.
 */
import { randomBytes, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { approvalText } from "../../packs/panic/approval.ts";
import { DEFAULT_PANIC_TTL_MAX_SEC } from "../../packs/panic/break-glass.ts";
import { requireOrder } from "../../packs/panic/break-glass-order.ts";
import { readPrivateKey } from "../../packs/sign/keys.ts";
import { countArgument } from "../ledger/arguments.ts";
import { orUnknown } from "../ledger/exit.ts";

interface ApproveOptions {
  readonly key: string;
  readonly ttl: number;
  readonly reason: string;
  readonly good: number;
}

/** Ten minutes: enough to send it to a colleague, too short to keep it for another day. */
const DEFAULT_GOOD_SEC = 600;

const NONCE_BYTES = 24;

export function addApproveBreakGlass(pack: Command): void {
  pack
    .command("approve-break-glass")
    .description(
      "Sign what a colleague then sends to /__breakglass, where two persons are asked for.",
    )
    .requiredOption("--key <file>", "the operator's private key")
    .requiredOption("--ttl <seconds>", "for how long break-glass is to be on", countArgument)
    .requiredOption("--reason <text>", "why, on one line")
    .option("--good <seconds>", "how long this may be used", countArgument, DEFAULT_GOOD_SEC)
    .action((options: ApproveOptions) => orUnknown(() => approve(options)));
}

async function approve({ key, ttl, reason, good }: ApproveOptions): Promise<void> {
  const order = { ttlSec: ttl, reason };
  // The gateway's own cap may be another; it says so itself.
  requireOrder(order, Math.max(ttl, DEFAULT_PANIC_TTL_MAX_SEC));
  const privateKey = readPrivateKey(await readFile(key, "utf8"));
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  const notAfter = new Date(Date.now() + good * 1_000).toISOString();
  const text = Buffer.from(approvalText(order, { notAfter, nonce }));
  const signature = sign(null, text, privateKey).toString("base64");
  console.log(
    JSON.stringify({ ttl_sec: ttl, reason, signature, not_after: notAfter, nonce }, undefined, 2),
  );
}
