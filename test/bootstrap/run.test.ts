/** The bootstrap on a small checkout of its own: real npm, real processes, no network (its lock file pins nothing). */
import { spawn, type ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MARKER = "node_modules/.portcullis-installed.json";
const INSTALLING = "installing the pinned packages";

/** Says what it was given, then does what its first argument wants. */
const PROGRAM = `
const [, , task, wish] = process.argv;
console.log(JSON.stringify({ task, args: process.argv.slice(3), path: process.env.PATH }));
if (wish === "fail") process.exitCode = 9;
if (wish === "wait") {
  const timer = setTimeout(() => {}, 20_000);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => { console.log("got " + signal); clearTimeout(timer); process.exitCode = 7; });
  }
  console.log("waiting");
}
`;

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const folder = mkdtempSync(join(tmpdir(), "portcullis bootstrap "));
const started: ChildProcess[] = [];

function makeCheckout(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, "src/cli"), { recursive: true });
  cpSync(join(ROOT, "bootstrap"), join(root, "bootstrap"), { recursive: true });
  const manifest = { name: "small", version: "1.0.0", type: "module" };
  const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { "": manifest } };
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  writeFileSync(join(root, "src/cli/main.ts"), PROGRAM);
  return root;
}

function start(
  root: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(process.execPath, [join(root, "bootstrap/run.js"), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  return child;
}

function finish(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => (stdout += chunk));
  child.stderr?.on("data", (chunk) => (stderr += chunk));
  return new Promise((done) => child.once("close", (code) => done({ code, stdout, stderr })));
}

const run = (root: string, args: readonly string[], env?: Record<string, string>) =>
  finish(start(root, args, env));

afterAll(() => {
  for (const child of started) if (child.exitCode === null) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("a checkout in a folder with a space in its name", () => {
  let root: string;
  beforeAll(() => {
    root = makeCheckout("first");
  });

  test("installs once, passes arguments unchanged and puts its Node first in PATH", async () => {
    const first = await run(root, ["demo", "--once", "two words", "$HOME"]);
    expect(first.stderr).toContain(INSTALLING);
    expect(first.code).toBe(0);
    const said = JSON.parse(first.stdout) as { task: string; args: string[]; path: string };
    expect(said.task).toBe("demo");
    expect(said.args).toEqual(["--once", "two words", "$HOME"]);
    expect(said.path.startsWith(`${resolve(process.execPath, "..")}:`)).toBe(true);

    const second = await run(root, ["demo"]);
    expect(second.stderr).toBe("");
  });

  test("keeps what it writes in a folder that ignores itself", () => {
    expect(readFileSync(join(root, ".portcullis/.gitignore"), "utf8")).toBe("*\n");
  });

  test("passes the exit code on", async () => {
    expect((await run(root, ["demo", "fail"])).code).toBe(9);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "passes %s on and waits for the end",
    async (signal) => {
      const child = start(root, ["demo", "wait"]);
      const finished = finish(child);
      await new Promise<void>((done) =>
        child.stdout?.on("data", (chunk) => String(chunk).includes("waiting") && done()),
      );
      child.kill(signal);
      const { code, stdout } = await finished;
      expect(stdout).toContain(`got ${signal}`);
      expect(code).toBe(7);
    },
  );

  test.each([
    ["another lock file", (text: string) => text.replace(/"lockSha256":"./, '"lockSha256":"x')],
    ["another Node", (text: string) => text.replace(/"nodeModules":"\d+"/, '"nodeModules":"1"')],
    ["another processor", (text: string) => text.replace(/"arch":"\w+"/, '"arch":"z80"')],
  ])("installs again when the marker is of %s", async (_, change) => {
    const marker = join(root, MARKER);
    const before = readFileSync(marker, "utf8");
    expect(change(before)).not.toBe(before);
    writeFileSync(marker, change(before));
    expect((await run(root, ["demo"])).stderr).toContain(INSTALLING);
    expect(readFileSync(marker, "utf8")).toBe(before);
  });

  test("installs again when the last install did not reach its end", async () => {
    rmSync(join(root, MARKER));
    expect((await run(root, ["demo"])).stderr).toContain(INSTALLING);
  });

  test("names the tasks when asked for one it does not know", async () => {
    const { code, stderr } = await run(root, ["dance"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Tasks: demo, test");
  });
});

describe("simultaneous runs", () => {
  test("of four runs one installs and the others wait for it", async () => {
    const root = makeCheckout("simultaneous");
    const all = await Promise.all([1, 2, 3, 4].map(() => run(root, ["demo"])));
    expect(all.map((one) => one.code)).toEqual([0, 0, 0, 0]);
    expect(all.filter((one) => one.stderr.includes(INSTALLING))).toHaveLength(1);
    expect(existsSync(join(root, MARKER))).toBe(true);
  });

  test("a lock whose owner died is taken over, by one run only", async () => {
    const { withLock } = (await import(pathToFileURL(join(ROOT, "bootstrap/lock.js")).href)) as {
      readonly withLock: (
        path: string,
        onWait: () => void,
        work: () => Promise<void>,
      ) => Promise<void>;
    };
    const lock = join(folder, "stale.lock");
    mkdirSync(lock);
    const dead = { token: "dead", host: hostname(), pids: [await deadProcessId()] };
    writeFileSync(join(lock, "owner.json"), JSON.stringify(dead));
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((done) => setTimeout(done, 30));
      inside--;
    };
    await Promise.all([1, 2, 3, 4, 5].map(() => withLock(lock, () => {}, work)));
    expect(most).toBe(1);
    expect(existsSync(lock)).toBe(false);
  });
});

describe("when it cannot go on it says what to do", () => {
  test("npm fails: its message, then advice", async () => {
    const root = makeCheckout("unpinned");
    const manifest = {
      name: "small",
      version: "1.0.0",
      type: "module",
      dependencies: { a: "1.0.0" },
    };
    writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
    const { code, stderr } = await run(root, ["demo"]);
    expect(code).toBe(1);
    expect(stderr).toContain("EUSAGE");
    expect(stderr).toContain("do not fit together");
    expect(existsSync(join(root, MARKER))).toBe(false);
  });

  test("the registry cannot be reached: the network is named", async () => {
    const root = makeCheckout("offline");
    const manifest = {
      name: "small",
      version: "1.0.0",
      type: "module",
      dependencies: { a: "1.0.0" },
    };
    const entry = { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==` };
    writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
    const lock = {
      ...manifest,
      lockfileVersion: 3,
      packages: { "": manifest, "node_modules/a": entry },
    };
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
    const { code, stderr } = await run(root, ["demo"], {
      npm_config_registry: "http://127.0.0.1:1/",
      npm_config_cache: join(folder, "empty cache"),
      npm_config_fetch_retries: "0",
    });
    expect(code).toBe(1);
    expect(stderr).toContain("The npm registry cannot be reached");
  });
});

describe("which Node is good enough", () => {
  test.each([
    ["18.20.8", false],
    ["20.20.2", false],
    ["22.17.1", false],
    ["22.18.0", true],
    ["23.5.0", false],
    ["23.6.0", true],
    ["24.0.0", true],
    ["26.10.0", true],
  ])("%s: %s", async (version, expected) => {
    const { isSuitableNode } = (await import(
      pathToFileURL(join(ROOT, "bootstrap/node-version.js")).href
    )) as { readonly isSuitableNode: (version: string) => boolean };
    expect(isSuitableNode(version)).toBe(expected);
  });

  test("package.json, the bootstrap and the command name the same floor", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      engines: { node: string };
    };
    expect(manifest.engines.node).toBe(">=22.18");
    const floor = 'NEEDED_NODE = "22.18"';
    expect(readFileSync(join(ROOT, "bootstrap/node-version.js"), "utf8")).toContain(floor);
    expect(readFileSync(join(ROOT, "bin/portcullis.js"), "utf8")).toContain("minor >= 18");
  });
});

async function deadProcessId(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((done) => child.once("exit", done));
  return child.pid as number;
}
