import { createServer, type AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { runCommand } from "./command.ts";
import { configurationFolder } from "./configuration-folder.ts";

const configurationOf = (port: number, operatorPort = 0) => ({
  version: 1,
  listeners: [{ bind: `127.0.0.1:${port}` }],
  operator: { bind: `127.0.0.1:${operatorPort}` },
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
});

async function diagnose(configuration: unknown) {
  const folder = configurationFolder({ "portcullis.yaml": configuration });
  const { code, stdout } = await runCommand(["doctor", "--config", folder.configPath]);
  return { code, lines: stdout.split("\n"), stdout };
}

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("portcullis doctor", () => {
  test("says of everything it looked at that it is well, and exits with 0 when all is", async () => {
    const { code, lines, stdout } = await diagnose(configurationOf(0));
    expect(lines[0]).toBe(`ok     Node ${process.versions.node}`);
    expect(lines[1]).toMatch(/open files: at most \S+/);
    expect(stdout).toMatch(/^ok {5}configuration .*portcullis\.yaml$/m);
    expect(stdout).toMatch(/^ok {5}the folder of .* can be written$/m);
    expect(stdout.match(/^ok {5}127\.0\.0\.1:0 is free$/gm)).toHaveLength(2);
    // The machine that runs this test may itself allow too few open files; nothing else can be wrong.
    const wrong = lines.filter((line) => line.startsWith("WRONG") && !line.includes("open files"));
    expect(wrong).toEqual([]);
    expect(code).toBe(stdout.includes("WRONG") ? 1 : 0);
  });

  test("finds a taken port and says what to do", async () => {
    const port = await takePort();
    const { code, stdout } = await diagnose(configurationOf(port));
    expect(stdout).toMatch(
      new RegExp(
        `^WRONG {2}127\\.0\\.0\\.1:${port} is free: EADDRINUSE\\n {7}do: stop what listens there`,
        "m",
      ),
    );
    expect(code).toBe(1);
  });

  test("sends the operator of a broken configuration to `check`", async () => {
    const { code, stdout } = await diagnose({ version: 1 });
    expect(stdout).toMatch(/^WRONG {2}configuration .*\n {7}do: portcullis check --config /m);
    expect(code).toBe(1);
  });
});
