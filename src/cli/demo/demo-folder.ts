/**
 * The folder of one running demo: certificates, configuration, schemas, request body, token, logs. Made anew at each start,
 * readable by its owner alone, inside a folder that git ignores: the keys in it must never leave this machine.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSigningKeyPem } from "../../ledger/signing-key.ts";
import { createDevelopmentCa } from "./development-ca.ts";
import inferRequestSchema from "./model/churn.infer-request.json" with { type: "json" };
import inferResponseSchema from "./model/churn.infer-response.json" with { type: "json" };
import requestSchema from "./model/churn.request.json" with { type: "json" };
import responseSchema from "./model/churn.response.json" with { type: "json" };
import { CUSTOMER } from "./perform.ts";

/** The contract of both protocols; the configuration names these files. */
const SCHEMAS = {
  "churn.request.json": requestSchema,
  "churn.response.json": responseSchema,
  "churn.infer-request.json": inferRequestSchema,
  "churn.infer-response.json": inferResponseSchema,
};
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_FOLDER = 0o700;
const SERVER_DAYS = 30;

export interface DemoFolder {
  readonly path: string;
  readonly caFile: string;
  /** PEM of the development authority. */
  readonly ca: string;
  file(name: string): string;
  /** Writes a file for the owner only; a reader sees the old text or the new, never a half. */
  write(name: string, text: string): void;
}

/** Empties and fills the folder. `path` lies below a `.portcullis` folder, which is made to ignore itself. */
export async function createDemoFolder(path: string): Promise<DemoFolder> {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
  writeFileSync(join(dirname(path), ".gitignore"), "*\n");
  const file = (name: string): string => join(path, name);
  const write = (name: string, text: string): void => {
    writeFileSync(`${file(name)}.new`, text, { mode: OWNER_ONLY_FILE });
    renameSync(`${file(name)}.new`, file(name));
  };
  const authority = await createDevelopmentCa();
  const server = await authority.issue({
    commonName: "localhost",
    dnsNames: ["localhost"],
    ipAddresses: ["127.0.0.1"],
    usage: "server",
    validDays: SERVER_DAYS,
  });
  write("ca.crt", authority.certificatePem);
  write("server.crt", server.certificatePem);
  write("server.key", server.keyPem);
  write("ledger.key", createSigningKeyPem());
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    write(name, JSON.stringify(schema, undefined, 2));
  }
  write("request.json", JSON.stringify(CUSTOMER));
  return { path, caFile: file("ca.crt"), ca: authority.certificatePem, file, write };
}
