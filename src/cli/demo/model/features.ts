/**
 * The table of inputs of the churn model: names, kinds, ranges. The synthetic customers, the models, the server's checks and
 * the JSON Schema all come from it. `gender` and `region` are accepted, but no model may learn from them.
 */

interface NumberFeature {
  readonly name: string;
  readonly kind: "number";
  readonly minimum: number;
  readonly maximum: number;
  readonly isWhole?: boolean;
  readonly text: string;
}
interface CategoryFeature {
  readonly name: string;
  readonly kind: "category";
  readonly values: readonly string[];
  readonly text: string;
}
export type Feature = NumberFeature | CategoryFeature;

const YES_NO = ["no", "yes"] as const;

export const FEATURES = [
  { name: "age", kind: "number", minimum: 18, maximum: 120, isWhole: true, text: "Age in years." },
  {
    name: "tenure_months",
    kind: "number",
    minimum: 0,
    maximum: 600,
    isWhole: true,
    text: "Months since the contract began.",
  },
  {
    name: "monthly_charges",
    kind: "number",
    minimum: 0,
    maximum: 1000,
    text: "Charge of a month, after discount.",
  },
  {
    name: "total_charges",
    kind: "number",
    minimum: 0,
    maximum: 600_000,
    text: "All charges so far.",
  },
  {
    name: "num_calls",
    kind: "number",
    minimum: 0,
    maximum: 10_000,
    isWhole: true,
    text: "Calls made last month.",
  },
  {
    name: "num_tickets",
    kind: "number",
    minimum: 0,
    maximum: 1000,
    isWhole: true,
    text: "Support tickets in the last year.",
  },
  {
    name: "avg_session_min",
    kind: "number",
    minimum: 0,
    maximum: 1440,
    text: "Mean length of a session in minutes.",
  },
  {
    name: "days_since_login",
    kind: "number",
    minimum: 0,
    maximum: 3650,
    isWhole: true,
    text: "Days since the last login.",
  },
  {
    name: "data_usage_gb",
    kind: "number",
    minimum: 0,
    maximum: 100_000,
    text: "Data used last month, in gigabytes.",
  },
  {
    name: "late_payments",
    kind: "number",
    minimum: 0,
    maximum: 600,
    isWhole: true,
    text: "Payments that came late.",
  },
  {
    name: "discount_rate",
    kind: "number",
    minimum: 0,
    maximum: 1,
    text: "Discount as a share of the list price.",
  },
  {
    name: "satisfaction",
    kind: "number",
    minimum: 1,
    maximum: 5,
    text: "Mean answer to surveys, 1 to 5.",
  },
  {
    name: "gender",
    kind: "category",
    values: ["female", "male", "other"],
    text: "Accepted, never used.",
  },
  {
    name: "region",
    kind: "category",
    values: ["north-west", "north-east", "south-west", "south-east"],
    text: "Accepted, never used.",
  },
  {
    name: "contract",
    kind: "category",
    values: ["month-to-month", "one year", "two year"],
    text: "Term of the contract.",
  },
  {
    name: "payment_method",
    kind: "category",
    values: ["credit card", "bank transfer", "electronic check", "mailed check"],
    text: "How bills are paid.",
  },
  {
    name: "internet_service",
    kind: "category",
    values: ["none", "dsl", "fiber optic"],
    text: "Kind of internet access.",
  },
  {
    name: "device_protection",
    kind: "category",
    values: YES_NO,
    text: "Whether devices are insured.",
  },
  {
    name: "paperless_billing",
    kind: "category",
    values: YES_NO,
    text: "Whether bills come without paper.",
  },
  {
    name: "plan",
    kind: "category",
    values: ["basic", "standard", "premium", "premium plus"],
    text: "The plan subscribed to.",
  },
] as const satisfies readonly Feature[];

export type FeatureName = (typeof FEATURES)[number]["name"];

/** One customer's inputs. */
export type Inputs = Readonly<Record<FeatureName, number | string>>;

const BY_NAME: ReadonlyMap<string, Feature> = new Map(
  FEATURES.map((feature) => [feature.name, feature]),
);

/** The feature of that name, or undefined. */
export const featureNamed = (name: string): Feature | undefined => BY_NAME.get(name);

/** What is wrong with a value, as a phrase that follows the feature's name, or undefined. */
export function problemWith(feature: Feature, value: unknown): string | undefined {
  if (feature.kind === "category") {
    if (typeof value === "string" && feature.values.includes(value)) return undefined;
    return `must be one of ${feature.values.map((allowed) => `"${allowed}"`).join(", ")}`;
  }
  const { minimum, maximum, isWhole } = feature;
  if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number";
  if (isWhole && !Number.isInteger(value)) return "must be a whole number";
  if (value < minimum || value > maximum) return `must be from ${minimum} to ${maximum}`;
  return undefined;
}
