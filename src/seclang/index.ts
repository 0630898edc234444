/** The door of the room: a SecLang engine that stands alone. Nothing else of it is meant for others. */
export { builtinRulePaths } from "./builtin/builtin-rules.ts";
export { fromBytes, toBytes, type ByteString } from "./byte-string.ts";
export type { FieldKind } from "./collections/entry.ts";
export type { HeaderFields, RequestHead, ResponseHead } from "./collections/message.ts";
export type { RuleExclusion } from "./compile/exclusions.ts";
export { loadRuleSet, type RuleSetOptions, type RuleSource } from "./compile/load-rule-set.ts";
export type { Policy, PolicyOptions } from "./compile/policy.ts";
export type { RuleInfo, RuleSet } from "./compile/rule-set.ts";
export { RuleSetRefused } from "./compile/rule-set-refused.ts";
export type { EngineSettings } from "./compile/settings.ts";
export type { IdRange } from "./parse/ast.ts";
export type { ParseFault } from "./parse/parse-fault.ts";
export type {
  EngineFault,
  Interruption,
  MatchedRule,
  RuleHit,
  TransactionReport,
  Verdict,
} from "./transaction/report.ts";
export { MemoryCollections, type CollectionStore } from "./transaction/stored-collections.ts";
export type { Transaction } from "./transaction/transaction.ts";
