/**
 * What a policy proxy is before any variable has spoken: three kinds of path to one upstream, a signed pack that decides,
 * everything on record. In the shape of portcullis.yaml, so that what is printed can be run as a file.
 */

/** Paths of people and machines, by the name of their route; partners' come with UPSTREAM_WEBHOOKS. */
export const CORE_ROUTES = ["core", "admin", "files"] as const;

/** On this machine only, with the edge in front of it. */
const DEFAULT_BIND_ADDR = "127.0.0.1:9456";
const DEFAULT_OPERATOR_ADDR = "127.0.0.1:9457";

/** 256 MiB of an upload, passed on as it comes. Raised, one caller fills the disk behind us that much quicker. */
const FILE_BODY = "256MiB";

const ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** `identity: none`: who calls is what the edge says, and whether that is enough is for the pack. */
const route = (id: (typeof CORE_ROUTES)[number], more: object = {}): object => ({
  id,
  path: `/${id}/**`,
  methods: ALL_METHODS,
  upstream: "core",
  identity: "none",
  ...more,
});

export const POLICY_PROXY_SETTINGS: object = {
  version: 1,
  environment: "production",
  listeners: [{ name: "callers", bind: DEFAULT_BIND_ADDR }],
  operator: { bind: DEFAULT_OPERATOR_ADDR, localOnly: true },
  // Behind an edge on this machine every caller comes from here, and a busy one would stop them all. Callers whose own
  // address is known (TRUSTED_PROXIES) are counted by that.
  sources: { unlimited: ["127.0.0.0/8", "::1/128"] },
  upstreams: {},
  routes: [route("core"), route("admin"), route("files", { body: FILE_BODY, bodyMode: "stream" })],
  constitution: {
    form: "pack_json",
    keys: ["env:POLICY_PUBKEY_PEM_B64"],
    breakGlass: {},
  },
  ledger: {},
};
