/** API keys that a running gateway must refuse, made by the key store as an operator would make them. */
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../src/pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../src/stores/keys/embedded-key-store.ts";
import type { KeyDraft } from "../../src/stores/keys/key-store.ts";
import { FrozenClock } from "../support/context.ts";
import type { TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";
import { CALLER } from "../support/token-issuer.ts";
import type { RefusedKeys } from "./refusal-cases.ts";

export const KEY_DRAFT: KeyDraft = {
  name: "batch",
  owner: CALLER,
  tenant: "retail",
  scopes: ["predict:churn"],
};

export async function issueRefusedKeys(gateway: TestGateway): Promise<RefusedKeys> {
  const store = gateway.keys();
  const elsewhere = openEmbeddedKeyStore({
    path: join(gateway.folder, "elsewhere.db"),
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
  const unknown = elsewhere.create(KEY_DRAFT).reveal();
  elsewhere.close();
  const yesterday = openEmbeddedKeyStore({
    path: join(gateway.folder, "portcullis.db"),
    clock: new FrozenClock(Date.now() - 86_400_000),
    isWatching: false,
  });
  const expired = yesterday.create({ ...KEY_DRAFT, name: "expired", lifetimeMs: 60_000 }).reveal();
  yesterday.close();
  const revoked = store.create({ ...KEY_DRAFT, name: "revoked" });
  store.revoke(revoked.record.id);
  const keys = {
    malformed: "not-a-key",
    unknown,
    revoked: revoked.reveal(),
    expired,
    misplaced: store
      .create({ ...KEY_DRAFT, name: "misplaced", addresses: ["192.0.2.0/24"] })
      .reveal(),
  };
  const good = store.create(KEY_DRAFT).reveal();
  await until("the key works", async () => (await callWithKey(gateway, good)).status === 200);
  return keys;
}

export const callWithKey = (gateway: TestGateway, key: string) =>
  gateway.call({
    path: "/churn/v2/predict",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: '{"tenure":12}',
  });
