/**
 * Where the time of rules goes, by V8's own sampling: it names each pattern that runs as machine code, which tells whose
 * rule it is. Samples slow the process down, so that nothing else may be measured meanwhile.
 */
import { Session, type Profiler } from "node:inspector/promises";
import type { ByteString } from "../../seclang/byte-string.ts";
import type { PatternFacts } from "../../seclang/regex/pattern-facts.ts";

export interface TimeShare {
  readonly of: string;
  /** 0 to 1. */
  readonly share: number;
}

export interface Sampled {
  readonly rooms: readonly TimeShare[];
  /** Rules by the time of their patterns on V8's engine. */
  readonly rules: readonly TimeShare[];
}

export interface PatternNames {
  readonly patterns: readonly PatternFacts[];
  readonly rulesByPattern: ReadonlyMap<ByteString, readonly number[]>;
}

const INTERVAL_MICROS = 200;
const PATTERN_PREFIX = "RegExp: ";
/** V8 cuts names off behind 1,024 characters. */
const NAME_CHARS = 1_000;

/** Samples from its making on: patterns that were compiled before have no name. */
export class Sampler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.setSamplingInterval", { interval: INTERVAL_MICROS });
    await this.#session.post("Profiler.start");
  }

  /** What was sampled since `sinceMicros`, of the clock of `process.hrtime`. */
  async stop(sinceMicros: number, names: PatternNames): Promise<Sampled> {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    return sharesOf(profile, sinceMicros, names);
  }
}

/** The clock that samples go by. */
export const nowMicros = (): number => Number(process.hrtime.bigint() / 1_000n);

function sharesOf(
  { nodes, samples = [], timeDeltas = [], startTime }: Profiler.Profile,
  sinceMicros: number,
  names: PatternNames,
): Sampled {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const ruleOf = ruleNames(names);
  const rooms = new Map<string, number>();
  const rules = new Map<string, number>();
  let atMicros = startTime;
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index] ?? 0;
    atMicros += micros;
    const frame = byId.get(id);
    if (atMicros < sinceMicros || frame === undefined || isOutside(frame)) continue;
    total += micros;
    const rule = ruleOf(frame.functionName);
    const room = rule === undefined ? roomOf(frame) : "patterns on V8's engine";
    rooms.set(room, (rooms.get(room) ?? 0) + micros);
    if (rule !== undefined) rules.set(rule, (rules.get(rule) ?? 0) + micros);
  }
  return { rooms: sorted(rooms, total), rules: sorted(rules, total) };
}

function ruleNames({
  patterns,
  rulesByPattern,
}: PatternNames): (name: string) => string | undefined {
  const rules = new Map(
    patterns.flatMap(({ javaScript, source }) => {
      const ids = rulesByPattern.get(source);
      return ids === undefined
        ? []
        : [[javaScript.source.slice(0, NAME_CHARS), ids.join(", ")] as const];
    }),
  );
  return (name) =>
    name.startsWith(PATTERN_PREFIX)
      ? rules.get(name.slice(PATTERN_PREFIX.length).slice(0, NAME_CHARS))
      : undefined;
}

/** Nothing to do, or the making of the next requests. */
const isOutside = ({ functionName, url }: { functionName: string; url: string }): boolean =>
  functionName === "(idle)" || url.includes("/cli/waf/");

/** The engine's part in which the function stands. */
function roomOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === "(garbage collector)") return "garbage collection";
  return /\/seclang\/([a-z]+)\//.exec(url)?.[1] ?? "all else";
}

function sorted(micros: ReadonlyMap<string, number>, total: number): TimeShare[] {
  const shares = Array.from(micros, ([of, one]) => ({ of, share: one / total }));
  return shares.sort((a, b) => b.share - a.share);
}
