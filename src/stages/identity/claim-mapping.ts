/**
 * From an issuer's claims to the identity the later stages know. Which claim means what is configuration; a claim that
 * is there but is not what it should be refuses the token, because a right misread is a right granted or lost by chance.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { Claims } from "./claims.ts";
import { Refused } from "./refused.ts";

/** For each field, the claims to look in, first present wins; "/realm_access/roles" reaches into objects. */
export interface ClaimNames {
  readonly tenant: readonly string[];
  readonly scopes: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly tier: readonly string[];
  readonly caller: readonly string[];
  readonly authMethod: readonly string[];
  readonly rpId: readonly string[];
}

/** Bounds what reaches logs, metrics and limit keys. */
const MAX_NAME_LENGTH = 256;
const NAME = /^[^\p{C}]+$/u;

const EMPTY: ReadonlySet<string> = new Set();

type Path = readonly string[];
type Paths = Readonly<Record<keyof ClaimNames, readonly Path[]>>;

interface MappedIssuer {
  /** Its name in the configuration; keeps principals of two issuers apart. */
  readonly name: string;
  /** Its `iss`. */
  readonly identifier: string;
  /** Said of every token, where no claim says it. */
  readonly authMethod?: string | undefined;
  readonly rpId?: string | undefined;
  readonly isLegacy: boolean;
}

export class ClaimMapping {
  readonly #issuer: MappedIssuer;
  readonly #paths: Paths;

  constructor(issuer: MappedIssuer, names: ClaimNames) {
    this.#issuer = issuer;
    this.#paths = Object.fromEntries(
      Object.entries(names).map(([field, claims]) => [field, claims.map(toPath)]),
    ) as Paths;
  }

  toIdentity(claims: Claims, expiresAtMs: number): AuthenticatedIdentity | Refused {
    const caller = this.#name(claims, "caller");
    const tenant = this.#name(claims, "tenant");
    const tier = this.#name(claims, "tier");
    const scopes = this.#set(claims, "scopes");
    const permissions = this.#set(claims, "permissions");
    const groups = this.#set(claims, "groups");
    const roles = this.#set(claims, "roles");
    const subject = optionalName("sub", claims["sub"]);
    const credentialId = optionalName("jti", claims["jti"]);
    const authMethod = this.#first(claims, "authMethod") ?? this.#issuer.authMethod;
    const rpId = this.#name(claims, "rpId") ?? this.#issuer.rpId;
    const names = [caller, tenant, tier, subject, authMethod, rpId];
    for (const part of [...names, scopes, permissions, groups, roles])
      if (part instanceof Refused) return part;
    if (caller === undefined) return invalid("no claim names the caller (claims.caller)");
    if (subject === undefined) return invalid("claim sub is missing");
    if (credentialId instanceof Refused) return credentialId;
    return Object.freeze({
      method: "jwt",
      key: `jwt:${this.#issuer.name}:${caller as string}`,
      caller: caller as string,
      subject: subject as string,
      tenant: tenant as string | undefined,
      issuer: this.#issuer.identifier,
      credentialId,
      scopes: scopes as ReadonlySet<string>,
      permissions: permissions as ReadonlySet<string>,
      groups: groups as ReadonlySet<string>,
      roles: roles as ReadonlySet<string>,
      tier: tier as string | undefined,
      expiresAtMs,
      ...(authMethod !== undefined && { authMethod: authMethod as string }),
      ...(rpId !== undefined && { rpId: rpId as string }),
      ...(this.#issuer.isLegacy && { isLegacy: true as const }),
    });
  }

  #name(claims: Claims, field: keyof ClaimNames): string | Refused | undefined {
    for (const path of this.#paths[field]) {
      const value = valueAt(claims, path);
      if (value !== undefined) return optionalName(path.join("/"), value);
    }
    return undefined;
  }

  /** A text, or the first of a list of texts, as `amr` is (RFC 8176 section 1). */
  #first(claims: Claims, field: keyof ClaimNames): string | Refused | undefined {
    for (const path of this.#paths[field]) {
      const value = valueAt(claims, path);
      if (value === undefined) continue;
      if (!Array.isArray(value)) return optionalName(path.join("/"), value);
      return value.every(isName) ? value[0] : invalid(`claim ${path.join("/")} is not of texts`);
    }
    return undefined;
  }

  /** Space-separated text (RFC 6749 section 3.3) or a list of texts: both are in use for scopes. */
  #set(claims: Claims, field: keyof ClaimNames): ReadonlySet<string> | Refused {
    for (const path of this.#paths[field]) {
      const value = valueAt(claims, path);
      if (value === undefined) continue;
      const items = typeof value === "string" ? value.split(" ").filter(Boolean) : value;
      if (Array.isArray(items) && items.every(isName)) return new Set(items);
      return invalid(`claim ${path.join("/")} is not a list of texts`);
    }
    return EMPTY;
  }
}

function optionalName(claim: string, value: unknown): string | Refused | undefined {
  if (value === undefined || isName(value)) return value;
  return invalid(`claim ${claim} is not a short printable text`);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH && NAME.test(value);
}

/** RFC 6901 for names that start with "/"; any other name is one top-level claim, URLs included. */
function toPath(name: string): Path {
  if (!name.startsWith("/")) return [name];
  return name
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueAt(claims: Claims, path: Path): unknown {
  let value: unknown = claims;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value ?? undefined;
}

const invalid = (cause: string) => new Refused("identity.token_invalid", cause);
