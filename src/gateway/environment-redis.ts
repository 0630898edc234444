/** The environment variables that describe the shared store. REDIS_HOST chooses it; the others change one that is chosen. */
import {
  parseBoolean,
  parseCount,
  type EnvironmentDraft,
  type EnvironmentRow,
} from "../config/environment.ts";
import { UnitError } from "../config/unit.ts";
import { DEFAULT_REDIS_PORT } from "./store-address.ts";

const STORE = "store";
const URL_PATH = [STORE, "url"] as const;
/** What REDIS_SOCKET_KEEPALIVE means: the setting's default, and off. */
const KEEP_ALIVE = { on: "30s", off: "0s" };

export const REDIS_ROWS: readonly EnvironmentRow[] = [
  {
    name: "REDIS_HOST",
    description: "Host of the Redis that replicas share; takes the place of the configured store.",
    example: "redis.example.bank",
    apply(value, draft) {
      // A host of its own, not one of the group that the file names.
      for (const group of ["sentinel", "cluster"]) draft.remove([STORE, group]);
      draft.set([STORE, "kind"], "redis");
      draft.set(URL_PATH, `redis://${inBrackets(value.trim())}:${DEFAULT_REDIS_PORT}`);
    },
  },
  {
    name: "REDIS_PORT",
    description: "Its port.",
    example: String(DEFAULT_REDIS_PORT),
    apply(value, draft) {
      const port = parseCount(value, 1);
      const url = requireUrl(draft).replace(/(:\d*)?\/?$/, "");
      draft.set(URL_PATH, `${url}:${port}`);
    },
  },
  {
    name: "REDIS_TLS_ENABLED",
    description: "`true` connects with TLS, `false` without.",
    example: "true",
    apply(value, draft) {
      requireRedis(draft);
      const isOn = parseBoolean(value);
      const url = draft.get(URL_PATH);
      if (typeof url === "string")
        draft.set(URL_PATH, url.replace(/^rediss?:\/\//, isOn ? "rediss://" : "redis://"));
      if (!isOn) draft.remove([STORE, "tls"]);
      else if (typeof url !== "string") draft.set([STORE, "tls"], {});
    },
  },
  {
    name: "REDIS_PASSWORD",
    description: "Its password.",
    apply(_value, draft) {
      requireRedis(draft);
      draft.set([STORE, "password"], "env:REDIS_PASSWORD");
    },
  },
  {
    name: "REDIS_MAX_CONNECTIONS",
    description: "Connections that calls share.",
    example: "2",
    apply(value, draft) {
      requireRedis(draft);
      draft.set([STORE, "maxConnections"], parseCount(value, 1));
    },
  },
  {
    name: "REDIS_HEALTH_CHECK_INTERVAL",
    description: "How often silent connections are asked; a plain number is seconds.",
    example: "500ms",
    apply(value, draft) {
      requireRedis(draft);
      const text = value.trim();
      draft.set([STORE, "healthCheckInterval"], /^\d+$/.test(text) ? `${text}s` : text);
    },
  },
  {
    name: "REDIS_SOCKET_KEEPALIVE",
    description: "Whether the system probes connections that are silent (TCP keep-alive).",
    example: "true",
    apply(value, draft) {
      requireRedis(draft);
      draft.set([STORE, "keepAlive"], parseBoolean(value) ? KEEP_ALIVE.on : KEEP_ALIVE.off);
    },
  },
];

function requireRedis(draft: EnvironmentDraft): void {
  if (draft.get([STORE, "kind"]) === "redis") return;
  throw new UnitError("there is no Redis to apply it to", "set REDIS_HOST, or write store.kind");
}

function requireUrl(draft: EnvironmentDraft): string {
  requireRedis(draft);
  const url = draft.get(URL_PATH);
  if (typeof url === "string") return url;
  throw new UnitError("the store has no url to apply it to", "set REDIS_HOST, or write store.url");
}

const inBrackets = (host: string): string =>
  host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
