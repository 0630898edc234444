/**
 * The ledger's signing key where nobody has made one: made at the first start, beside the ledger that it signs. It must
 * never be made anew for a ledger that is there: what the lost key signed would be followed by a stranger's hand.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { createSigningKeyPem, readSigningKey } from "../../ledger/signing-key.ts";

/** Whoever can read the key can sign another history. */
const KEY_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const SEGMENT = /^\d{8,}\.ndjson/;

/** Where the key stands that nobody named. */
export function ownKeyPath(ledgerDirectory: string): string {
  return join(ledgerDirectory, "signing.key");
}

/** Makes the key where there is none; gives the verifier key to hand out when it did. Throws where a ledger lost its key. */
export function makeOwnKey(ledgerDirectory: string): string | undefined {
  const path = ownKeyPath(ledgerDirectory);
  if (existsSync(path)) return undefined;
  mkdirSync(ledgerDirectory, { recursive: true, mode: DIRECTORY_MODE });
  if (readdirSync(dirname(path)).some((name) => SEGMENT.test(name)))
    throw new Error(
      `${ledgerDirectory} holds a ledger, but its signing key ${path} is gone. ` +
        "Put the key back, name it by LEDGER_SIGNING_KEY, or begin a new ledger elsewhere with LEDGER_PATH.",
    );
  const pem = createSigningKeyPem();
  const { verifierKey } = readSigningKey(pem, hostname());
  try {
    writeFileSync(path, pem, { mode: KEY_MODE, flag: "wx" });
  } catch (error) {
    // Another start was quicker: its key counts.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  return verifierKey;
}
