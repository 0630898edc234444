/**
 * What a constitution decided, read back from a `decision` line. It takes the line at its word, and what the line does
 * not say it leaves out.
 */
import type { Governed } from "../../pipeline/facts.ts";

type Members = Readonly<Record<string, unknown>>;

const HASH = /^b3:([0-9a-f]{64})$/;

/** Undefined when no pack decided. `line` is the whole line, `policy` the member of its facts. */
export function readPolicy(line: Members, policy: unknown): Governed | undefined {
  const blake3 = blake3Of(line["blake3_pack"]);
  if (blake3 === undefined || !isMembers(policy)) return undefined;
  const output = textOf(policy["output"]) ?? "default_deny";
  const bitValue = policy["bit_value"];
  const shadow = readShadow(policy["shadow"]);
  const edge = readEdge(policy["edge"]);
  return {
    pack: { ...readName(policy), blake3 },
    stage: policy["stage"] === "canary" ? "canary" : "active",
    effect: effectOf(output),
    output,
    reason: textOf(policy["reason"]) ?? "",
    wire: textOf(line["wire"]),
    bitFailed: textOf(line["bit_failed"]),
    bitValue: bitValue === "false" || bitValue === "undefined" ? bitValue : undefined,
    chain: textsOf(line["chain"]),
    evaluationSeconds: 0,
    isPanic: policy["panic"] === true,
    ...(shadow && { shadow }),
    ...(edge && { edge }),
    seen: readSeen(policy["seen"]),
  };
}

/** The prefix of an output's id says what it does. */
const effectOf = (output: string): Governed["effect"] =>
  output.startsWith("allow_") ? "allow" : "deny";

const readName = (named: Members): { readonly id: string; readonly version: string } => ({
  id: textOf(named["id"]) ?? "",
  version: textOf(named["version"]) ?? "",
});

function readShadow(shadow: unknown): Governed["shadow"] {
  if (!isMembers(shadow)) return undefined;
  const blake3 = blake3Of(shadow["blake3"]);
  const output = textOf(shadow["output"]);
  if (blake3 === undefined || output === undefined) return undefined;
  return { pack: { ...readName(shadow), blake3 }, output, effect: effectOf(output) };
}

function readEdge(edge: unknown): Governed["edge"] {
  if (!isMembers(edge)) return undefined;
  return { decision: textOf(edge["decision"]) ?? "", pack: textOf(edge["pack"]) ?? "" };
}

function readSeen(seen: unknown): Governed["seen"] {
  const read: Record<string, Governed["seen"][string]> = Object.create(null) as object as never;
  if (!isMembers(seen)) return read;
  for (const [name, value] of Object.entries(seen)) {
    if (typeof value === "boolean" || typeof value === "number" || typeof value === "string")
      read[name] = value;
    else if (Array.isArray(value)) read[name] = textsOf(value);
  }
  return read;
}

const blake3Of = (value: unknown): string | undefined => HASH.exec(textOf(value) ?? "")?.[1];

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
