/**
 * Synthetic customers: invented, seeded, the same on every machine. No real person's data is or was in here; the relations
 * between the columns are assumptions written down below, and a model trained on them knows nothing about real customers.
 */
import type { Inputs } from "./features.ts";
import { logistic } from "./portable-math.ts";
import { createRandom, type Random } from "./random.ts";

export interface Customer {
  readonly inputs: Inputs;
  readonly hasChurned: boolean;
}

const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value));
const rounded = (value: number, perUnit: number): number => Math.round(value * perUnit) / perUnit;

const PLAN_PRICE = { basic: 24, standard: 38, premium: 55, "premium plus": 72 } as const;
const INTERNET_PRICE = { none: 0, dsl: 12, "fiber optic": 26 } as const;
/** Months that a contract's customers have typically stayed: long terms are signed by those who stay. */
const TYPICAL_TENURE = { "month-to-month": 16, "one year": 34, "two year": 52 } as const;

/** Makes `count` customers from one seed. */
export function createCustomers(seed: number, count: number): Customer[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => createCustomer(random));
}

function createCustomer(random: Random): Customer {
  const service = drawService(random);
  const age = Math.round(clamp(46 + 16 * random.normal(), 18, 92));
  // Product of two uniforms: many young contracts, few very old ones.
  const spread = 3.2 * random.uniform() * random.uniform() + 0.1;
  const tenure = Math.round(clamp(TYPICAL_TENURE[service.contract] * spread, 0, 120));
  const money = drawMoney(random, service, tenure);
  const use = drawUse(random, service, age);
  const satisfaction = rounded(
    clamp(
      3.7 - 0.32 * use.num_tickets - 0.012 * (money.monthly_charges - 60) + 0.75 * random.normal(),
      1,
      5,
    ),
    10,
  );
  const inputs = {
    age,
    tenure_months: tenure,
    ...money,
    ...use,
    satisfaction,
    gender: random.pick([
      ["female", 49],
      ["male", 49],
      ["other", 2],
    ] as const),
    region: random.pick([
      ["north-west", 28],
      ["north-east", 26],
      ["south-west", 22],
      ["south-east", 24],
    ] as const),
    ...service,
  };
  return { inputs, hasChurned: random.chance(logistic(logOddsOfChurn(inputs))) };
}

type Service = ReturnType<typeof drawService>;

function drawService(random: Random) {
  return {
    contract: random.pick([
      ["month-to-month", 54],
      ["one year", 25],
      ["two year", 21],
    ] as const),
    payment_method: random.pick([
      ["credit card", 34],
      ["bank transfer", 26],
      ["electronic check", 26],
      ["mailed check", 14],
    ] as const),
    internet_service: random.pick([
      ["none", 14],
      ["dsl", 38],
      ["fiber optic", 48],
    ] as const),
    device_protection: random.pick([
      ["no", 60],
      ["yes", 40],
    ] as const),
    paperless_billing: random.pick([
      ["no", 38],
      ["yes", 62],
    ] as const),
    plan: random.pick([
      ["basic", 30],
      ["standard", 34],
      ["premium", 22],
      ["premium plus", 14],
    ] as const),
  };
}

function drawMoney(random: Random, service: Service, tenure: number) {
  const discount = random.chance(0.35) ? rounded(0.05 + 0.3 * random.uniform(), 20) : 0;
  const listPrice =
    PLAN_PRICE[service.plan] +
    INTERNET_PRICE[service.internet_service] +
    (service.device_protection === "yes" ? 6 : 0);
  const monthly = rounded(clamp((listPrice + 4 * random.normal()) * (1 - discount), 8, 400), 100);
  const carefulness = service.payment_method === "electronic check" ? 0.1 : 0.04;
  return {
    monthly_charges: monthly,
    total_charges: rounded(monthly * tenure, 100),
    late_payments: countEvents(random, Math.min(tenure, 24), carefulness),
    discount_rate: discount,
  };
}

function drawUse(random: Random, service: Service, age: number) {
  const isOnline = service.internet_service !== "none";
  const activity = clamp(1 + 0.45 * random.normal(), 0.05, 3);
  const troubles = service.internet_service === "fiber optic" ? 0.13 : 0.07;
  const idleDays = (14 * random.uniform() * random.uniform()) / activity;
  return {
    num_calls: Math.round(clamp((20 + age / 3) * activity + 8 * random.normal(), 0, 300)),
    num_tickets: countEvents(random, 12, troubles),
    avg_session_min: rounded(
      clamp(isOnline ? 14 * activity + 3 * random.normal() : 0, 0, 240),
      100,
    ),
    days_since_login: Math.round(clamp(idleDays, 0, 365)),
    data_usage_gb: rounded(clamp(isOnline ? (70 - age / 2) * activity : 0, 0, 900), 10),
  };
}

/** How many of `trials` independent events with this probability happen. */
function countEvents(random: Random, trials: number, probability: number): number {
  let count = 0;
  for (let i = 0; i < trials; i++) if (random.chance(probability)) count++;
  return count;
}

/** The assumed truth. Neither gender nor region is in it. */
function logOddsOfChurn(customer: {
  [Name in keyof Inputs]: Inputs[Name];
}): number {
  const value = (name: keyof Inputs): number => customer[name] as number;
  const isMonthly = customer.contract === "month-to-month";
  const isFiber = customer.internet_service === "fiber optic";
  const tenure = value("tenure_months");
  let logOdds = -3;
  logOdds += isMonthly ? 1.25 : customer.contract === "one year" ? 0.15 : -0.75;
  logOdds += tenure < 6 ? 0.9 : tenure < 18 ? 0.45 : tenure > 48 ? -0.6 : 0;
  logOdds += 0.85 * (3.4 - value("satisfaction"));
  logOdds += 0.28 * value("num_tickets");
  logOdds += 0.09 * Math.min(value("days_since_login"), 20);
  logOdds += 0.22 * Math.min(value("late_payments"), 5);
  logOdds += 0.016 * (value("monthly_charges") - 60);
  logOdds -= 2.2 * value("discount_rate");
  logOdds += customer.payment_method === "electronic check" ? 0.35 : 0;
  logOdds += customer.device_protection === "yes" ? -0.25 : 0;
  // Interactions that a small model misses: a dear fibre line that gives trouble, and a newcomer who pays too much.
  if (isFiber && value("num_tickets") >= 2) logOdds += 0.8;
  if (isMonthly && tenure < 12 && value("monthly_charges") > 75) logOdds += 0.7;
  return logOdds;
}
