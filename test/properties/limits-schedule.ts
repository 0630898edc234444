/** Schedules of what may happen to replicas and their shared store, as data that fast-check can make and shrink. */
import * as fc from "fast-check";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/stores/limits/limit-store.ts";
import type { Ask, Fate, LimitsWorld } from "./limits-world.ts";

export type Step =
  | ({ readonly do: "ask"; readonly times: number } & Ask)
  | {
      readonly do: "finish";
      readonly replica: number;
      readonly pick: number;
      readonly cost: number | undefined;
    }
  | { readonly do: "advance"; readonly byMs: number }
  | { readonly do: "link"; readonly replica: number; readonly state: "up" | "down" }
  | { readonly do: "store"; readonly state: "up" | "down" }
  | { readonly do: "jump"; readonly replica: number; readonly byMs: number }
  | { readonly do: "crash"; readonly replica: number };

/** A Sunday at noon. */
export const NOON_MS: number = Date.UTC(2026, 10, 22, 12);
export const SUBJECTS = ["a", "b"] as const;

const replica = fc.nat(5);
const state = fc.constantFrom("up", "down");
/** Most messages arrive. */
export const FATES: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>("arrives") },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Fate>("request lost", "reply lost", "late", "twice"),
  },
);

export interface Dangers {
  /** Whether wall clocks are set. */
  readonly hasJumps: boolean;
  readonly hasCrashes: boolean;
  /** Time that passes at once. Default an hour. */
  readonly maxAdvanceMs?: number;
  /** Whether questions and their answers get lost. Default yes. */
  readonly hasDoubts?: boolean;
}

export function scheduleOf({
  hasJumps,
  hasCrashes,
  maxAdvanceMs = HOUR_MS,
  hasDoubts = true,
}: Dangers): fc.Arbitrary<Step[]> {
  const ask = fc.record({
    do: fc.constant("ask" as const),
    times: fc.integer({ min: 1, max: 6 }),
    replica,
    subject: fc.constantFrom(...SUBJECTS),
    cost: fc.nat(8),
    fate: hasDoubts ? FATES : fc.constant<Fate>("arrives"),
  });
  const finish = fc.record({
    do: fc.constant("finish" as const),
    replica,
    pick: fc.nat(20),
    cost: fc.option(fc.nat(10), { nil: undefined }),
  });
  const advance = fc.record({
    do: fc.constant("advance" as const),
    byMs: fc.oneof(
      ...[40, 2_000, MINUTE_MS, maxAdvanceMs].map((most) => fc.nat(Math.min(most, maxAdvanceMs))),
    ),
  });
  const link = fc.record({ do: fc.constant("link" as const), replica, state });
  const store = fc.record({ do: fc.constant("store" as const), state });
  const jump = fc.record({
    do: fc.constant("jump" as const),
    replica,
    byMs: fc.oneof(
      fc.integer({ min: -DAY_MS, max: DAY_MS }),
      fc.integer({ min: -5_000, max: 5_000 }),
    ),
  });
  const crash = fc.record({ do: fc.constant("crash" as const), replica });
  const step = fc.oneof(
    { weight: 10, arbitrary: ask },
    { weight: 4, arbitrary: finish },
    { weight: 4, arbitrary: advance },
    { weight: 2, arbitrary: link },
    { weight: 1, arbitrary: store },
    { weight: hasJumps ? 1 : 0, arbitrary: jump },
    { weight: hasCrashes ? 1 : 0, arbitrary: crash },
  );
  // Long ones too: the ends of limits are far from their beginnings. They shrink all the same.
  return fc.array(step, { minLength: 1, maxLength: 100, size: "max" });
}

/** Plays the steps; `look` is called after each of them. */
export async function play(
  world: LimitsWorld,
  steps: readonly Step[],
  look: () => void = () => {},
): Promise<void> {
  for (const step of steps) {
    await playOne(world, step);
    look();
  }
}

async function playOne(world: LimitsWorld, step: Step): Promise<unknown> {
  switch (step.do) {
    case "ask":
      for (let i = 0; i < step.times; i++) await world.ask(step);
      return;
    case "finish":
      return world.finish(step.replica, step.pick, step.cost);
    case "advance":
      return world.advance(step.byMs);
    case "link":
      return world.replica(step.replica).link.turn(step.state);
    case "store":
      for (const { link } of world.replicas) link.turn(step.state);
      return;
    case "jump":
      world.replica(step.replica).clock.skewMs += step.byMs;
      world.jumps++;
      return;
    case "crash":
      return world.crash(step.replica);
  }
}
