/**
 * A real witness of the C2SP ecosystem for tests: litewitness of filippo.io/torchwood, built once into the checkout's ignored
 * folder. Where there is no Go or no network, what needs it says loudly that it is skipped.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { peerFolder } from "./peer-folder.ts";
import { until } from "./until.ts";

const VERSION = "v0.9.0";
const BUILD_LIMIT_MS = 300_000;
const START_LIMIT_MS = 60_000;
const SKIPPED = `SKIPPED: litewitness ${VERSION} cannot be built (Go 1.24 or later and a network are needed); cosignatures are not tested against a real witness`;

export interface Litewitness {
  readonly url: string;
  readonly vkey: string;
  stop(): Promise<void>;
}

/** The folder with its programs, or undefined; builds them the first time, which takes a minute. */
export function prepareLitewitness(): string | undefined {
  const folder = peerFolder(`torchwood-${VERSION}`, (target) => {
    const program = `filippo.io/torchwood/cmd/litewitness@${VERSION}`;
    const env = { ...process.env, GOBIN: target, PATH: pathWithGo() };
    const built = spawnSync("go", ["install", program], {
      env,
      timeout: BUILD_LIMIT_MS,
      stdio: "ignore",
    });
    return built.status === 0;
  });
  if (folder === undefined) console.warn(SKIPPED);
  return folder;
}

/** Where Go's own installer puts it, which not every PATH names. */
function pathWithGo(): string {
  const usual = "/usr/local/go/bin";
  const path = process.env["PATH"] ?? "";
  return existsSync(usual) ? `${path}${delimiter}${usual}` : path;
}

/** A witness that knows one log. */
export async function startLitewitness(
  folder: string,
  log: { readonly origin: string; readonly vkey: string },
): Promise<Litewitness> {
  const directory = await mkdtemp(join(tmpdir(), "portcullis-witness-"));
  const database = join(directory, "witness.db");
  tellOf(database, log);
  const agent = await startAgent(join(directory, "agent"));
  const port = await freePort();
  const child = spawn(
    join(folder, "litewitness"),
    [
      ["-name", "witness.example/w1"],
      ["-db", database],
      ["-ssh-agent", agent.path],
      ["-key", agent.fingerprint],
      ["-listen", `127.0.0.1:${port}`],
    ].flat(),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const vkey = await started(child, url);
  return {
    url,
    vkey,
    async stop() {
      child.kill();
      await exited;
      agent.server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * What its tool `witnessctl add-log` and `add-key` write. The tool itself needs a module that not every module proxy has.
 */
function tellOf(path: string, log: { readonly origin: string; readonly vkey: string }): void {
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
    CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));
  `);
  const emptyRoot = createHash("sha256").digest("base64");
  database.prepare("INSERT INTO log VALUES (?, 0, ?)").run(log.origin, emptyRoot);
  database.prepare("INSERT INTO key VALUES (?, ?)").run(log.origin, log.vkey);
  database.close();
}

async function started(child: ChildProcess, url: string): Promise<string> {
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-10_000);
  });
  const vkey = (): string | undefined => /vkey="?([^\s"]+)/.exec(said)?.[1];
  const isUp = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`litewitness ended: ${said}`);
    return (
      vkey() !== undefined &&
      (await fetch(url).then(
        () => true,
        () => false,
      ))
    );
  };
  await until("litewitness answers", isUp, START_LIMIT_MS);
  return vkey() as string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Agent {
  readonly path: string;
  readonly fingerprint: string;
  readonly server: Server;
}

const [FAILURE, IDENTITIES, IDENTITIES_ANSWER, SIGN, SIGN_ANSWER] = [5, 11, 12, 13, 14] as const;

/** An SSH agent with one Ed25519 key: the way litewitness takes its key (draft-miller-ssh-agent). */
async function startAgent(path: string): Promise<Agent> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const blob = Buffer.concat([sshString("ssh-ed25519"), sshString(raw)]);
  const server = createServer((socket) => {
    let held = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
        const end = 4 + held.readUInt32BE(0);
        socket.write(sshString(agentAnswer(held.subarray(4, end), blob, privateKey)));
        held = held.subarray(end);
      }
    });
  }).listen(path);
  await once(server, "listening");
  const digest = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return { path, fingerprint: `SHA256:${digest}`, server };
}

function agentAnswer(request: Buffer, blob: Buffer, key: KeyObject): Buffer {
  if (request[0] === IDENTITIES)
    return Buffer.concat([
      Buffer.from([IDENTITIES_ANSWER, 0, 0, 0, 1]),
      sshString(blob),
      sshString("test"),
    ]);
  if (request[0] !== SIGN) return Buffer.from([FAILURE]);
  const dataAt = 5 + request.readUInt32BE(1);
  const data = request.subarray(dataAt + 4, dataAt + 4 + request.readUInt32BE(dataAt));
  const signature = Buffer.concat([sshString("ssh-ed25519"), sshString(sign(null, data, key))]);
  return Buffer.concat([Buffer.from([SIGN_ANSWER]), sshString(signature)]);
}

function sshString(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
