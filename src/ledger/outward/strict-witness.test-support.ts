/**
 * A small witness as tlog-witness asks for, with its own reading of requests and its own check of consistency proofs: it
 * shares no code with the ledger.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface StrictWitness {
  readonly url: string;
  readonly vkey: string;
  /** What it last cosigned, by origin. */
  readonly trees: Map<string, { size: number; root: Buffer }>;
  /** Bodies as they came. */
  readonly requests: string[];
  /** Changes answers for tests of bad witnesses. */
  tamper:
    | ((answer: { status: number; body: string }) => { status: number; body: string })
    | undefined;
  readonly server: Server;
  close(): Promise<void>;
}

export interface StrictWitnessOptions {
  readonly name?: string;
  readonly algorithm?: "ed25519" | "ml-dsa-44";
  /** vkeys of logs it knows, by origin. */
  readonly logs: ReadonlyMap<string, string>;
}

const SPKI_PREFIX_BYTES = { ed25519: 12, "ml-dsa-44": 22 };

export async function startStrictWitness(options: StrictWitnessOptions): Promise<StrictWitness> {
  const { name = "witness.example/w1", algorithm = "ed25519" } = options;
  // The types of some Node versions do not know ML-DSA yet.
  const { publicKey, privateKey } = generateKeyPairSync(algorithm as "ed25519");
  const raw = publicKey
    .export({ format: "der", type: "spki" })
    .subarray(SPKI_PREFIX_BYTES[algorithm]);
  const typed = Buffer.concat([Buffer.from([algorithm === "ed25519" ? 4 : 6]), raw]);
  const id = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4);
  const witness: Omit<StrictWitness, "url" | "server"> = {
    vkey: `${name}+${id.toString("hex")}+${typed.toString("base64")}`,
    trees: new Map(),
    requests: [],
    tamper: undefined,
    close,
  };
  const server = createServer(async (request, response) => {
    const body = await text(request);
    witness.requests.push(body);
    if (request.method !== "POST" || request.url !== "/prefix/add-checkpoint")
      return respond(response, { status: 405, body: "" });
    const answer = decide(body, options.logs, witness.trees);
    const done =
      answer.status === 200
        ? { status: 200, body: cosignatureLine(body, { name, id, privateKey, algorithm }) }
        : answer;
    respond(response, witness.tamper?.(done) ?? done);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`;
  return Object.assign(witness, { url, server });

  async function close(): Promise<void> {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

function respond(
  response: ServerResponse,
  { status, body }: { status: number; body: string },
): void {
  response.writeHead(status, {
    "content-type": status === 409 ? "text/x.tlog.size" : "text/plain",
  });
  response.end(body);
}

function decide(
  body: string,
  logs: ReadonlyMap<string, string>,
  trees: StrictWitness["trees"],
): { status: number; body: string } {
  const no = (status: number, why: string) => ({ status, body: `${why}\n` });
  const blank = body.indexOf("\n\n");
  const [old = "", ...proofLines] = body.slice(0, blank).split("\n");
  const note = body.slice(blank + 2);
  const oldSize = Number(/^old (0|[1-9]\d*)$/.exec(old)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(oldSize) || proofLines.length > 63) return no(400, "bad request");
  const proof = proofLines.map((line) => Buffer.from(line, "base64"));
  if (proof.some((hash, at) => hash.length !== 32 || hash.toString("base64") !== proofLines[at]))
    return no(400, "bad proof line");
  const end = note.lastIndexOf("\n\n");
  const checkpoint = note.slice(0, end + 1);
  const [origin = "", sizeText = "", rootText = ""] = checkpoint.split("\n");
  const vkey = logs.get(origin);
  if (vkey === undefined) return no(404, "unknown log");
  if (!isSigned(checkpoint, note.slice(end + 2), vkey)) return no(403, "bad signature");
  const size = Number(sizeText);
  const root = Buffer.from(rootText, "base64");
  if (oldSize > size) return no(400, "old size above the new");
  const known = trees.get(origin);
  if (oldSize !== (known?.size ?? 0)) return no(409, String(known?.size ?? 0));
  if (known === undefined ? proof.length > 0 : !isConsistent(known, { size, root }, proof))
    return no(422, "inconsistent");
  trees.set(origin, { size, root });
  return { status: 200, body: "" };
}

function isSigned(checkpoint: string, signatures: string, vkey: string): boolean {
  const [name = "", idHex = "", ...rest] = vkey.split("+");
  const raw = Buffer.from(rest.join("+"), "base64").subarray(1);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  for (const line of signatures.split("\n")) {
    const [dash, who, base64 = ""] = line.split(" ");
    const bytes = Buffer.from(base64, "base64");
    if (dash !== "—" || who !== name || bytes.toString("hex", 0, 4) !== idHex) continue;
    return verify(null, Buffer.from(checkpoint), key, bytes.subarray(4));
  }
  return false;
}

interface Tree {
  readonly size: number;
  readonly root: Buffer;
}

/** By the recursion of RFC 6962 section 2.1.2 read backwards: both roots are rebuilt from the proof. */
function isConsistent(old: Tree, now: Tree, proof: readonly Buffer[]): boolean {
  if (old.size === now.size) return proof.length === 0 && old.root.equals(now.root);
  const rest = [...proof];
  const rebuild = (m: number, n: number, isWhole: boolean): [Buffer, Buffer] | undefined => {
    if (m === n) {
      const hash = isWhole ? old.root : rest.shift();
      return hash && [hash, hash];
    }
    let k = 1;
    while (k * 2 < n) k *= 2;
    const [first, second] =
      m <= k ? [rebuild(m, k, isWhole), undefined] : [undefined, rebuild(m - k, n - k, false)];
    const sibling = rest.shift();
    if (sibling === undefined) return undefined;
    if (first) return [first[0], node(first[1], sibling)];
    return second && [node(sibling, second[0]), node(sibling, second[1])];
  };
  const roots = rebuild(old.size, now.size, true);
  return (
    rest.length === 0 &&
    roots !== undefined &&
    roots[0].equals(old.root) &&
    roots[1].equals(now.root)
  );
}

function cosignatureLine(
  body: string,
  key: { name: string; id: Buffer; privateKey: KeyObject; algorithm: string },
): string {
  const note = body.slice(body.indexOf("\n\n") + 2);
  const checkpoint = note.slice(0, note.lastIndexOf("\n\n") + 1);
  const seconds = BigInt(Math.floor(Date.now() / 1_000));
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(seconds);
  const message =
    key.algorithm === "ed25519"
      ? Buffer.from(`cosignature/v1\ntime ${seconds}\n${checkpoint}`)
      : subtreeMessage(key.name, time, checkpoint);
  const signature = sign(null, message, key.privateKey);
  return `— ${key.name} ${Buffer.concat([key.id, time, signature]).toString("base64")}\n`;
}

function subtreeMessage(name: string, time: Buffer, checkpoint: string): Buffer {
  const [origin = "", size = "", root = ""] = checkpoint.split("\n");
  const end = Buffer.alloc(8);
  end.writeBigUInt64BE(BigInt(size));
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"),
    Buffer.from([name.length]),
    Buffer.from(name),
    time,
    Buffer.from([origin.length]),
    Buffer.from(origin),
    Buffer.alloc(8),
    end,
    Buffer.from(root, "base64"),
  ]);
}

const sha256 = (...parts: readonly Buffer[]): Buffer =>
  createHash("sha256").update(Buffer.concat(parts)).digest();
const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.from([1]), left, right);
