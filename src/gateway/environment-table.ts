/** The environment variables that stand for settings: one row each, applied over the files and under the flags. */
import {
  parseBoolean,
  parseCount,
  parseList,
  type EnvironmentDraft,
  type EnvironmentRow,
  type EnvironmentTable,
} from "../config/environment.ts";
import { UnitError } from "../config/unit.ts";
import { REDIS_ROWS } from "./environment-redis.ts";

/** The issuer, listener and so on that variables alone describe are called by this name. */
const FROM_ENVIRONMENT = "environment";

const ISSUER = ["identity", "issuers", FROM_ENVIRONMENT] as const;
const FIRST_LISTENER = ["listeners", 0] as const;

/** A shared secret brings HS256 along where nothing else is said; public keys bring ES256 and RS256. */
const SYMMETRIC_DEFAULT = ["HS256"];
/** Who signs with a shared secret makes the tokens himself: plain `JWT`, and often with no caller but the subject. */
const HOME_MADE_TOKENS = {
  typ: ["at+jwt", "JWT"],
  claims: { caller: ["client_id", "azp", "sub"] },
};
const ASYMMETRIC_DEFAULT = ["ES256", "RS256"];

const jwtRows: readonly EnvironmentRow[] = [
  {
    name: "JWT_ISSUER",
    description:
      "Issuer of accepted access tokens (`iss`), by the name `environment`. Needs JWT_AUDIENCE.",
    example: "https://idp.example.bank/realms/inference",
    apply(value, draft) {
      requireVariable(draft, "JWT_AUDIENCE");
      const isShared = draft.variable("JWT_SECRET_KEY") !== undefined;
      draft.set(ISSUER, {
        issuer: value,
        algorithms: isShared ? SYMMETRIC_DEFAULT : ASYMMETRIC_DEFAULT,
        ...(isShared && HOME_MADE_TOKENS),
      });
    },
  },
  {
    name: "JWT_AUDIENCE",
    description:
      "What this gateway is called in `aud`; several are separated by commas. Needs JWT_ISSUER.",
    example: "inference",
    apply(value, draft) {
      requireVariable(draft, "JWT_ISSUER");
      draft.set([...ISSUER, "audience"], parseList(value));
    },
  },
  {
    name: "JWT_ALGORITHM",
    description:
      "The only signature algorithms accepted; several are separated by commas. Needs JWT_ISSUER.",
    example: "ES256",
    apply(value, draft) {
      requireVariable(draft, "JWT_ISSUER");
      draft.set([...ISSUER, "algorithms"], parseList(value));
    },
  },
  {
    name: "JWT_SECRET_KEY",
    description:
      "Shared secret of HS256 to HS512; public keys are found by discovery instead. Needs JWT_ISSUER.",
    apply(_value, draft) {
      requireVariable(draft, "JWT_ISSUER");
      draft.set([...ISSUER, "secret"], "env:JWT_SECRET_KEY");
    },
  },
];

const corsRows: readonly EnvironmentRow[] = [
  {
    name: "CORS_ORIGINS",
    description:
      "Origins that browsers may call from; several are separated by commas, none is a pattern.",
    example: "https://app.example.bank",
    apply(value, draft) {
      draft.set(["headers", "cors", "origins"], parseList(value));
    },
  },
  {
    name: "CORS_ALLOW_CREDENTIALS",
    description: "Whether browsers may send credentials with such calls.",
    example: "false",
    apply(value, draft) {
      draft.set(["headers", "cors", "credentials"], parseBoolean(value));
    },
  },
];

const limitRows: readonly EnvironmentRow[] = [
  {
    name: "RATE_LIMIT_HEADER",
    description: "What the -Limit, -Remaining and -Reset headers start with.",
    example: "X-RateLimit",
    apply(value, draft) {
      draft.set(["limits", "header"], value);
    },
  },
  {
    name: "RATE_LIMIT_REQUESTS_PER_MINUTE",
    description:
      "Sustained requests a minute for callers in no tier; takes the place of the default rate and burst.",
    example: "600",
    apply(value, draft) {
      const count = parseCount(value, 1);
      draft.set(["limits", "default", "rate"], `${count}/m`);
      draft.set(["limits", "default", "burst"], count);
    },
  },
];

const listenerRows: readonly EnvironmentRow[] = [
  {
    name: "BIND_ADDR",
    description: "Address and port of the first listener.",
    example: "0.0.0.0:8443",
    apply(value, draft) {
      if (draft.get(["listeners"]) === undefined) draft.set(["listeners"], [{ bind: value }]);
      else draft.set([...FIRST_LISTENER, "bind"], value);
    },
  },
  {
    name: "TLS_ENABLED",
    description:
      "`true` needs TLS_CERT_PATH and TLS_KEY_PATH; `false` takes TLS away from the first listener.",
    example: "true",
    apply(value, draft) {
      if (!parseBoolean(value)) {
        draft.remove([...FIRST_LISTENER, "tls"]);
        return;
      }
      const hasTls = draft.get([...FIRST_LISTENER, "tls"]) !== undefined;
      if (!hasTls)
        for (const name of ["TLS_CERT_PATH", "TLS_KEY_PATH"]) requireVariable(draft, name);
    },
  },
  {
    name: "TLS_CERT_PATH",
    description: "PEM file of the first listener's certificate, followed by its issuers.",
    example: "/etc/portcullis/server.crt",
    apply(value, draft) {
      setTlsFile(draft, "certificate", value);
    },
  },
  {
    name: "TLS_KEY_PATH",
    description: "PEM file of the certificate's private key.",
    example: "/etc/portcullis/server.key",
    apply(value, draft) {
      setTlsFile(draft, "key", value);
    },
  },
  {
    name: "FORCE_HTTPS",
    description: "`true` redirects plain GET and HEAD to HTTPS and refuses other plain requests.",
    example: "true",
    apply(value, draft) {
      draft.set(["headers", "httpsOnly"], parseBoolean(value));
    },
  },
  {
    name: "TRUSTED_PROXIES",
    description:
      "Networks whose X-Forwarded-For and Forwarded are believed; several are separated by commas.",
    example: "10.0.0.0/8",
    apply(value, draft) {
      draft.set(["trustedProxies"], parseList(value));
    },
  },
];

const generalRows: readonly EnvironmentRow[] = [
  {
    name: "ENVIRONMENT",
    description: "`development`, `staging` or `production`; also chooses the overlay file.",
    example: "production",
    apply(value, draft) {
      draft.set(["environment"], value);
    },
  },
  {
    name: "LOG_LEVEL",
    description:
      "Least severe log lines written: `trace`, `debug`, `info`, `warn`, `error` or `fatal`.",
    example: "info",
    apply(value, draft) {
      draft.set(["telemetry", "log", "level"], value.toLowerCase());
    },
  },
];

function requireVariable(draft: EnvironmentDraft, name: string): void {
  if (draft.variable(name) === undefined) throw new UnitError(`${name} must be set too`);
}

/** A TLS_ENABLED that is neither true nor false is its own row's complaint, not that of every row beside it. */
function isTlsTakenAway(draft: EnvironmentDraft): boolean {
  try {
    return !parseBoolean(draft.variable("TLS_ENABLED") ?? "true");
  } catch {
    return false;
  }
}

function setTlsFile(draft: EnvironmentDraft, field: "certificate" | "key", path: string): void {
  if (isTlsTakenAway(draft)) return;
  if (draft.get(["listeners", 0]) === undefined) {
    throw new UnitError("there is no listener to give it to", "set BIND_ADDR, or write a listener");
  }
  draft.set([...FIRST_LISTENER, "tls", field], `file:${path}`);
}

export const ENVIRONMENT_TABLE: EnvironmentTable = {
  rows: [...generalRows, ...listenerRows, ...jwtRows, ...corsRows, ...limitRows, ...REDIS_ROWS],
};
