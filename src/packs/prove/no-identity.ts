/** The requests of callers about whom nothing was proved. */
import type { FieldName } from "../fields.ts";
import { sideOf } from "./answer.ts";
import { TRUE, type Edge } from "./diagram.ts";
import { ANONYMOUS } from "./inventory.ts";
import type { RequestModel } from "./request-model.ts";

/** Being there at all, they say who asks. */
const NAMES: readonly FieldName[] = ["context.user.id", "context.client_id"];
/** What they hold says what a caller may. */
const RIGHTS: readonly FieldName[] = ["context.user.groups", "context.scopes"];
/** Being true, they say that something was proved. */
const PROOFS: readonly FieldName[] = [
  "context.mtls.verified",
  "context.webhook.verified",
  "context.legacy_jwt.valid",
];

/**
 * No user, client, groups, scopes, certificate, webhook signature or legacy token; the method absent or anonymous. Fields that no
 * rule reads do not count: whatever they hold, the packs decide alike.
 */
export function withoutIdentity(model: RequestModel): Edge {
  const { diagrams } = model;
  let edge: Edge = TRUE;
  const exclude = (proved: Edge | undefined): void => {
    if (proved !== undefined) edge = diagrams.and(edge, diagrams.not(proved));
  };
  for (const field of NAMES) exclude(model.texts.get(field)?.isThere);
  for (const field of RIGHTS) exclude(model.lists.get(field)?.hasAny());
  for (const field of PROOFS) exclude(model.booleans.get(field)?.itself.holds);
  const anonymous = { operator: "IN", texts: [ANONYMOUS] } as const;
  const method = model.texts.get("context.auth.method")?.test(anonymous);
  exclude(method && sideOf(diagrams, method, false));
  return edge;
}
