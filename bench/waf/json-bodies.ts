/**
 * JSON bodies of about 600 bytes with 20 fields, of four kinds that an inference API sees: each value is drawn anew, so
 * that nothing is measured which remembers a value.
 */
import type { Random } from "../generated-pack.ts";
import { phrase, prose } from "./prose.ts";

const GIVEN = [
  "Zoë",
  "José",
  "Anaïs",
  "Łukasz",
  "Siobhán",
  "Maria",
  "Jürgen",
  "Aïcha",
  "Tom",
  "Noor",
];
const FAMILY = ["O'Neill", "Núñez", "Müller", "D'Angelo", "Nowak", "Smith", "Øvergård", "Çelik"];

const pick = <T>(from: readonly T[], random: Random): T => from[random(from.length)] as T;
const digits = (count: number, random: Random): string =>
  Array.from({ length: count }, () => random(10)).join("");
export const hex = (count: number, random: Random): string =>
  Array.from({ length: count }, () => random(16).toString(16)).join("");
const amount = (below: number, random: Random): number => random(below * 100) / 100;
const letters = (count: number, random: Random): string =>
  Array.from({ length: count }, () => String.fromCodePoint(97 + random(26))).join("");
const capitals = (count: number, random: Random): string => letters(count, random).toUpperCase();
const day = (random: Random): string => `20${10 + random(16)}-0${1 + random(9)}-${10 + random(19)}`;

function order(random: Random): object {
  const item = (): object => ({
    sku: `${capitals(3, random)}-${digits(6, random)}`,
    name: phrase(2, random),
    quantity: 1 + random(40),
    price: amount(900, random),
  });
  return {
    order_id: `ord_${hex(20, random)}`,
    placed_at: `${day(random)}T1${random(10)}:${10 + random(49)}:${10 + random(49)}Z`,
    currency: capitals(3, random),
    total: amount(9_000, random),
    customer: { id: `cus_${hex(12, random)}`, tier: letters(5, random), since: 1990 + random(35) },
    shipping: {
      street: `${1 + random(300)} ${phrase(1, random)} road`,
      city: letters(8, random),
      postcode: `${capitals(2, random)}${digits(2, random)} ${digits(1, random)}${capitals(2, random)}`,
    },
    items: [item(), item()],
    note: phrase(5, random),
    express: random(2) === 0,
    reference: `${hex(8, random)}-${hex(4, random)}-${hex(4, random)}`,
  };
}

/** Accents, quotes, apostrophes, addresses of pages and of mail. */
function profile(random: Random): object {
  const given = pick(GIVEN, random);
  const family = pick(FAMILY, random);
  return {
    id: `usr_${hex(12, random)}`,
    display_name: `${given} "${letters(4, random)}" ${family}`,
    email: `${letters(6, random)}.${letters(5, random)}@${letters(6, random)}.example.org`,
    phone: `+${10 + random(80)} ${digits(3, random)} ${digits(6, random)}`,
    website: `https://www.${letters(7, random)}.example.com/~${letters(4, random)}?ref=${digits(3, random)}&l=${letters(2, random)}`,
    avatar: `https://cdn.example.net/a/${hex(10, random)}.png`,
    bio: `${given} isn't from ${letters(6, random)}; "${phrase(3, random)}" & others (since ${1990 + random(35)})`,
    birthday: day(random),
    height_cm: 150 + random(50),
    languages: [letters(2, random), `${letters(2, random)}-${capitals(2, random)}`],
    address: {
      line: `${1 + random(200)}, Rue de l'${letters(5, random)}é`,
      city: `São ${letters(5, random)}`,
    },
    timezone: `Europe/${letters(6, random)}`,
    score: amount(1, random),
    visits: random(100_000),
    newsletter: random(2) === 0,
    motto: `${phrase(2, random)} – “${phrase(1, random)}”`,
    referrer: `https://${letters(6, random)}.example/${letters(5, random)}`,
    plan: letters(6, random),
    version: `${random(9)}.${random(30)}.${random(9)}`,
  };
}

/** Sentences of a person who wants help, in several fields. */
function ticket(random: Random): object {
  return {
    ticket: digits(8, random),
    subject: prose(32, random),
    text: prose(150, random),
    product: phrase(2, random),
    version: `${random(9)}.${random(30)}`,
    severity: random(5),
    customer: { name: `${pick(GIVEN, random)} ${pick(FAMILY, random)}`, id: hex(8, random) },
    opened: day(random),
    device: { os: letters(6, random), build: digits(5, random), ram_mb: random(64_000) },
    language: letters(2, random),
    attempts: random(20),
    last_error: `E${digits(4, random)}: ${phrase(2, random)}`,
    sentiment: amount(1, random),
    tags: [phrase(1, random), letters(5, random)],
    channel: letters(4, random),
    queue: letters(7, random),
    escalated: random(2) === 0,
    wait_s: random(5_000),
  };
}

/** Fits `bench/subjects.ts`'s schema of the churn model, and so may be sent through the gateway. */
export function churn(random: Random): object {
  const yes = (): string => pick(["yes", "no"], random);
  return {
    id: `c-${digits(6, random)}-${day(random)}`,
    inputs: {
      age: 18 + random(80),
      tenure_months: random(240),
      monthly_charges: amount(200, random),
      total_charges: amount(20_000, random),
      num_calls: random(1_000),
      num_tickets: random(60),
      avg_session_min: amount(90, random),
      days_since_login: random(365),
      data_usage_gb: amount(500, random),
      late_payments: random(24),
      discount_rate: amount(1, random),
      satisfaction: (100 + random(401)) / 100,
      gender: pick(["female", "male", "other"], random),
      region: `${letters(5, random)}-${letters(5, random)}`,
      contract: pick(["month-to-month", "one year", "two year"], random),
      payment_method: phrase(2, random),
      internet_service: phrase(2, random),
      device_protection: yes(),
      paperless_billing: yes(),
      plan: phrase(2, random),
    },
    parameters: { threshold: amount(1, random), return_probabilities: random(2) === 0 },
    trace: hex(16, random),
  };
}

const SHAPES = [order, profile, ticket, churn];

/** The four kinds in turn. */
export function smallJson(serial: number, random: Random): object {
  return (SHAPES[serial % SHAPES.length] as (typeof SHAPES)[number])(random);
}
