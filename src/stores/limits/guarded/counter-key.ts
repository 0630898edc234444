/** Names one counter of one subject, the same way that stores keep them apart; no subject can be written as another's. */
import type { LimitGroup, LimitRule } from "../limit-store.ts";

export const counterKey = ({ scope, subject }: LimitGroup, { kind, unit }: LimitRule): string =>
  // The length says where the scope ends, whatever text follows it.
  `${kind} ${unit} ${scope.length} ${scope}${subject}`;
