/** Signed packs in folders of their own, and constitutions opened on them, for tests. */
import type { KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FieldValues } from "../fields.ts";
import { packContext } from "../fields.ts";
import { signEnvelope } from "../sign/dsse.ts";
import { createPackKey, publicPemOf, readPrivateKey, readPublicKey } from "../sign/keys.ts";
import { packHash } from "../sign/pack-hash.ts";
import { signPackJson } from "../sign/pack-json.ts";
import type { PackTrust } from "../sign/trust.ts";
import { Constitution, type ConstitutionOptions } from "./constitution.ts";
import type { ConstitutionEvent } from "./constitution-event.ts";
import { candidatePath } from "./pack-files.ts";
import type { ConstitutionVerdict, DecisionSubject } from "./serving.ts";

export const START_MS: number = Date.UTC(2026, 10, 22, 12);
const DAY_MS = 86_400_000;

/** For tests that make hundreds of small files durable where the disk is not what is tested. */
const QUICK_PLACE: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export interface Rules {
  /** Number of the release; without one there is no `release`. */
  readonly release?: number;
  readonly name?: string;
  readonly prev?: string;
  readonly notBeforeMs?: number;
  readonly expiresMs?: number;
  /** Who is let in. */
  readonly group?: string;
  /** What else they must be or have, in the language of bits. */
  readonly also?: string;
  /** Lets everybody in, which lint calls grave. */
  readonly isOpen?: boolean;
}

/** A pack that lets one group in, unless a rate limit is broken. */
export function yamlOf(rules: Rules): string {
  const { release, name = "example", prev, group = "ops", also, isOpen = false } = rules;
  const { notBeforeMs = START_MS - DAY_MS, expiresMs = START_MS + 90 * DAY_MS } = rules;
  const lines = ['version: "tdln-chip/0.3"'];
  if (release !== undefined)
    lines.push(
      "release:",
      `  name: ${name}`,
      `  version: ${release}`,
      `  not_before: ${timeOf(notBeforeMs)}`,
      `  expires: ${timeOf(expiresMs)}`,
      ...(prev === undefined ? [] : [`  prev: "${prev}"`]),
    );
  lines.push(
    "policies:",
    `  - { id: P_Group, description: "a member", logic: "'${group}' IN context.user.groups" }`,
    `  - { id: P_Known, description: "somebody", logic: "context.user.id STARTS_WITH 'u'" }`,
    `  - { id: P_Rate, description: "within limits", logic: "context.rate.ok" }`,
    ...(also === undefined ? [] : [`  - { id: P_Also, description: "too", logic: "${also}" }`]),
    "wiring:",
    `  - { id: W_Member, structure: { sequence: [P_Known, P_Group${also === undefined ? "" : ", P_Also"}] } }`,
    "  - { id: W_Any, structure: { sequence: [] } }",
    "outputs:",
    '  - deny_rate: { trigger: NOT(P_Rate), action: "HTTP 429 + LogLine(reason: rate)" }',
    `  - allow_member: { trigger: ${isOpen ? "W_Any" : "W_Member"}, action: "HTTP 200" }`,
  );
  return `${lines.join("\n")}\n`;
}

const timeOf = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");

export interface FolderOptions {
  readonly form?: PackTrust["form"];
  /** On a disk that is really synced; default: the quickest place there is. */
  readonly isOnDisk?: boolean;
  /** Private key in PEM; default: a new one. */
  readonly privatePem?: string;
  /** A folder that is there already. */
  readonly path?: string;
}

export class PackFolder {
  readonly path: string;
  readonly form: PackTrust["form"];
  readonly events: ConstitutionEvent[] = [];
  readonly privatePem: string;
  nowMs = START_MS;
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #opened: Constitution[] = [];

  constructor({ form = "pack_json", isOnDisk = false, privatePem, path }: FolderOptions = {}) {
    this.form = form;
    this.path = path ?? mkdtempSync(join(isOnDisk ? tmpdir() : QUICK_PLACE, "portcullis-packs-"));
    this.privatePem = privatePem ?? createPackKey().privatePem;
    this.#key = readPrivateKey(this.privatePem);
    this.#publicKey = readPublicKey(publicPemOf(this.#key));
  }

  get files(): ConstitutionOptions["files"] {
    if (this.form === "dsse") return { signature: join(this.path, "pack.dsse.json") };
    return { signature: join(this.path, "pack.json"), yaml: join(this.path, "policy.yaml") };
  }

  get candidateFiles(): ConstitutionOptions["files"] {
    const { signature, yaml } = this.files;
    return { signature: candidatePath(signature), ...(yaml && { yaml: candidatePath(yaml) }) };
  }

  get stateFile(): string {
    return join(this.path, "constitution.state");
  }

  /** Lays a signed pack down; returns its BLAKE3. */
  write(rules: Rules, at: ConstitutionOptions["files"] = this.files): string {
    const bytes = Buffer.from(yamlOf(rules));
    if (this.form === "dsse") {
      writeFileSync(at.signature, signEnvelope({ bytes, keys: [this.#key] }));
      return packHash(bytes);
    }
    const version = `v${rules.release ?? 0}`;
    const key = this.#key;
    writeFileSync(
      at.signature,
      signPackJson({ bytes, id: rules.name ?? "example", version, key, createdAtMs: START_MS }),
    );
    writeFileSync(at.yaml as string, bytes);
    return packHash(bytes);
  }

  writeCandidate(rules: Rules): string {
    return this.write(rules, this.candidateFiles);
  }

  options(over: Partial<ConstitutionOptions> = {}): ConstitutionOptions {
    return {
      files: this.files,
      trust: { form: this.form, keys: [this.#publicKey], threshold: 1 },
      acknowledged: [],
      stateFile: this.stateFile,
      nowMs: () => this.nowMs,
      onEvent: (event) => this.events.push(event),
      ...over,
    };
  }

  async open(over: Partial<ConstitutionOptions> = {}): Promise<Constitution> {
    const constitution = await Constitution.open(this.options(over));
    this.#opened.push(constitution);
    return constitution;
  }

  /** Closes it and opens another on the same files. */
  async restart(
    constitution: Constitution,
    over: Partial<ConstitutionOptions> = {},
  ): Promise<Constitution> {
    await constitution.close();
    this.events.length = 0;
    return this.open(over);
  }

  /** Kinds of events, in order. */
  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  read(file: "signature" | "yaml"): string {
    return readFileSync(this.files[file] as string, "utf8");
  }

  async remove(): Promise<void> {
    for (const constitution of this.#opened.splice(0)) await constitution.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const NOBODY: DecisionSubject = { key: "", groups: new Set(), route: "" };

/** What is decided about a known caller of this group. */
export function ask(
  constitution: Constitution,
  group: string,
  { values = {}, subject = NOBODY, nowMs = START_MS }: Asking = {},
): ConstitutionVerdict {
  const context = packContext({
    "context.user.id": "u-1",
    "context.user.groups": new Set([group]),
    "context.rate.ok": true,
    "system.panic_mode": false,
    ...values,
  });
  return constitution.decide(context, nowMs / 1_000, subject);
}

export interface Asking {
  readonly values?: FieldValues;
  readonly subject?: DecisionSubject;
  readonly nowMs?: number;
}
