/** What each worker's part of a configuration is: no file has two writers, and no limit is counted twice. */
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { configurationFolder, readSound } from "../../../test/cli/configuration-folder.ts";
import { baseConfiguration, layOver } from "../../../test/support/gateway-configuration.ts";
import { createSigningKeyPem } from "../../ledger/signing-key.ts";
import { configurationOfWorker, stateFilesOf } from "./worker-configuration.ts";

const settings = layOver(baseConfiguration("http://127.0.0.1:9", ["plain"]), {
  identity: { issuers: undefined, apiKeys: {} },
  sources: {
    rate: "1000/5m",
    failedAuthentications: "10/1m",
    lists: { slow: { action: "throttle", networks: ["192.0.2.0/24"], rate: "7/1m" } },
  },
  server: { limits: { connections: 1_000, connectionsPerAddress: 2 } },
  ledger: { gateway: undefined },
});

const read = () =>
  readSound(
    configurationFolder({ "portcullis.yaml": settings, "ledger.key": createSigningKeyPem() }),
  );

test("what each process counts is divided, and never to nothing", async () => {
  const configuration = await read();
  for (const number of [1, 2, 3]) {
    const { root } = configurationOfWorker(configuration, { number, count: 3 });
    expect(root.sources.rate).toEqual({ count: 333, perMs: 300_000 });
    expect(root.sources.failedAuthentications.count).toBe(3);
    expect(root.sources.lists["slow"]).toMatchObject({ rate: { count: 2, perMs: 60_000 } });
    expect(root.server.limits.connections).toBe(333);
    expect(root.server.limits.connectionsPerAddress).toBe(1);
  }
});

test("limits that the primary counts stay whole", async () => {
  const configuration = await read();
  const { root } = configurationOfWorker(configuration, { number: 2, count: 3 });
  expect(root.limits).toEqual(configuration.root.limits);
});

test("the first worker's ledger is a single process's, the others have streams and names of their own", async () => {
  const configuration = await read();
  const ledgers = [1, 2, 3].map(
    (number) => configurationOfWorker(configuration, { number, count: 3 }).root.ledger,
  );
  expect(ledgers.map((ledger) => ledger?.directory)).toEqual([
    "ledger",
    "ledger/worker-2",
    "ledger/worker-3",
  ]);
  expect(ledgers.map((ledger) => ledger?.gateway)).toEqual([
    undefined,
    `${hostname()}/worker-2`,
    `${hostname()}/worker-3`,
  ]);
});

test("without a constitution there are no state files", async () => {
  expect(stateFilesOf(await read(), { number: 1, count: 2 })).toEqual([]);
});

test("state files of a constitution are one a worker", async () => {
  const configuration = await read();
  const constitution = { state: "c.json", breakGlass: { state: "/var/b.json" } };
  const governed = {
    ...configuration,
    root: { ...configuration.root, constitution: constitution as never },
  };
  const { directory } = configuration.loaded;
  expect(stateFilesOf(governed, { number: 2, count: 3 })).toEqual([
    {
      own: `${directory}/c.json.worker-2`,
      others: [`${directory}/c.json`, `${directory}/c.json.worker-3`],
    },
    { own: "/var/b.json.worker-2", others: ["/var/b.json", "/var/b.json.worker-3"] },
  ]);
  expect(configurationOfWorker(governed, { number: 1, count: 3 }).root.constitution).toEqual(
    constitution,
  );
});
