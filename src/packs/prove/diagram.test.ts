import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  Diagrams,
  FALSE,
  TRUE,
  VARIABLE_LIMIT,
  type Assignment,
  type Edge,
} from "./diagram.ts";

const COUNT = 5;

/** A formula over five variables, and the same as a function. */
interface Formula {
  readonly build: (diagrams: Diagrams) => Edge;
  readonly holds: (values: Uint8Array) => boolean;
}

const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(true, false).map((value): Formula => ({
      build: () => (value ? TRUE : FALSE),
      holds: () => value,
    })),
    fc.nat(COUNT - 1).map((variable): Formula => ({
      build: (diagrams) => diagrams.variable(variable),
      holds: (values) => values[variable] === 1,
    })),
    tie("formula").map((of): Formula => ({
      build: (diagrams) => diagrams.not(of.build(diagrams)),
      holds: (values) => !of.holds(values),
    })),
    fc.tuple(tie("formula"), tie("formula")).map(([a, b]): Formula => ({
      build: (diagrams) => diagrams.and(a.build(diagrams), b.build(diagrams)),
      holds: (values) => a.holds(values) && b.holds(values),
    })),
    fc.tuple(tie("formula"), tie("formula")).map(([a, b]): Formula => ({
      build: (diagrams) => diagrams.or(a.build(diagrams), b.build(diagrams)),
      holds: (values) => a.holds(values) || b.holds(values),
    })),
  ),
}));

const EVERY = Array.from({ length: 2 ** COUNT }, (_, at) =>
  Uint8Array.from({ length: COUNT }, (__, variable) => (at >> variable) & 1),
);

function fresh(): Diagrams {
  const diagrams = new Diagrams();
  diagrams.addVariables(COUNT);
  return diagrams;
}

test("a diagram says of every assignment what its formula says", () => {
  fc.assert(
    fc.property(formula, ({ build, holds }) => {
      const diagrams = fresh();
      const edge = build(diagrams);
      for (const values of EVERY) expect(diagrams.has(edge, values)).toBe(holds(values));
    }),
  );
});

test("equal functions are the same number, others are not", () => {
  fc.assert(
    fc.property(formula, formula, (a, b) => {
      const diagrams = fresh();
      const isSame = EVERY.every((values) => a.holds(values) === b.holds(values));
      expect(a.build(diagrams) === b.build(diagrams)).toBe(isSame);
    }),
  );
});

test("what is picked is one of the function's, and so is all that has its cared-for values", () => {
  fc.assert(
    fc.property(formula, ({ build, holds }) => {
      const diagrams = fresh();
      const edge = build(diagrams);
      if (edge === FALSE) return;
      const picked = diagrams.pick(edge);
      const alike = EVERY.filter((values) =>
        values.every((value, at) => picked.cared[at] === 0 || value === picked.values[at]),
      );
      expect(alike.length).toBeGreaterThan(0);
      for (const values of alike) expect(holds(values)).toBe(true);
      const cube = diagrams.cube(picked);
      for (const values of EVERY) expect(diagrams.has(cube, values)).toBe(alike.includes(values));
    }),
  );
});

test("of the values that will do, zero is picked", () => {
  const diagrams = fresh();
  const [a, b, c] = [0, 1, 2].map((variable) => diagrams.variable(variable)) as [Edge, Edge, Edge];
  const picked: Assignment = diagrams.pick(diagrams.or(diagrams.and(a, b), diagrams.not(c)));
  expect([...picked.values]).toEqual([0, 0, 0, 0, 0]);
});

describe("bounds", () => {
  test("a chain over all variables that are allowed fits on the stack", () => {
    const diagrams = new Diagrams();
    const first = diagrams.addVariables(VARIABLE_LIMIT);
    let every: Edge = TRUE;
    let even: Edge = TRUE;
    for (let variable = VARIABLE_LIMIT - 1; variable >= first; variable--) {
      every = diagrams.and(diagrams.variable(variable), every);
      if (variable % 2 === 0) even = diagrams.and(diagrams.variable(variable), even);
    }
    expect(diagrams.and(every, even)).toBe(every);
    expect(diagrams.or(every, even)).toBe(even);
  });

  test("more variables are refused", () => {
    const diagrams = new Diagrams();
    expect(() => diagrams.addVariables(VARIABLE_LIMIT + 1)).toThrow(BudgetExceeded);
  });

  test("what grows without end is given up", () => {
    const diagrams = new Diagrams();
    diagrams.addVariables(60);
    const pairs = (): Edge => {
      let edge: Edge = FALSE;
      for (let at = 0; at < 30; at++)
        edge = diagrams.or(edge, diagrams.and(diagrams.variable(at), diagrams.variable(30 + at)));
      return edge;
    };
    expect(pairs).toThrow(BudgetExceeded);
  });
});
