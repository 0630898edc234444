/**
 * The variables of the policy proxy: one row each, laid over what it is without any. A row that cannot make sense of its
 * value says so and never repeats it.
 */
import { join } from "node:path";
import { parseCount, parseList, type EnvironmentDraft } from "../../config/environment.ts";
import { UnitError } from "../../config/unit.ts";
import { ENVIRONMENT_TABLE } from "../../gateway/environment-table.ts";
import { PackRefused } from "../../packs/pack-error.ts";
import { createPackKey, readPublicKeyBase64 } from "../../packs/sign/keys.ts";
import { EDGE_VARIABLES } from "./edge.ts";
import { ownKeyPath } from "./key.ts";
import { requireVariables, type PolicyVariable } from "./variable.ts";

/** A quarter of an hour, as in `constitution.breakGlass.maxTtl`. */
const PANIC_TTL_CAP_SEC = 900;

const listenerRows: readonly PolicyVariable[] = [
  {
    name: "BIND_ADDR",
    description: "Address and port where the edge in front calls.",
    example: "127.0.0.1:9456",
    otherwise: "`127.0.0.1:9456`",
    apply: (value, draft) => draft.set(["listeners", 0, "bind"], value),
  },
  {
    name: "OPERATOR_ADDR",
    description:
      "Address and port of `/metrics`, `/livez`, `/readyz`, `/_reload` and `/__breakglass`, which answer this machine alone. Never one that callers reach.",
    example: "127.0.0.1:9457",
    otherwise: "`127.0.0.1:9457`",
    apply: (value, draft) => draft.set(["operator", "bind"], value),
  },
];

const upstreamRows: readonly PolicyVariable[] = [
  {
    name: "UPSTREAM_CORE",
    description:
      "Origin of what serves `/core/**`, `/admin/**` and `/files/**`; several are separated by commas.",
    example: "http://127.0.0.1:9458",
    otherwise: undefined,
    apply: (value, draft) => draft.set(["upstreams", "core", "targets"], parseList(value)),
  },
  {
    name: "UPSTREAM_WEBHOOKS",
    description: "Origin of what serves `/webhooks/**`; several are separated by commas.",
    example: "http://127.0.0.1:9459",
    otherwise: "`/webhooks/**` is not found",
    apply(value, draft) {
      draft.set(["upstreams", "webhooks", "targets"], parseList(value));
      if (draft.variable("WEBHOOK_PARTNERS") === undefined)
        addRoute(draft, { id: "webhooks", path: "/webhooks/**", ...WEBHOOK_ROUTE });
    },
  },
  {
    name: "WEBHOOK_PARTNERS",
    description:
      "Names of partners who sign what they send (Standard Webhooks, HMAC-SHA256), separated by commas. Each calls `/webhooks/NAME/**`, and `WEBHOOK_SECRET_NAME` holds its secret: capitals, and `_` for a hyphen.",
    example: "acme,billing-house",
    otherwise: "nobody's signature is verified here",
    apply: addPartners,
  },
];

const WEBHOOK_ROUTE = { methods: ["POST"], upstream: "webhooks", identity: "none" };

/** Short enough for a route's id and a label of metrics. */
const PARTNER = /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/;

function addPartners(value: string, draft: EnvironmentDraft): void {
  requireVariables(draft, "UPSTREAM_WEBHOOKS");
  for (const partner of parseList(value)) {
    if (!PARTNER.test(partner))
      throw new UnitError("a partner's name is lower case letters, digits and hyphens, 50 at most");
    const secret = `WEBHOOK_SECRET_${partner.toUpperCase().replaceAll("-", "_")}`;
    draft.set(["constitution", "webhooks", "partners", partner], {
      scheme: "id.timestamp.body",
      secrets: [`env:${secret}`],
    });
    addRoute(draft, {
      id: `webhooks-${partner}`,
      path: `/webhooks/${partner}/**`,
      ...WEBHOOK_ROUTE,
      webhook: partner,
    });
  }
}

const packRows: readonly PolicyVariable[] = [
  {
    name: "POLICY_PUBKEY_PEM_B64",
    description: "Base64 of the PEM of the Ed25519 public key that packs are signed with.",
    example: "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K...",
    otherwise: undefined,
    standIn: () => Buffer.from(createPackKey().publicPem).toString("base64"),
    apply: requireKey,
  },
  {
    name: "POLICY_YAML",
    description:
      "File with the rules. A candidate stands beside it: `policy.next.yaml` for `policy.yaml`.",
    example: "/var/lib/portcullis/pack/policy.yaml",
    otherwise: undefined,
    apply: (value, draft) => draft.set(["constitution", "rules"], `file:${value}`),
  },
  {
    name: "POLICY_PACK",
    description:
      "File that signs them, `pack.json`; the candidate's is `pack.next.json`. To be promoted, both must be in a folder that the proxy may write to.",
    example: "/var/lib/portcullis/pack/pack.json",
    otherwise: undefined,
    apply: (value, draft) => draft.set(["constitution", "signature"], `file:${value}`),
  },
  {
    name: "POLICY_ACKNOWLEDGE",
    description:
      "Grave findings of `portcullis pack lint` that are meant, by name, separated by commas.",
    example: "open_allow:allow_public_warmup",
    otherwise: "a pack with a grave finding is not taken",
    apply: (value, draft) => draft.set(["constitution", "acknowledge"], parseList(value)),
  },
  {
    name: "PANIC_TTL_MAX_SEC",
    description: "Longest that one break-glass may last, in seconds; 900 at most.",
    example: "300",
    otherwise: "`900`",
    apply(value, draft) {
      const seconds = parseCount(value, 1);
      if (seconds > PANIC_TTL_CAP_SEC) throw new UnitError(`more than ${PANIC_TTL_CAP_SEC}`);
      draft.set(["constitution", "breakGlass", "maxTtl"], `${seconds}s`);
    },
  },
  {
    name: "PANIC_APPROVERS",
    description:
      "Files with operators' public keys, separated by commas: break-glass then needs the signature of one of them.",
    example: "/etc/portcullis/approver.pub",
    otherwise: "one person on this machine may start it",
    apply(value, draft) {
      const files = parseList(value).map((path) => `file:${path}`);
      draft.set(["constitution", "breakGlass", "approvers"], files);
    },
  },
];

/** The settings refer to the variable itself; here it is only judged, beside all the others. */
function requireKey(value: string): void {
  try {
    readPublicKeyBase64(value);
  } catch (error) {
    if (!(error instanceof PackRefused)) throw error;
    const [first] = error.findings;
    throw new UnitError(first?.message ?? error.message, first?.hint);
  }
}

const ledgerRows: readonly PolicyVariable[] = [
  {
    name: "LEDGER_PATH",
    description:
      "Folder of the ledger, of this process alone. What must outlive a restart is kept there too.",
    example: "/var/lib/portcullis/ledger",
    otherwise: undefined,
    apply(value, draft) {
      draft.set(["ledger", "directory"], value);
      draft.set(["ledger", "signingKey"], `file:${ownKeyPath(value)}`);
      draft.set(["store", "path"], join(value, "portcullis.db"));
      draft.set(["constitution", "state"], join(value, "constitution-state.json"));
      draft.set(["constitution", "breakGlass", "state"], join(value, "breakglass-state.json"));
    },
  },
  {
    name: "LEDGER_SIGNING_KEY",
    description: "File with the Ed25519 private key (PEM) that signs the ledger.",
    example: "/etc/portcullis/ledger.key",
    otherwise: "`signing.key` in LEDGER_PATH, made at the first start with mode 0600",
    apply: (value, draft) => draft.set(["ledger", "signingKey"], `file:${value}`),
  },
];

/** Rows of the gateway's own table that mean the same here. */
const SHARED: readonly (readonly [name: string, otherwise: string])[] = [
  ["TRUSTED_PROXIES", "all callers of one edge count as one address"],
  ["RATE_LIMIT_REQUESTS_PER_MINUTE", "100 a second, 200 at once"],
  ["LOG_LEVEL", "`info`"],
];

const sharedRows = SHARED.map(([name, otherwise]): PolicyVariable => {
  const row = ENVIRONMENT_TABLE.rows.find((one) => one.name === name);
  if (row?.example === undefined) throw new Error(`${name} is not in the gateway's table`);
  return { ...row, example: row.example, otherwise };
});

const environmentRow: PolicyVariable = {
  name: "ENVIRONMENT",
  description: "`development`, `staging` or `production`, which refuses unsafe settings.",
  example: "staging",
  otherwise: "`production`",
  apply: (value, draft) => draft.set(["environment"], value),
};

/** In the order in which they are applied: a later one may look at what an earlier one has set. */
export const POLICY_VARIABLES: readonly PolicyVariable[] = [
  ...listenerRows,
  ...upstreamRows,
  ...packRows,
  ...ledgerRows,
  ...EDGE_VARIABLES,
  ...sharedRows,
  environmentRow,
];

function addRoute(draft: EnvironmentDraft, route: object): void {
  const routes = draft.get(["routes"]) as readonly unknown[];
  draft.set(["routes", routes.length], route);
}
