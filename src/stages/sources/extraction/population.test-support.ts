/** Honest callers of three models, and such that copy them, from seeded chance: the same every time. */

/** Numbers from 0 to 1 (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
export type Input = Record<string, number | string>;
/** What one caller sends, in order; a body may be a batch. */
export type Kind = (random: Random) => Iterable<unknown>;

const between = (random: Random, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1));
const one = <T>(random: Random, from: readonly T[]): T =>
  from[between(random, 0, from.length - 1)] as T;
const bell = (random: Random): number => (random() + random() + random() + random() - 2) * 1.7;
const cents = (value: number): number => Math.round(value * 100) / 100;

/** A telephone company's customer: five numbers, seven categories. */
export const customer = (random: Random): Input => {
  const tenure = between(random, 0, 72);
  const monthly = cents(Math.max(18, 65 + 25 * bell(random)));
  return {
    tenure,
    monthly,
    total: cents(tenure * monthly * (0.95 + 0.1 * random())),
    calls: between(random, 0, 9),
    income: Math.round(Math.exp(10.5 + 0.5 * bell(random))),
    contract: one(random, ["monthly", "one_year", "two_years"]),
    internet: one(random, ["none", "dsl", "fiber"]),
    payment: one(random, ["check", "card", "transfer"]),
    partner: one(random, ["yes", "no"]),
    senior: between(random, 0, 1),
    region: one(random, ["north", "south", "east", "west"]),
    tv: one(random, ["yes", "no"]),
  };
};

/** Somebody to insure: one number of many values among small counts. The hardest to tell from an enumeration. */
export const insured = (random: Random): Input => ({
  age: between(random, 18, 80),
  children: between(random, 0, 4),
  smoker: between(random, 0, 1),
  cars: between(random, 0, 2),
  region: one(random, ["north", "south", "east", "west"]),
});

function* times<T>(count: number, make: (index: number) => T): Iterable<T> {
  for (let i = 0; i < count; i++) yield make(i);
}

const sortedBy = (field: string, inputs: Input[]): Input[] =>
  inputs.sort((a, b) => Number(a[field]) - Number(b[field]));

/** What somebody does who plays with one value: a few steps, then the next customer. */
function* whatIf(random: Random): Iterable<Input> {
  for (let i = between(random, 1, 5); i > 0; i--) {
    const base = customer(random);
    const field = one(random, ["tenure", "monthly", "income"]);
    const step = one(random, [1, 5, 10, 100]);
    for (let at = 0; at < between(random, 3, 9); at++)
      yield { ...base, [field]: Number(base[field]) + at * step };
  }
}

/** The people of an office, behind one identity: most score customers, some ask what if. */
function* office(random: Random): Iterable<Input> {
  for (let i = 0; i < 40; i++) {
    yield* whatIf(random);
    for (let at = 0; at < 30; at++) yield customer(random);
  }
}

/** A machine's readings: all of them change a little each time. */
function* readings(random: Random): Iterable<Input> {
  let [temperature, pressure, vibration] = [20 + 60 * random(), 1 + 5 * random(), random()];
  for (let i = 0; i < 60; i++) {
    temperature += 0.2 * bell(random);
    pressure += 0.01 * bell(random);
    vibration = Math.abs(vibration + 0.05 * bell(random));
    const rpm = 1_500 + between(random, -5, 5);
    yield { machine: 7, temperature: cents(temperature), pressure, vibration, rpm };
  }
}

export const HONEST: Readonly<Record<string, { model: string; share: number; kind: Kind }>> = {
  "a person at a screen": {
    model: "churn",
    share: 0.398,
    kind: (random) => times(between(random, 1, 20), () => customer(random)),
  },
  "somebody who asks what if": { model: "churn", share: 0.1, kind: whatIf },
  "an office of such": { model: "churn", share: 0.002, kind: office },
  "a nightly batch": {
    model: "churn",
    share: 0.1,
    kind: (random) => times(between(random, 100, 500), () => customer(random)),
  },
  "a batch sorted by income": {
    model: "churn",
    share: 0.05,
    kind: (random) => sortedBy("income", [...times(200, () => customer(random))]),
  },
  "batches of many inputs each": {
    model: "churn",
    share: 0.05,
    kind: (random) => times(5, () => ({ instances: [...times(50, () => customer(random))] })),
  },
  "a program that asks the same again": {
    model: "churn",
    share: 0.05,
    kind: (random) => {
      const few = [customer(random), customer(random), customer(random)];
      return times(100, (i) => few[i % 3]);
    },
  },
  "an insurer's calls": {
    model: "premium",
    share: 0.1,
    kind: (random) => times(between(random, 20, 300), () => insured(random)),
  },
  "an insurer's batch, sorted by age": {
    model: "premium",
    share: 0.05,
    kind: (random) => sortedBy("age", [...times(300, () => insured(random))]),
  },
  "a machine that reports": { model: "wear", share: 0.1, kind: readings },
};

const NUMBERS = ["tenure", "monthly", "total", "calls", "income"] as const;
const RANGES = { tenure: 72, monthly: 120, total: 8_000, calls: 9, income: 200_000 };

function* sweep(base: Input, field: string, points: readonly number[]): Iterable<Input> {
  for (const value of points) yield { ...base, [field]: value };
}

const grid = (count: number, from: number, to: number): number[] =>
  Array.from({ length: count }, (_, i) => cents(from + ((to - from) * i) / (count - 1)));

function shuffled<T>(random: Random, all: T[]): T[] {
  for (let i = all.length - 1; i > 0; i--) {
    const j = between(random, 0, i);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}

const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );

function* sweeps(random: Random): Iterable<Input> {
  const base = customer(random);
  for (const field of NUMBERS) yield* sweep(base, field, grid(50, 0, RANGES[field]));
}

const plane = (random: Random, count: number): Input[] => {
  const base = customer(random);
  return grid(count, 0, 72).flatMap((tenure) => [
    ...sweep({ ...base, tenure }, "monthly", grid(count, 18, 120)),
  ]);
};

/** Halves the way between two values of one number, towards a boundary that is somewhere. */
function* bisections(random: Random): Iterable<Input> {
  for (let i = 0; i < 40; i++) {
    const base = customer(random);
    let [low, high] = [0, 200_000];
    for (let step = 0; step < 15; step++) {
      const income = (low + high) / 2;
      yield { ...base, income };
      if (random() < 0.5) low = income;
      else high = income;
    }
  }
}

/** Halves the way between two customers, along all numbers at once. */
function* lines(random: Random): Iterable<Input> {
  for (let i = 0; i < 40; i++) {
    const [from, to] = [customer(random), customer(random)];
    let [low, high] = [0, 1];
    for (let step = 0; step < 15; step++) {
      const share = (low + high) / 2;
      const input = { ...from };
      for (const field of NUMBERS)
        input[field] = Number(from[field]) + share * (Number(to[field]) - Number(from[field]));
      yield input;
      if (random() < 0.5) low = share;
      else high = share;
    }
  }
}

function* hidden(random: Random, cover: number): Iterable<Input> {
  for (const input of sweeps(random)) {
    yield input;
    for (let i = 0; i < cover; i++) yield customer(random);
  }
}

export const COPYING: Readonly<Record<string, Kind>> = {
  "one feature after the other": sweeps,
  "with jitter": (random) => {
    const base = customer(random);
    const points = grid(400, 0, 200_000).map((value) => Math.round(value + 200 * random()));
    return sweep(base, "income", points);
  },
  "a grid over two features": (random) => plane(random, 25),
  "coarse grids over two features": (random) =>
    Array.from({ length: 6 }, () => plane(random, 12)).flat(),
  "a grid in no order": (random) => shuffled(random, plane(random, 25)),
  "search for a boundary by one feature": bisections,
  "search for a boundary between two inputs": lines,
  "hidden, one in three": (random) => hidden(random, 2),
  "hidden, one in ten": (random) => hidden(random, 9),
  "with a field of random text": (random) =>
    times(500, (i) => {
      const base = customer(chance(5));
      return { ...base, income: 1_000 + 100 * i, note: String(random()) };
    }),
  "in batches": (random) => chunks(plane(random, 25), 25).map((instances) => ({ instances })),
  "at random, evenly": (random) =>
    times(2_000, () => {
      const input = customer(random);
      for (const field of NUMBERS) input[field] = RANGES[field] * random();
      return input;
    }),
};
