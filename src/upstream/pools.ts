/**
 * All upstreams of one configuration: the forwarder the runner is given. A reload makes new ones, keeps the connections
 * of those that did not change, and drains the rest; it never ends a running call.
 */
import { createHash } from "node:crypto";
import { validateHeaderValue } from "node:http";
import type { FileRef, SecretRef } from "../config/secrets/reference.ts";
import type { Secret } from "../config/secrets/secret.ts";
import type { ForwardOptions, Forwarded, Forwarder } from "../pipeline/forward.ts";
import type { RoutedTo } from "../pipeline/facts.ts";
import { rejection } from "../pipeline/rejection.ts";
import type { RequestContext, Route } from "../pipeline/request-context.ts";
import type { UpstreamConfig, UpstreamsConfig } from "./config.ts";
import type { SentCredential } from "./request-head.ts";
import type { TlsMaterial } from "./tls.ts";
import { Upstream, type UpstreamSettings, type UpstreamSnapshot } from "./upstream.ts";

export interface UpstreamTools {
  /** Reads a file that the configuration names; relative paths are relative to the configuration file. */
  readFile(reference: FileRef): Promise<Buffer>;
  readSecret(reference: SecretRef): Promise<Secret>;
  /** The upstreams of the configuration that this one replaces; unchanged ones are taken over, connections and all. */
  readonly previous?: Upstreams | undefined;
}

/** An upstream and the number of configurations that use it. */
interface Shared {
  readonly upstream: Upstream;
  readonly fingerprint: string;
  holders: number;
}

export class Upstreams implements Forwarder {
  readonly #byName: ReadonlyMap<string, Shared>;
  /** Resolved once for each route, by identity: the hot path compares no names. */
  readonly #byRoute = new Map<Route, Upstream>();
  #isClosed = false;

  /** Use `createUpstreams`. */
  constructor(byName: ReadonlyMap<string, Shared>) {
    this.#byName = byName;
    for (const shared of byName.values()) shared.holders++;
  }

  /** Resolves a route's upstream at load; throws when there is none of that name. */
  bind(route: Route): void {
    const shared = this.#byName.get(route.upstream ?? "");
    if (!shared)
      throw new Error(`route ${route.id}: there is no upstream ${String(route.upstream)}`);
    this.#byRoute.set(route, shared.upstream);
  }

  forward(context: RequestContext, options: ForwardOptions): Promise<Forwarded> {
    const routedTo = context.facts["kill-switch"]?.routedTo;
    const upstream = this.#byRoute.get(routedTo?.route ?? context.route);
    if (upstream)
      return routedTo === undefined
        ? upstream.forward(context, options)
        : upstream.forward(context, options).then((forwarded) => servedBy(forwarded, routedTo));
    const cause = `route ${context.route.id} was not bound to an upstream`;
    return Promise.resolve({
      kind: "rejected",
      rejection: rejection("gateway.invariant_broken", { cause }),
    });
  }

  /** Every upstream at this moment, for gauges. */
  snapshot(): UpstreamSnapshot[] {
    return [...this.#byName.values()].map(({ upstream }) => upstream.snapshot());
  }

  /** The upstream of that name and fingerprint, if this configuration has it. */
  find(name: string, fingerprint: string): Shared | undefined {
    const shared = this.#byName.get(name);
    return shared?.fingerprint === fingerprint && shared.holders > 0 ? shared : undefined;
  }

  /**
   * Lets go of every upstream: those that no other configuration has taken over end their running calls and close their
   * connections. Settles when they have.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const unused = [...this.#byName.values()].filter((shared) => --shared.holders === 0);
    await Promise.all(unused.map(({ upstream }) => upstream.close()));
  }
}

/** Says in the answer which version it is of. */
function servedBy(forwarded: Forwarded, { version }: RoutedTo): Forwarded {
  if (forwarded.kind === "rejected") return forwarded;
  const headers = [...forwarded.response.headers, "x-portcullis-served-version", version];
  return { kind: "response", response: { ...forwarded.response, headers } };
}

/** Reads certificates and credentials and opens the upstreams; throws when one cannot be prepared. Connects to nothing. */
export async function createUpstreams(
  config: UpstreamsConfig,
  tools: UpstreamTools,
): Promise<Upstreams> {
  const entries = await Promise.all(
    Object.entries(config).map(async ([name, entry]) => {
      try {
        return [
          name,
          shareOrOpen(await resolveSettings(name, entry, tools), tools.previous),
        ] as const;
      } catch (error) {
        throw new Error(
          `upstream ${name}: ${error instanceof Error ? error.message : String(error)}`,
          {
            cause: error,
          },
        );
      }
    }),
  );
  return new Upstreams(new Map(entries));
}

function shareOrOpen(settings: UpstreamSettings, previous: Upstreams | undefined): Shared {
  const fingerprint = fingerprintOf(settings);
  return (
    previous?.find(settings.name, fingerprint) ?? {
      upstream: new Upstream(settings),
      fingerprint,
      holders: 0,
    }
  );
}

async function resolveSettings(
  name: string,
  config: UpstreamConfig,
  tools: UpstreamTools,
): Promise<UpstreamSettings> {
  const [tls, credential] = await Promise.all([
    readTls(config, tools),
    readCredential(config, tools),
  ]);
  return { name, config, tls, credential };
}

async function readTls(
  { tls }: UpstreamConfig,
  tools: UpstreamTools,
): Promise<TlsMaterial | undefined> {
  if (!tls) return undefined;
  const text = async (reference: FileRef | undefined) =>
    reference && (await tools.readFile(reference)).toString();
  const [ca, certificate, key] = await Promise.all([
    text(tls.ca),
    text(tls.certificate),
    tls.key && tools.readSecret(tls.key),
  ]);
  return { ca, certificate, key: key?.reveal(), serverName: tls.serverName };
}

async function readCredential(
  { credential }: UpstreamConfig,
  tools: UpstreamTools,
): Promise<SentCredential | undefined> {
  if (!credential) return undefined;
  const secret = await tools.readSecret(credential.secret);
  // A file usually ends with a line break that is no part of the secret.
  const value = credential.prefix + secret.reveal().trimEnd();
  try {
    validateHeaderValue(credential.header, value);
  } catch {
    // Not the cause: it may quote the secret.
    throw new Error("credential: the secret cannot stand in a header");
  }
  return { header: credential.header, value };
}

/** Equal when nothing changed, the content of files and secrets included. A digest, so that it may outlive the secrets. */
function fingerprintOf({ config, tls, credential }: UpstreamSettings): string {
  return createHash("sha256")
    .update(JSON.stringify([config, tls, credential]))
    .digest("base64");
}
