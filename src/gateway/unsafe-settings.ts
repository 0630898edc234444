/** What is fine on a developer's machine and must not start in production. Each row says why and what to do. */
import type { ConfigPath } from "../config/diagnostic.ts";
import type { ReferenceReader } from "../config/secrets/resolve.ts";
import { findUnsafeSettings as findUnsafeIdentity } from "../stages/identity/config.ts";
import type { RootConfig, StageModes } from "./schema.ts";

export interface UnsafeSetting {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint?: string;
}

/** 256 bits: RFC 7518 section 3.2 asks for a key at least as long as the hash of HS256. */
const MIN_SHARED_SECRET_BYTES = 32;

/** Stages without which nobody knows who calls, or whether they may. */
const NEVER_RELAXED = ["identity", "authorization"] as const;

export async function findUnsafeSettings(
  root: RootConfig,
  reader: ReferenceReader | undefined,
): Promise<readonly UnsafeSetting[]> {
  return [
    ...unsafeIdentity(root),
    ...plainListeners(root),
    ...plainOperator(root),
    ...relaxedStages(root),
    ...(reader ? await weakSecrets(root, reader) : []),
  ];
}

/** That nobody can prove who they are is no gap where nobody is asked, and the constitution decides about every route. */
function unsafeIdentity(root: RootConfig): UnsafeSetting[] {
  const served = [
    ...root.routes,
    ...Object.values(root.models).flatMap(({ versions }) => Object.values(versions)),
  ];
  const isLeftToPack =
    root.constitution !== undefined &&
    served.every(({ identity }) => identity === "none") &&
    [root, ...served].every(({ stages }) => !isRelaxed(stages?.constitution));
  return findUnsafeIdentity(root.identity)
    .filter(({ path }) => path.length > 0 || !isLeftToPack)
    .map(({ path, message }) => ({ at: ["identity", ...path], message }));
}

const isRelaxed = (settings: StageModes["constitution"]): boolean =>
  settings?.mode === "shadow" || settings?.whenBroken === "continue";

function plainListeners({ listeners }: RootConfig): UnsafeSetting[] {
  return listeners.flatMap((listener, index) =>
    listener.tls || listener.bind.isLoopback
      ? []
      : [
          {
            at: ["listeners", index],
            message: "plain HTTP off loopback: anyone on the way reads every token",
            hint: "add tls, or bind to 127.0.0.1",
          },
        ],
  );
}

function plainOperator({ operator }: RootConfig): UnsafeSetting[] {
  if (operator.tls || operator.bind.isLoopback) return [];
  return [
    {
      at: ["operator", "bind"],
      message: "the operator's listener serves plain HTTP off loopback",
      hint: "add operator.tls, or bind to 127.0.0.1",
    },
  ];
}

function relaxedStages(root: RootConfig): UnsafeSetting[] {
  const versions = Object.entries(root.models).flatMap(([model, { versions: byName }]) =>
    Object.entries(byName).map(([version, settings]) => ({
      at: ["models", model, "versions", version, "stages"],
      stages: settings.stages,
    })),
  );
  const routes = root.routes.map((route, index) => ({
    at: ["routes", index, "stages"],
    stages: route.stages,
  }));
  const everywhere = { at: ["stages"], stages: root.stages };
  return [everywhere, ...versions, ...routes].flatMap(({ at, stages }) => relaxedIn(at, stages));
}

function relaxedIn(at: ConfigPath, stages: StageModes | undefined): UnsafeSetting[] {
  return NEVER_RELAXED.flatMap((name) => {
    const settings = stages?.[name];
    const found: UnsafeSetting[] = [];
    if (settings?.mode === "shadow") {
      found.push({
        at: [...at, name, "mode"],
        message: `${name} in shadow lets everyone through`,
        hint: "remove it",
      });
    }
    if (settings?.whenBroken === "continue") {
      found.push({
        at: [...at, name, "whenBroken"],
        message: `a broken ${name} would let everyone through`,
        hint: "remove it",
      });
    }
    return found;
  });
}

async function weakSecrets(root: RootConfig, reader: ReferenceReader): Promise<UnsafeSetting[]> {
  const found: UnsafeSetting[] = [];
  for (const [name, { secret }] of Object.entries(root.identity.issuers)) {
    if (!secret) continue;
    const { byteLength } = await reader.readSecret(secret);
    if (byteLength >= MIN_SHARED_SECRET_BYTES) continue;
    found.push({
      at: ["identity", "issuers", name, "secret"],
      message: `a shared secret of ${byteLength * 8} bits can be guessed; 256 are the least`,
      hint: "for example: openssl rand -base64 32",
    });
  }
  return found;
}
