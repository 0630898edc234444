/** The stage over rules written for a test: files in a folder of their own, found, loaded and bound as the gateway does it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Rejection } from "../../pipeline/rejection.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import {
  contextOf,
  routeOf,
  type ContextInput,
  type TestContext,
} from "../../../test/support/context.ts";
import { routeWafSchema, wafSchema } from "./config.ts";
import { findRuleFiles } from "./rule-files.ts";
import { waf, type WafConfig } from "./stage.ts";

/** One rule for each way of deciding. */
export const RULES = String.raw`
SecRule REQUEST_HEADERS:User-Agent "@contains evilbot" "id:1001,phase:1,deny,status:404,t:none,msg:'Bad agent',severity:WARNING,tag:'agents'"
SecRule ARGS "@rx union\s+select" "id:1002,phase:2,deny,status:403,t:none,t:lowercase,msg:'SQL in %{MATCHED_VAR}',severity:CRITICAL,tag:'attack-sqli',setvar:'tx.sql_injection_score=+5'"
SecRule PROMPTS "@contains ignore all previous" "id:1003,phase:2,deny,status:403,t:none,t:lowercase,msg:'Prompt injection',tag:'prompts'"
SecRule ARGS:json.teapot "@streq please" "id:1004,phase:2,deny,status:418,t:none"
SecRule ARGS:json.limit "@streq please" "id:1005,phase:2,deny,status:429,t:none"
SecRule RESPONSE_HEADERS:X-Debug "@streq on" "id:1006,phase:3,deny,status:403,t:none"
SecRule RESPONSE_BODY "@contains ORA-00933" "id:1007,phase:4,deny,status:403,t:none,msg:'Database error'"
`;

export interface PrepareInput {
  readonly rules?: string;
  /** The section as an operator writes it. */
  readonly section?: object;
  /** The route's own. */
  readonly own?: object;
  readonly schema?: object;
  readonly route?: Partial<Route>;
  readonly previous?: PreparedStage<"waf">;
  readonly cacheDirectory?: string;
  readonly onWarning?: (warning: string) => void;
  readonly lists?: Partial<Pick<WafConfig, "addresses" | "userAgents">>;
}

export interface Prepared {
  readonly stage: PreparedStage<"waf">;
  readonly handlers: StageHandlers<"waf">;
  /** Runs head and body pass as the runner does, and plays it: what was learned is in the context. */
  readonly request: (
    input?: ContextInput,
  ) => Promise<{ context: TestContext; rejection: Rejection | undefined }>;
}

export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-waf-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

export async function prepare(input: PrepareInput = {}): Promise<Prepared> {
  const { rules = RULES, own, schema, previous, lists } = input;
  const directory = folderWith({ "rules.conf": rules });
  const section = wafSchema.parse({ rules: ["file:rules.conf"], ...input.section });
  const route = routeOf(input.route);
  const { found, mistakes } = await findRuleFiles({
    lists: [{ at: ["waf", "rules"], rules: section.rules }],
    directory,
    cache: undefined,
  });
  if (mistakes.length > 0) throw new Error(mistakes.map(({ message }) => message).join("\n"));
  const stage = await waf(
    {
      section,
      routes: new Map([
        [
          route.id,
          {
            own: own && routeWafSchema.parse(own),
            schema: schema && JSON.stringify(schema),
            at: ["routes", 0],
          },
        ],
      ]),
      found,
      cacheDirectory: input.cacheDirectory,
      responseLimitBytes: 65_536,
      addresses: [],
      userAgents: [],
      ...lists,
    },
    { previous, onWarning: input.onWarning },
  );
  const handlers = stage.bind(route) ?? {};
  return { stage, handlers, request: (asked) => ask(handlers, route, asked) };
}

async function ask(
  handlers: StageHandlers<"waf">,
  route: Route,
  input: ContextInput = {},
): ReturnType<Prepared["request"]> {
  const context = contextOf({ ...input, route });
  for (const pass of ["onHead", "onBody"] as const) {
    const decision = await handlers[pass]?.(context);
    if (!decision || decision.verdict === "answer") continue;
    if (decision.learned) context.facts.waf = decision.learned;
    if (decision.verdict === "reject") return { context, rejection: decision.rejection };
  }
  return { context, rejection: undefined };
}

/** A JSON request. */
export const json = (body: unknown, rest: ContextInput = {}): ContextInput => ({
  ...rest,
  headers: { "content-type": "application/json", ...rest.headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
