/**
 * exp and log from additions, multiplications and divisions alone. IEEE 754 fixes those to the last bit; the language leaves
 * Math.exp and Math.log to each engine, and a model whose hash is published must not depend on the engine.
 */

const LN_2_HIGH = 0.69314718036912381649;
const LN_2_LOW = 1.90821492927058770002e-10;
const SERIES_TERMS = 16;
/** Beyond this the logistic function is 0 or 1 to twelve digits. */
const LOGIT_LIMIT = 30;

export function exp(x: number): number {
  const halvings = Math.round(x / LN_2_HIGH);
  const rest = x - halvings * LN_2_HIGH - halvings * LN_2_LOW;
  let series = 1;
  for (let term = SERIES_TERMS; term > 0; term--) series = 1 + (rest * series) / term;
  return scaleByPowerOfTwo(series, halvings);
}

/** Natural logarithm of a positive number. */
export function log(x: number): number {
  let mantissa = x;
  let exponent = 0;
  for (; mantissa > 1.5; exponent++) mantissa /= 2;
  for (; mantissa < 0.75; exponent--) mantissa *= 2;
  const ratio = (mantissa - 1) / (mantissa + 1);
  let power = ratio;
  let sum = 0;
  for (let term = 1; term < 2 * SERIES_TERMS; term += 2) {
    sum += power / term;
    power *= ratio * ratio;
  }
  return 2 * sum + exponent * LN_2_LOW + exponent * LN_2_HIGH;
}

/** The logistic function: log odds to probability. */
export function logistic(logOdds: number): number {
  const bounded = Math.max(-LOGIT_LIMIT, Math.min(LOGIT_LIMIT, logOdds));
  return 1 / (1 + exp(-bounded));
}

function scaleByPowerOfTwo(value: number, power: number): number {
  let scaled = value;
  for (let i = 0; i < power; i++) scaled *= 2;
  for (let i = 0; i > power; i--) scaled /= 2;
  return scaled;
}
