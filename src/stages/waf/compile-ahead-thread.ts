/** The thread that compiles rules into the cache, and ends. Nothing is handed back: the cache is the result. */
import { workerData } from "node:worker_threads";
import { loadRuleSet, type RuleSetOptions } from "../../seclang/index.ts";

loadRuleSet(workerData as RuleSetOptions);
