/** Made-up requests as the WAF's collections, each one new: orders, chats, profiles, tickets, searches; never anyone's real data. */
import { parseJson } from "../src/seclang/body/json.ts";
import { Entry, PART, type Part } from "../src/seclang/collections/entry.ts";
import { randomOf } from "./generated-pack.ts";

const WORDS =
  `account again answer around because before better between bring business change check close company computer country course
  customer delivery different document early enough every example family figure follow forward general group happen health
  history house important information invoice kind large later leave letter level little local machine manager market matter
  meeting member minute money month morning mother never night nothing number office often order other paper people perhaps
  person phone picture place please point possible present problem product program project public question quick ready reason
  receive remember report result return right school second section select sense service several should show simple since
  small social start state still story student study support system table their there thing think though through time today
  together under until update usually value version visit water week weekend where which while window without woman word work
  world would write wrong year yesterday`.split(/\s+/);
const NAMES = ["Zoë Müller", "José Álvarez", "Anaïs Lefèvre", "Siobhán O'Brien", "Łukasz Nowak"];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "okhttp/4.12.0",
];

class Dice {
  private readonly next = randomOf(20_260_101);

  below(bound: number): number {
    return this.next(bound);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  text(count: number): string {
    return Array.from({ length: count }, () => this.of(WORDS)).join(" ");
  }

  sentences(count: number): string {
    return Array.from({ length: count }, () => {
      const text = `${this.text(3 + this.below(4))}${this.of([",", "", " -", "'s"])} ${this.text(4 + this.below(4))}`;
      return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${this.of([".", ".", ".", "?", "!"])}`;
    }).join(" ");
  }

  hex(count: number): string {
    return Array.from({ length: count }, () => this.below(16).toString(16)).join("");
  }

  uuid(): string {
    return [8, 4, 4, 4, 12].map((count) => this.hex(count)).join("-");
  }

  date(): string {
    return `2026-0${1 + this.below(9)}-1${this.below(10)}T1${this.below(10)}:3${this.below(10)}:00Z`;
  }

  price(): number {
    return this.below(100_000) / 100;
  }
}

const dice = new Dice();

const order = () => ({
  order_id: `ORD-${dice.below(1e9)}`,
  created_at: dice.date(),
  currency: dice.of(["EUR", "USD", "CHF"]),
  customer: {
    id: dice.uuid(),
    email: `${dice.of(WORDS)}.${dice.of(WORDS)}@example.org`,
    tier: dice.of(["gold", "basic"]),
  },
  shipping: {
    street: `${dice.below(300)} ${dice.of(WORDS)} Street`,
    city: dice.of(["Springfield", "Lyon", "Graz"]),
    zip: String(10_000 + dice.below(89_999)),
    country: dice.of(["DE", "US", "FR"]),
  },
  items: [1, 2, 3].map(() => ({
    sku: `SKU-${dice.hex(6)}`,
    title: dice.text(3),
    quantity: 1 + dice.below(9),
    price: dice.price(),
  })),
  note: dice.sentences(2),
});

const chat = () => ({
  model: dice.of(["gpt-4o-mini", "mistral-small", "llama-3.1-8b"]),
  temperature: dice.below(100) / 100,
  max_tokens: dice.below(4096),
  top_p: 0.9,
  stream: dice.of([true, false]),
  user: dice.uuid(),
  seed: dice.below(1e6),
  messages: [
    { role: "system", content: "You are a helpful assistant. " + dice.sentences(1) },
    { role: "user", content: dice.sentences(2) },
    { role: "assistant", content: dice.sentences(1) },
    { role: "user", content: dice.sentences(1) },
  ],
  metadata: {
    trace: dice.hex(16),
    channel: dice.of(["web", "mobile"]),
    region: dice.of(["eu-west-1", "us-east-2"]),
    plan: "team",
  },
});

const profile = () => ({
  name: dice.of(NAMES),
  nickname: `"${dice.of(WORDS)}"`,
  homepage: `https://${dice.of(WORDS)}.example.com/people/${dice.hex(6)}?tab=posts&page=${dice.below(20)}`,
  avatar: `https://cdn.example.net/a/${dice.hex(12)}.png`,
  email: `${dice.of(WORDS)}+${dice.of(WORDS)}@example.co.uk`,
  phone: `+49 30 ${dice.below(1e7)}`,
  bio: `It's ${dice.of(NAMES)} (they/them); ${dice.sentences(1)} "${dice.text(3)}" & more…`,
  company: `${dice.of(WORDS)} & Söhne GmbH`,
  locale: "de-CH",
  timezone: "Europe/Zürich",
  born: dice.date(),
  interests: [dice.text(1), dice.text(2), `d'${dice.text(1)}`],
  address: {
    street: `Rue de l'${dice.of(WORDS)} ${dice.below(99)}`,
    city: "Besançon",
    zip: String(dice.below(99_999)),
  },
  newsletter: true,
  score: dice.price(),
  links: {
    github: `https://github.com/${dice.of(WORDS)}`,
    mastodon: `@${dice.of(WORDS)}@social.example`,
  },
});

const ticket = () => ({
  id: dice.below(1e7),
  subject: dice.sentences(1),
  description: dice.sentences(4),
  priority: dice.of(["low", "normal", "high"]),
  status: "open",
  reporter: dice.of(NAMES),
  assignee: `${dice.of(WORDS)}@example.org`,
  tags: [dice.of(WORDS), dice.of(WORDS), dice.of(WORDS)],
  created: dice.date(),
  due: dice.date(),
  version: `${dice.below(9)}.${dice.below(30)}.${dice.below(9)}`,
  browser: "Firefox 128",
  os: dice.of(["Windows 11", "macOS 14.5"]),
  url: `https://app.example.org/tickets/${dice.below(9999)}`,
  attachments: 0,
  internal: false,
  watchers: [dice.uuid()],
});

/** A string of its own: parts of a larger one would be read more slowly, or faster, than what a server hands over. */
const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function head(method: string, target: string): Entry[] {
  const at = (part: Part, value: string, name = ""): Entry =>
    new Entry(part, bytes(name), bytes(value));
  const headers: [string, string][] = [
    ["Host", "api.example.org"],
    ["User-Agent", dice.of(AGENTS)],
    ["Accept", "application/json, text/plain, */*"],
    ["Accept-Encoding", "gzip, deflate, br"],
    ["Accept-Language", dice.of(["en-US,en;q=0.5", "de-CH,de;q=0.9,en;q=0.8"])],
    ["Content-Type", "application/json"],
    ["Content-Length", String(560 + dice.below(60))],
    ["Authorization", `Bearer ${dice.hex(40)}`],
    ["X-Request-Id", dice.uuid()],
    ["Connection", "keep-alive"],
  ];
  const [path = "", query = ""] = target.split("?");
  return [
    at(PART.requestMethod, method),
    at(PART.requestProtocol, "HTTP/1.1"),
    at(PART.requestLine, `${method} ${target} HTTP/1.1`),
    at(PART.requestUri, target),
    at(PART.requestUriRaw, target),
    at(PART.requestFilename, path),
    at(PART.requestBasename, path.slice(path.lastIndexOf("/") + 1)),
    at(PART.queryString, query),
    ...headers.map(([name, value]) => at(PART.requestHeaders, value, name)),
    ...headers.map(([name]) => at(PART.requestHeadersNames, name, name)),
  ];
}

function post(body: unknown): Entry[] {
  const { fields } = parseJson(bytes(JSON.stringify(body)));
  return [
    ...head("POST", `/v1/items/${dice.below(1e6)}`),
    ...fields.map(({ name, value }) => new Entry(PART.argsPost, name, value)),
    ...fields.map(({ name }) => new Entry(PART.argsPostNames, name, name)),
  ];
}

function get(): Entry[] {
  const fields = [
    ["q", dice.text(2)],
    ["page", String(dice.below(100))],
    ["sort", dice.of(["price", "-date"])],
    ["session", dice.hex(16)],
  ] as const;
  const query = fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return [
    ...head("GET", `/v1/search?${query}`),
    ...fields.map(([name, value]) => new Entry(PART.argsGet, bytes(name), bytes(value))),
    ...fields.map(([name]) => new Entry(PART.argsGetNames, bytes(name), bytes(name))),
  ];
}

/** By name: makes the next request of that kind. */
export const CASES: Readonly<Record<string, () => Entry[]>> = {
  order: () => post(order()),
  chat: () => post(chat()),
  profile: () => post(profile()),
  ticket: () => post(ticket()),
  get,
  prose8k: () => post({ model: "m", messages: [{ role: "user", content: dice.sentences(112) }] }),
};
