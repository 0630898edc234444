/** Opens what carries the record out of this machine, as the configuration asks for it. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { proveGrowth } from "../../ledger/prove.ts";
import { createExecSink } from "../../ledger/outward/exec-sink.ts";
import { openLineFeed } from "../../ledger/outward/line-feed.ts";
import { createOtlpSink } from "../../ledger/outward/otlp-sink.ts";
import { joinOutward, type Outward } from "../../ledger/outward/outward.ts";
import type { OutwardPiece } from "../../ledger/outward/outward-piece.ts";
import { createS3Mirror } from "../../ledger/outward/s3-mirror.ts";
import { openSegmentFeed } from "../../ledger/outward/segment-feed.ts";
import { createStdoutCheckpoints } from "../../ledger/outward/stdout-checkpoints.ts";
import { createSyslogSink } from "../../ledger/outward/syslog-sink.ts";
import { parseWitnessKey } from "../../ledger/outward/witness-key.ts";
import { openWitnessFeed } from "../../ledger/outward/witness-feed.ts";
import type { FileRef, SecretRef } from "../../config/secrets/reference.ts";
import type { ReferenceReader } from "../../config/secrets/resolve.ts";
import type { OutwardSettings } from "./ledger-outward-settings.ts";

const DAY_MS = 86_400_000;

export interface OutwardTools {
  readonly directory: string;
  /** The gateway's id. */
  readonly gateway: string;
  readonly version: string;
  /** The reader of the configuration that serves now: a reload brings new secrets. */
  readonly reader: () => ReferenceReader;
}

export async function openOutward(
  settings: OutwardSettings,
  tools: OutwardTools,
): Promise<Outward> {
  const pieces: Record<string, OutwardPiece> = {};
  const { mirror, hook, witnesses, syslog, otlp, stdout } = settings;
  if (mirror) pieces["mirror"] = await openMirror(mirror, tools);
  if (hook) pieces["hook"] = await openHook(hook, tools);
  if (witnesses) pieces["witnesses"] = await openWitnesses(witnesses, tools);
  if (syslog) pieces["syslog"] = await openSyslog(syslog, tools);
  if (otlp) pieces["otlp"] = await openOtlp(otlp, tools);
  if (stdout) {
    pieces["stdout"] = createStdoutCheckpoints({
      write: (line) => void process.stdout.write(line),
      intervalMs: stdout.checkpointInterval,
    });
  }
  return joinOutward(pieces);
}

type Section<Name extends keyof OutwardSettings> = NonNullable<OutwardSettings[Name]>;

async function openMirror(mirror: Section<"mirror">, tools: OutwardTools): Promise<OutwardPiece> {
  const { directory, gateway } = tools;
  const secret = secretsOf(tools);
  const ca = await textOf(mirror.ca, tools);
  const feed = await openSegmentFeed({
    directory,
    statePath: join(directory, "mirror.json"),
    checkpointIntervalMs: mirror.checkpointInterval,
    sink: createS3Mirror({
      place: {
        endpoint: mirror.endpoint,
        region: mirror.region,
        bucket: mirror.bucket,
        addressing: mirror.addressing,
        ...(ca !== undefined && { ca }),
      },
      credentials: async () => ({
        accessKeyId: await secret(mirror.accessKeyId),
        secretAccessKey: await secret(mirror.secretAccessKey),
        ...(mirror.sessionToken && { sessionToken: await secret(mirror.sessionToken) }),
      }),
      gateway,
      keyPrefix: mirror.prefix,
      verification: mirror.verify,
      limitMs: mirror.timeout,
      ...(mirror.lock && {
        lock: {
          mode: mirror.lock.mode === "compliance" ? "COMPLIANCE" : "GOVERNANCE",
          retainDays: Math.ceil(mirror.lock.retain / DAY_MS),
        },
      }),
    }),
  });
  return mirror.keepUntilMirrored ? feed : withoutVeto(feed);
}

/** What is not waited for: retention need not ask it. */
const withoutVeto = (piece: OutwardPiece): OutwardPiece => ({
  segmentClosed: (segment) => piece.segmentClosed(segment),
  checkpoint: (note, size) => piece.checkpoint(note, size),
  mayRemove: () => true,
  status: () => piece.status(),
  close: () => piece.close(),
});

function openHook(hook: Section<"hook">, { directory }: OutwardTools): Promise<OutwardPiece> {
  return openSegmentFeed({
    directory,
    statePath: join(directory, "hook.json"),
    checkpointIntervalMs: hook.checkpointInterval,
    sink: createExecSink({
      program: hook.program,
      arguments: hook.arguments,
      limitMs: hook.timeout,
      notePath: join(directory, "hook.note"),
    }),
  });
}

async function openWitnesses(
  { interval, each }: Section<"witnesses">,
  tools: OutwardTools,
): Promise<OutwardPiece> {
  const { directory } = tools;
  const witnesses = await Promise.all(
    Object.entries(each).map(async ([name, { url, keys, timeout, ca: authorities }]) => {
      const ca = await textOf(authorities, tools);
      const base = { name, url, keys: keys.map(parseWitnessKey), limitMs: timeout };
      return ca === undefined ? base : { ...base, ca };
    }),
  );
  const path = join(directory, "checkpoint.cosigned");
  return openWitnessFeed({
    witnesses,
    intervalMs: interval,
    statePath: join(directory, "witnesses.json"),
    consistencyProof: (size1, size2) => proveGrowth(directory, { size1, size2 }),
    onCosigned: async ({ note }) => {
      await writeFile(`${path}.new`, note, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  });
}

function openSyslog(syslog: Section<"syslog">, tools: OutwardTools): Promise<OutwardPiece> {
  const { directory, gateway } = tools;
  const { host, port, serverName, facility, kinds, checkpointInterval } = syslog;
  return openLineFeed({
    directory,
    statePath: join(directory, "syslog.json"),
    checkpointIntervalMs: checkpointInterval,
    ...(kinds && { kinds }),
    sink: createSyslogSink({
      host,
      port,
      facility,
      appName: gateway,
      ...(serverName !== undefined && { serverName }),
      tls: async () => {
        const [ca, certificate, key] = await Promise.all([
          textOf(syslog.ca, tools),
          textOf(syslog.certificate, tools),
          textOf(syslog.key, tools),
        ]);
        return {
          ...(ca !== undefined && { ca }),
          ...(certificate !== undefined && { certificate }),
          ...(key !== undefined && { key }),
        };
      },
    }),
  });
}

async function openOtlp(otlp: Section<"otlp">, tools: OutwardTools): Promise<OutwardPiece> {
  const { directory, gateway, version } = tools;
  const secret = secretsOf(tools);
  return openLineFeed({
    directory,
    statePath: join(directory, "otlp.json"),
    checkpointIntervalMs: otlp.checkpointInterval,
    ...(otlp.kinds && { kinds: otlp.kinds }),
    sink: await createOtlpSink({
      url: otlp.url,
      version,
      gateway,
      limitMs: otlp.timeout,
      headers: async () =>
        Object.fromEntries(
          await Promise.all(
            Object.entries(otlp.headers).map(
              async ([name, reference]) => [name, await secret(reference)] as const,
            ),
          ),
        ),
    }),
  });
}

const secretsOf =
  ({ reader }: OutwardTools) =>
  async (reference: SecretRef): Promise<string> =>
    (await reader().readSecret(reference)).reveal();

const textOf = async (
  reference: FileRef | undefined,
  { reader }: OutwardTools,
): Promise<string | undefined> => reference && (await reader().readFile(reference)).toString();
