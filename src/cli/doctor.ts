/** `portcullis doctor`: looks at this machine for what commonly goes wrong, and says what to do about each finding. */
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import type { Command } from "commander";
import { readConfiguration, type Configuration } from "../gateway/configuration.ts";
import { directoryOf } from "./portcullis.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

interface Finding {
  readonly what: string;
  readonly isFine: boolean;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

export function addDoctor(program: Command): void {
  withSource(
    program.command("doctor").description("Look for common trouble on this machine."),
  ).action(doctor);
}

async function doctor(options: SourceOptions): Promise<void> {
  const findings = [nodeVersion(), fileLimit()];
  const configuration = await readConfiguration(sourceOf(options));
  findings.push({
    what: `configuration ${options.config}`,
    isFine: configuration.ok,
    remedy: `portcullis check --config ${options.config}`,
  });
  if (configuration.ok) findings.push(storeFolder(options), ...(await addresses(configuration)));
  for (const { what, isFine, remedy } of findings) {
    console.log(`${isFine ? "ok   " : "WRONG"}  ${what}${isFine ? "" : `\n       do: ${remedy}`}`);
  }
  if (findings.some(({ isFine }) => !isFine)) process.exitCode = 1;
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isFine = major > 22 || (major === 22 && minor >= 18);
  return { what: `Node ${process.versions.node}`, isFine, remedy: "install Node 24" };
}

/** Each caller's connection needs a file descriptor, and each upstream connection another. */
function fileLimit(): Finding {
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  const soft = report.userLimits?.open_files?.soft ?? "unlimited";
  const isFine = soft === "unlimited" || Number(soft) >= 4096;
  return {
    what: `open files: at most ${soft}`,
    isFine,
    remedy: "ulimit -n 65536, or LimitNOFILE=65536 in the unit",
  };
}

function storeFolder(options: SourceOptions): Finding {
  const folder = directoryOf(options.config);
  try {
    accessSync(folder, constants.W_OK);
    return { what: `the folder of ${options.config} can be written`, isFine: true, remedy: "" };
  } catch {
    return {
      what: `the folder of ${options.config} cannot be written`,
      isFine: false,
      remedy: "set store.path to a folder that the gateway's account owns",
    };
  }
}

async function addresses({ root }: Configuration): Promise<Finding[]> {
  const binds = [...root.listeners.map(({ bind }) => bind), root.operator.bind];
  return Promise.all(
    binds.map(async ({ host, port }) => {
      const code = await tryListen(host, port);
      const remedy =
        code === "EACCES"
          ? "use a port above 1023, or grant CAP_NET_BIND_SERVICE"
          : "stop what listens there, or choose another port";
      return {
        what: `${host}:${port} is free${code === undefined ? "" : `: ${code}`}`,
        isFine: code === undefined,
        remedy,
      };
    }),
  );
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((settle) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => settle(error.code ?? "error"));
    server.listen(port, host, () => server.close(() => settle(undefined)));
  });
}
