/** What is fine on a developer's machine and must not start in production. Each row says why and what to do. */
import type { ConfigPath } from "../config/diagnostic.ts";
import type { ReferenceReader } from "../config/secrets/resolve.ts";
import { findUnsafeSettings as findUnsafeIdentity } from "../stages/identity/config.ts";
import type { RootConfig, RouteSettings, StageModes, VersionSettings } from "./schema.ts";
import { isReadableOnTheWay } from "./store-settings.ts";

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
    ...plainStore(root),
    ...relaxedStages(root),
    ...leakyFirewall(root),
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

function plainStore({ store }: RootConfig): UnsafeSetting[] {
  if (!isReadableOnTheWay(store)) return [];
  return [
    {
      at: ["store"],
      message: "a Redis without TLS off loopback: anyone on the way reads its password and counts",
      hint: "write rediss:// as url, or add store.tls",
    },
  ];
}

function relaxedStages(root: RootConfig): UnsafeSetting[] {
  const own = placesOf(root, ({ stages }) => stages);
  return [{ at: [], value: root.stages }, ...own].flatMap(({ at, value }) =>
    relaxedIn([...at, "stages"], value),
  );
}

/** A setting of every model version and route that has it, with the place of its owner. */
function placesOf<T extends object>(
  { models, routes }: RootConfig,
  pick: (settings: RouteSettings | VersionSettings) => T | undefined,
): { readonly at: ConfigPath; readonly value: T }[] {
  const owners = [
    ...Object.entries(models).flatMap(([model, { versions }]) =>
      Object.entries(versions).map(([version, settings]) => ({
        at: ["models", model, "versions", version],
        settings,
      })),
    ),
    ...routes.map((settings, index) => ({ at: ["routes", index], settings })),
  ];
  return owners.flatMap(({ at, settings }) => {
    const value = pick(settings);
    return value === undefined ? [] : [{ at, value }];
  });
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

/** In `enforce` what is not read is let in; in `detect` nothing is refused anyway, and the operator knows it. */
function leakyFirewall(root: RootConfig): UnsafeSetting[] {
  const { waf } = root;
  if (waf === undefined) return [];
  const own = placesOf(root, ({ waf: ofRoute }) => ofRoute);
  return [{ at: [], value: waf }, ...own].flatMap(({ at, value }) => {
    if ((value.mode ?? waf.mode) !== "enforce") return [];
    const found: UnsafeSetting[] = [];
    if ((value.sampling ?? 1) < 1)
      found.push({
        at: [...at, "waf", "sampling"],
        message: "requests outside of the sample pass unread",
        hint: "remove it, or set waf.mode to detect",
      });
    if (value.onBudget === "mark")
      found.push({
        at: [...at, "waf", "onBudget"],
        message: "whoever makes a request dear enough passes with the rest of it unread",
        hint: "remove it, or set waf.mode to detect",
      });
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
