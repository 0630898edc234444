/**
 * The gateway configuration of the demo, written as an operator would write it: real names, real stages, nothing switched
 * off. For one machine only: `environment: development`, everything on loopback.
 */
import { Document } from "yaml";
import { BATCH_SCORING, CORE_BANKING, PREDICT_SCOPE, REPORTING } from "./demo-callers.ts";
import { AUDIENCE } from "./identity-provider.ts";
import { BODY_LIMIT_BYTES, TIGHT_BURST } from "./play.ts";

/** Shorter than the slow model's delay, long enough for a real prediction on a busy machine. */
const SLOW_TIMEOUT = "500ms";
/** Port 1 (RFC 1078, tcpmux) has no listener on any machine of today: a connection to it is refused at once. */
const DEAD_TARGET = "http://127.0.0.1:1";

export interface DemoConfiguration {
  readonly port: number;
  readonly operatorPort: number;
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly modelPort: number;
  readonly slowModelPort: number;
  readonly ledgerDirectory: string;
}

function demoConfiguration(demo: DemoConfiguration): object {
  const contract = {
    request: "file:churn.request.json",
    response: "file:churn.response.json",
    inferRequest: "file:churn.infer-request.json",
    inferResponse: "file:churn.infer-response.json",
    body: `${BODY_LIMIT_BYTES / 1024}KiB`,
  };
  return {
    version: 1,
    environment: "development",
    listeners: [
      {
        name: "callers",
        bind: `127.0.0.1:${demo.port}`,
        tls: { certificate: "file:server.crt", key: "file:server.key" },
      },
    ],
    operator: { bind: `127.0.0.1:${demo.operatorPort}` },
    identity: {
      issuers: {
        demo: {
          issuer: demo.issuer,
          audience: [AUDIENCE],
          algorithms: ["ES256"],
          jwksUrl: demo.jwksUrl,
        },
      },
    },
    authorization: { grants: GRANTS },
    limits: {
      tiers: { tight: { rate: "1/20s", burst: TIGHT_BURST } },
      callers: { [BATCH_SCORING.name]: "tight" },
    },
    waf: { rules: ["builtin"] },
    ledger: {
      directory: demo.ledgerDirectory,
      gateway: "portcullis-demo",
      signingKey: "file:ledger.key",
    },
    upstreams: {
      churn: { targets: [`http://127.0.0.1:${demo.modelPort}`], timeout: "5s" },
      slow: {
        targets: [`http://127.0.0.1:${demo.slowModelPort}`],
        timeout: SLOW_TIMEOUT,
        connectTimeout: SLOW_TIMEOUT,
      },
      dead: { targets: [DEAD_TARGET], timeout: "2s", connectTimeout: "1s" },
    },
    models: {
      churn: {
        versions: {
          v0: { upstream: "churn", status: "revoked", successor: "v2" },
          v1: {
            upstream: "churn",
            status: "deprecated",
            sunset: "2027-03-31",
            successor: "v2",
            ...contract,
          },
          v2: { upstream: "churn", ...contract },
        },
      },
      slow: { versions: { v1: { upstream: "slow" } } },
      dead: { versions: { v1: { upstream: "dead" } } },
    },
  };
}

const GRANTS = [
  {
    name: "core-banking-predicts",
    caller: CORE_BANKING.name,
    tenant: CORE_BANKING.tenant,
    model: "churn",
    version: "v2",
    scopes: [PREDICT_SCOPE],
  },
  {
    name: "core-banking-meets-bad-upstreams",
    caller: CORE_BANKING.name,
    tenant: CORE_BANKING.tenant,
    model: ["slow", "dead"],
    scopes: [PREDICT_SCOPE],
  },
  {
    name: "reporting-predicts",
    caller: REPORTING.name,
    tenant: REPORTING.tenant,
    model: "churn",
    scopes: [PREDICT_SCOPE],
  },
  {
    name: "batch-predicts",
    caller: BATCH_SCORING.name,
    tenant: BATCH_SCORING.tenant,
    model: "churn",
    version: "v2",
    scopes: [PREDICT_SCOPE],
  },
];

const HEADER = ` The demo's configuration, written by "portcullis demo" at each start: change a copy of it.
 The models behind it are trained on synthetic customers.`;

export function renderConfiguration(demo: DemoConfiguration): string {
  const document = new Document(demoConfiguration(demo));
  document.commentBefore = HEADER;
  return document.toString({ lineWidth: 0 });
}
