/** Seeded random numbers made of 32-bit integers only: the same sequence on every machine. Never for keys or secrets. */

const TWO_POW_32 = 4_294_967_296;
/** Twelve uniform numbers minus six have mean 0 and variance 1: near enough to a normal distribution, without a logarithm. */
const UNIFORMS_PER_NORMAL = 12;

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Mean 0, standard deviation 1, within +-6. */
  normal(): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the values, by weight. */
  pick<Value>(weighted: readonly (readonly [Value, number])[]): Value;
}

/** The "sfc32" generator (small fast counting), seeded with one 32-bit number. */
export function createRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / TWO_POW_32;
  };
  for (let warmUp = 0; warmUp < 16; warmUp++) next();
  return {
    uniform: next,
    normal: () => {
      let sum = 0;
      for (let i = 0; i < UNIFORMS_PER_NORMAL; i++) sum += next();
      return sum - UNIFORMS_PER_NORMAL / 2;
    },
    chance: (probability) => next() < probability,
    pick: (weighted) => pick(weighted, next()),
  };
}

function pick<Value>(weighted: readonly (readonly [Value, number])[], at: number): Value {
  let left = at * weighted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of weighted) {
    left -= weight;
    if (left < 0) return value;
  }
  return (weighted.at(-1) as readonly [Value, number])[0];
}
