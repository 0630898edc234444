/**
 * `portcullis demo`: starts a development identity provider, the churn models and the gateway in front of them, plays the
 * play and shows the table; then stays up. Leaves no process behind, whatever the way out.
 */
import { once } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { extname, join, resolve } from "node:path";
import { type ChildLine, Children, DemoProblem } from "./children.ts";
import { CORE_BANKING, DEMO_CALLERS, BATCH_SCORING, REPORTING } from "./demo-callers.ts";
import { renderConfiguration } from "./demo-configuration.ts";
import { createDemoFolder, type DemoFolder } from "./demo-folder.ts";
import { type IdentityProvider, startIdentityProvider } from "./identity-provider.ts";
import { invitation } from "./invitation.ts";
import { perform } from "./perform.ts";
import { PLAY, type TokenName } from "./play.ts";
import { renderJson, renderTable } from "./table.ts";

const DEFAULT_DEMO_PORT = 8443;
const DEFAULT_OPERATOR_PORT = 9457;
/** The name under which the gateway logs its operator listener. */
const OPERATOR_LISTENER = "operator";
/** Far longer than the slow upstream's timeout, so that only the gateway can have ended the call. */
const SLOW_MODEL_DELAY_MS = 10_000;
/** A token of an hour is renewed in its file well before it ends. */
const TOKEN_RENEWAL_MS = 20 * 60_000;

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface DemoOptions {
  /** Play, print and stop: exit code 0 only if every row was as expected. */
  readonly once?: boolean;
  /** The gateway's port on 127.0.0.1; 0 takes any free one. Default 8443. */
  readonly port?: number;
  /** Print one JSON object instead of the table. */
  readonly json?: boolean;
  /** Folder that the ledger is left in; it must not hold anything yet. Default: the demo's own folder. */
  readonly ledger?: string;
  /** Where `.portcullis` is made. Default: the working directory. */
  readonly directory?: string;
}

/** Runs the demo; resolves to the exit code when it is over. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const children = new Children();
  const signals = watchSignals();
  const { stopped } = signals;
  let provider: IdentityProvider | undefined;
  let folder: DemoFolder | undefined;
  try {
    const ports = await choosePorts(options.port ?? DEFAULT_DEMO_PORT);
    folder = await createDemoFolder(folderOf(options));
    const ledgerDirectory = ledgerDirectoryOf(options, folder);
    provider = await startIdentityProvider(DEMO_CALLERS);
    const starting = raise({ children, provider, folder, ports, ledgerDirectory });
    // When a signal wins the race below, what becomes of the start is nobody's news.
    starting.catch(() => {});
    const gateway = await Promise.race([starting, stopped]);
    if (gateway === undefined) return interrupted(options);
    return await present({
      options,
      children,
      provider,
      folder,
      ledgerDirectory,
      gateway,
      stopped,
    });
  } catch (error) {
    if (!(error instanceof DemoProblem)) throw error;
    console.error(`portcullis demo: ${error.message}\n${error.advice}`);
    return 1;
  } finally {
    await children.stop();
    await provider?.close();
    signals.ignore();
    if (folder && options.port === 0) rmSync(folder.path, { recursive: true, force: true });
  }
}

const interrupted = ({ once: isOnce }: DemoOptions): number => (isOnce ? 1 : 0);

interface Raised {
  readonly origin: string;
  readonly operatorOrigin: string;
}

interface Presentation {
  readonly options: DemoOptions;
  readonly children: Children;
  readonly provider: IdentityProvider;
  readonly folder: DemoFolder;
  readonly ledgerDirectory: string;
  readonly gateway: Raised;
  readonly stopped: Promise<undefined>;
}

async function present(presentation: Presentation): Promise<number> {
  const { options, children, provider, folder, ledgerDirectory, gateway, stopped } = presentation;
  const tokens = await prepareTokens(provider);
  const playing = perform(PLAY, { origin: gateway.origin, ca: folder.ca, tokens });
  const performed = await Promise.race([playing, stopped]);
  if (performed === undefined) return interrupted(options);
  const isAsExpected = performed.every(({ problems }) => problems.length === 0);
  console.log(options.json ? renderJson(performed) : `\n${renderTable(performed)}\n`);
  if (!options.json) console.log(summary(performed.length, isAsExpected));
  if (options.once) return isAsExpected ? 0 : 1;
  const renewal = await keepTokenFresh(provider, folder);
  console.log(invitation({ ...gateway, folder, ledgerDirectory, issuer: provider.issuer }));
  try {
    const accident = await Promise.race([children.untilOneDies(), stopped]);
    if (accident === undefined) return 0;
    throw new DemoProblem(accident, `Read ${folder.file("gateway.log")}, then start it again.`);
  } finally {
    clearInterval(renewal);
  }
}

const summary = (count: number, isAsExpected: boolean): string =>
  isAsExpected
    ? `All ${count} answers are as expected. The model is real, its customers are synthetic.`
    : "Some answers are NOT as expected.";

/** Resolves, to nothing, at the first signal to stop; further ones change nothing: stopping has a deadline of its own. */
function watchSignals(): { readonly stopped: Promise<undefined>; ignore(): void } {
  const { promise: stopped, resolve: settle } = Promise.withResolvers<undefined>();
  const stop = (): void => settle(undefined);
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  return {
    stopped,
    ignore: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
    },
  };
}

interface Ports {
  readonly port: number;
  readonly operatorPort: number;
}

async function choosePorts(port: number): Promise<Ports> {
  if (port === 0) return { port, operatorPort: 0 };
  if (!(await isFree(port))) {
    throw new DemoProblem(
      `Port ${port} on 127.0.0.1 is taken, perhaps by a demo that still runs.`,
      `Stop what listens there, or choose another port: npm run demo -- --port ${port + 1000}`,
    );
  }
  // The operator's port is not what anyone asked for: another free one will do.
  return { port, operatorPort: (await isFree(DEFAULT_OPERATOR_PORT)) ? DEFAULT_OPERATOR_PORT : 0 };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw new DemoProblem(
      `Port ${port} cannot be listened on (${(error as NodeJS.ErrnoException).code}).`,
      "Choose a port above 1023: npm run demo -- --port 9443",
    );
  } finally {
    server.close();
  }
}

/** Two demos at once have different ports, so each has a folder of its own. */
function folderOf({ port = DEFAULT_DEMO_PORT, directory = process.cwd() }: DemoOptions): string {
  const own = port === DEFAULT_DEMO_PORT ? "demo" : `demo-${port === 0 ? process.pid : port}`;
  return resolve(directory, ".portcullis", own);
}

/** A ledger is never written over: its folder is new, or the demo's own. */
function ledgerDirectoryOf({ ledger }: DemoOptions, folder: DemoFolder): string {
  if (ledger === undefined) return folder.file("ledger");
  const directory = resolve(ledger);
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new DemoProblem(
      `${ledger} is not empty, and each demo signs its ledger with a new key.`,
      "Name a folder that does not exist yet: npm run demo -- --once --ledger ./ledger-1",
    );
  }
  return directory;
}

interface Cast {
  readonly children: Children;
  readonly provider: IdentityProvider;
  readonly folder: DemoFolder;
  readonly ports: Ports;
  readonly ledgerDirectory: string;
}

async function raise({
  children,
  provider,
  folder,
  ports,
  ledgerDirectory,
}: Cast): Promise<Raised> {
  const startModels = async (name: string, ...args: readonly string[]): Promise<number> => {
    const lines = await children.start(
      {
        name: `The ${name} model server`,
        script: sibling("model-server"),
        args,
        logFile: folder.file(`models-${name}.log`),
      },
      (said) => said.some(isListening),
    );
    return portOf(lines, () => true);
  };
  const [modelPort, slowModelPort] = await Promise.all([
    startModels("churn"),
    startModels("slow", "--delay-ms", String(SLOW_MODEL_DELAY_MS)),
  ]);
  const { issuer, jwksUrl } = provider;
  const configuration = {
    ...ports,
    issuer,
    jwksUrl,
    modelPort,
    slowModelPort,
    ledgerDirectory,
  };
  folder.write("portcullis.yaml", renderConfiguration(configuration));
  const lines = await children.start(
    {
      name: "The gateway",
      script: join(import.meta.dirname, "..", `main${extname(import.meta.filename)}`),
      args: ["run", "--config", folder.file("portcullis.yaml")],
      logFile: folder.file("gateway.log"),
    },
    (said) => said.some(isForCallers) && said.some(isForOperator),
  );
  return {
    origin: `https://127.0.0.1:${portOf(lines, isForCallers)}`,
    operatorOrigin: `http://127.0.0.1:${portOf(lines, isForOperator)}`,
  };
}

/** In the published package this runs as JavaScript, and so do its siblings. */
const sibling = (name: string): string =>
  join(import.meta.dirname, `${name}${extname(import.meta.filename)}`);

const isListening = (line: ChildLine): boolean => line["msg"] === "listening";
const isForOperator = (line: ChildLine): boolean =>
  isListening(line) && line["listener"] === OPERATOR_LISTENER;
const isForCallers = (line: ChildLine): boolean =>
  isListening(line) && line["listener"] !== OPERATOR_LISTENER;

const portOf = (lines: readonly ChildLine[], isMeant: (line: ChildLine) => boolean): number =>
  Number(lines.find((line) => isListening(line) && isMeant(line))?.["port"]);

/** Tokens of allowed calls are fetched as an application fetches them; those no provider gives out are minted. */
async function prepareTokens(provider: IdentityProvider): Promise<Record<TokenName, string>> {
  const { scopes } = CORE_BANKING;
  const mint = (changes: object): Promise<string> =>
    provider.mintToken({ caller: CORE_BANKING, ...changes });
  return {
    "core-banking": await provider.fetchToken(CORE_BANKING, scopes),
    reporting: await provider.fetchToken(REPORTING, scopes),
    "batch-scoring": await provider.fetchToken(BATCH_SCORING, scopes),
    "without-scope": await provider.fetchToken(CORE_BANKING, []),
    expired: await mint({ lifetimeSeconds: -300 }),
    "wrong-issuer": await mint({ issuer: "https://idp.example.net", isForeignKey: true }),
    "wrong-audience": await mint({ audience: "billing" }),
    "wrong-tenant": await mint({ tenant: "wholesale" }),
  };
}

async function keepTokenFresh(
  provider: IdentityProvider,
  folder: DemoFolder,
): Promise<NodeJS.Timeout> {
  const renew = async (): Promise<void> =>
    folder.write("token", await provider.fetchToken(CORE_BANKING, CORE_BANKING.scopes));
  await renew();
  // A renewal that fails leaves the old token, which the next one replaces: nothing to stop the demo for.
  return setInterval(() => void renew().catch(console.error), TOKEN_RENEWAL_MS);
}
