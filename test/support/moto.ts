/**
 * A real S3-compatible server for tests: moto's, installed once into the checkout's ignored folder. Where there is no
 * Python or no network, what needs it says loudly that it is skipped.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { peerFolder } from "./peer-folder.ts";

const MOTO_VERSION = "5.2.5";
const INSTALL_LIMIT_MS = 300_000;
const START_LIMIT_MS = 60_000;
const SKIPPED = `SKIPPED: moto ${MOTO_VERSION} cannot be installed (python3 with venv, pip and a network are needed); the mirror is not tested against a real S3-compatible server`;

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Moto {
  readonly url: string;
  /** A bucket of its own for each test. */
  createBucket(options?: { readonly hasLock?: boolean }): Promise<string>;
  /** Keys of all objects, sorted. */
  keys(bucket: string): Promise<string[]>;
  get(bucket: string, key: string): Promise<Response>;
  head(bucket: string, key: string): Promise<Response>;
  /** A user who may do anything in S3; `requireSignatures` makes the server check. */
  createUser(name: string): Promise<Credentials>;
  requireSignatures(isRequired: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** The Python that has moto, or undefined; installs it the first time, which takes a minute. */
export function prepareMoto(): string | undefined {
  const folder = peerFolder(`moto-${MOTO_VERSION}`, install);
  if (folder === undefined) console.warn(SKIPPED);
  return folder && pythonOf(folder);
}

const pythonOf = (folder: string): string =>
  process.platform === "win32" ? join(folder, "Scripts/python.exe") : join(folder, "bin/python");

function install(folder: string): boolean {
  const run = (program: string, args: readonly string[]): boolean =>
    spawnSync(program, args, { timeout: INSTALL_LIMIT_MS, stdio: "ignore" }).status === 0;
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  return (
    run("python3", ["-m", "venv", folder]) &&
    run(pythonOf(folder), [...pip, `moto[server]==${MOTO_VERSION}`])
  );
}

export async function startMoto(python: string): Promise<Moto> {
  const child = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONUNBUFFERED: "1" },
  });
  const exited = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    const take = (text: Buffer): void => {
      said = (said + text.toString()).slice(-10_000);
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`moto ended: ${said}`)));
    setTimeout(() => reject(new Error(`moto does not start: ${said}`)), START_LIMIT_MS).unref();
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  return { url, ...requestsTo(url), stop };
}

/** The operator's own calls, by a client that shares no code with the mirror's requests but the signer. */
function requestsTo(url: string): Omit<Moto, "url" | "stop"> {
  let admin: Credentials = { accessKeyId: "admin", secretAccessKey: "admin" };
  let buckets = 0;
  const call = async (path: string, init: RequestInit & { service?: string } = {}) => {
    const { service = "s3", ...rest } = init;
    const client = new AwsClient({ ...admin, service, region: "us-east-1", retries: 0 });
    return fetch(await client.sign(`${url}${path}`, rest));
  };
  const iam = async (parameters: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams({ Version: "2010-05-08", ...parameters }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await call("/", { method: "POST", body, headers, service: "iam" });
    return require200(answer, parameters["Action"] as string);
  };
  const createUser = async (name: string): Promise<Credentials> => {
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
    });
    await iam({ Action: "CreateUser", UserName: name });
    await iam({ Action: "PutUserPolicy", UserName: name, PolicyName: "all", PolicyDocument });
    const said = await iam({ Action: "CreateAccessKey", UserName: name });
    return {
      accessKeyId: elementOf(said, "AccessKeyId"),
      secretAccessKey: elementOf(said, "SecretAccessKey"),
    };
  };
  return {
    async createBucket({ hasLock = false } = {}) {
      const bucket = `ledger-${++buckets}`;
      const headers = { "x-amz-bucket-object-lock-enabled": String(hasLock) };
      await require200(await call(`/${bucket}`, { method: "PUT", headers }), "CreateBucket");
      return bucket;
    },
    async keys(bucket) {
      const said = await require200(await call(`/${bucket}?list-type=2`), "ListObjectsV2");
      return [...said.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key as string).sort();
    },
    get: (bucket, key) => call(`/${bucket}/${key}`),
    head: (bucket, key) => call(`/${bucket}/${key}`, { method: "HEAD" }),
    createUser,
    async requireSignatures(isRequired) {
      if (isRequired) admin = await createUser("admin");
      const body = isRequired ? "0" : "inf";
      await require200(
        await fetch(`${url}/moto-api/reset-auth`, { method: "POST", body }),
        "reset",
      );
    },
  };
}

async function require200(answer: Response, what: string): Promise<string> {
  const said = await answer.text();
  if (answer.status === 200) return said;
  throw new Error(`${what}: moto answered ${answer.status}: ${said}`);
}

const elementOf = (xml: string, name: string): string =>
  new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1] ?? "";
