/**
 * The contract stage: what goes on to the upstream is what the route promises to send it. It must never change a byte:
 * a request is judged and passed on as it came, or refused.
 */
import { type Rejection, rejection } from "../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { CONTINUE, type PreparedStage, type StageHandlers } from "../../pipeline/stage.ts";
import { type ContractConfig, type ContractRoute, PLAIN_CONTRACT, toJsonLimits } from "./config.ts";
import { inflate } from "./inflate.ts";
import { refuseJson } from "./json-refusal.ts";
import { compileMediaTypes, isJsonType } from "./media-types.ts";
import { compileParameters } from "./parameters.ts";
import { judgeResponse } from "./response-contract.ts";
import { type CompiledSchema, SchemaCompiler } from "./schema.ts";
import { StrictJson } from "./strict-json.ts";

/** RFC 9110 sections 9.3.1 and 9.3.2: content in GET or HEAD has no meaning, and is a way to smuggle requests. */
const BODYLESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Throws at load, from here or from `bind`, when a route's contract cannot be kept; `SchemaLoadError` for a schema. */
export function contract(config: ContractConfig): PreparedStage<"contract"> {
  const schemas = new SchemaCompiler();
  return {
    name: "contract",
    bind(route) {
      // Where nothing is behind the path, there is no contract: it is 404 and nothing else.
      if (route.upstream === undefined) return null;
      const settings = config.routes.get(route.id) ?? PLAIN_CONTRACT;
      refuseContradictions(route, settings);
      return bindRoute({ config, route, settings, schemas });
    },
  };
}

interface Binding {
  readonly config: ContractConfig;
  readonly route: Route;
  readonly settings: ContractRoute;
  readonly schemas: SchemaCompiler;
}

/** A setting that would do nothing is an error, never a silence. */
function refuseContradictions(route: Route, settings: ContractRoute): void {
  const refuse = (reason: string): never => {
    throw new Error(`route ${route.id}: ${reason}`);
  };
  if (!settings.request) return;
  if (route.bodyMode === "stream") refuse("a streamed body cannot be held to a request schema");
  if (settings.requestBody === "forbidden") refuse("a forbidden body has no request schema");
  if (!settings.contentTypes.every(isJsonType)) {
    refuse("a request schema needs content types of JSON only");
  }
  if (route.methods.every((method) => BODYLESS_METHODS.has(method))) {
    refuse("GET and HEAD have no body to hold to a request schema");
  }
}

function bindRoute(binding: Binding): StageHandlers<"contract"> {
  const { config, route, settings, schemas } = binding;
  const limits = toJsonLimits(config.defaults.json, settings.json);
  const response = settings.response && schemas.compile(settings.response);
  return {
    onHead: compileHead(route, settings),
    ...(route.bodyMode === "buffer" && {
      onBody: compileBody(route, settings, {
        reader: new StrictJson(limits),
        schema: settings.request && schemas.compile(settings.request),
      }),
    }),
    ...(response && {
      onResponse: judgeResponse({
        schema: response,
        limitBytes: config.defaults.responseLimit,
        json: limits,
      }),
    }),
  };
}

type BodyRule = "required" | "optional" | "forbidden";

function bodyRuleOf(method: string, { requestBody, request }: ContractRoute): BodyRule {
  if (BODYLESS_METHODS.has(method)) return "forbidden";
  return requestBody ?? (request ? "required" : "optional");
}

type Head = NonNullable<StageHandlers<"contract">["onHead"]>;
type Body = NonNullable<StageHandlers<"contract">["onBody"]>;

function compileHead(route: Route, settings: ContractRoute): Head {
  const rules = new Map(route.methods.map((method) => [method, bodyRuleOf(method, settings)]));
  const methodRefused = rejection("contract.method_not_allowed", {
    headers: ["allow", route.methods.join(", ")],
  });
  const parameters = compileParameters(route, settings);
  const bodyHead = compileBodyHead(route, settings);
  const refusalOf = (context: RequestContext): Rejection | undefined => {
    const rule = rules.get(context.request.method);
    if (rule === undefined) return methodRefused;
    const violations = parameters?.(context);
    if (violations) return rejection("contract.parameter_invalid", { violations });
    if (context.request.contentLength !== 0) return bodyHead(context, rule);
    return rule === "required" ? rejection("contract.body_missing") : undefined;
  };
  return (context) => {
    const refusal = refusalOf(context);
    return refusal ? { verdict: "reject", rejection: refusal } : CONTINUE;
  };
}

/** What the head says of a body that is announced, or that may come in chunks. */
function compileBodyHead(
  route: Route,
  settings: ContractRoute,
): (context: RequestContext, rule: BodyRule) => Rejection | undefined {
  const kindOf = compileMediaTypes(settings.contentTypes);
  const encodings: ReadonlySet<string> = new Set(["identity", ...settings.contentEncodings]);
  return ({ request: { contentLength, headers } }, rule) => {
    // Chunks that turn out to be none are seen in `onBody`; on a streamed route there is no such moment.
    if (rule === "forbidden" && (contentLength !== undefined || route.bodyMode === "stream")) {
      return rejection("contract.body_unexpected");
    }
    if (contentLength !== undefined && contentLength > route.bodyLimitBytes) {
      return rejection("contract.body_too_large");
    }
    if (rule === "forbidden") return undefined;
    const encoding = headers.get("content-encoding");
    if (encoding !== undefined && !encodings.has(encoding.toLowerCase())) {
      return rejection("contract.content_encoding_refused");
    }
    const isAccepted = kindOf(headers.get("content-type")) !== "refused";
    return isAccepted ? undefined : rejection("contract.content_type_refused");
  };
}

interface BodyTools {
  readonly reader: StrictJson;
  readonly schema: CompiledSchema | undefined;
}

function compileBody(route: Route, settings: ContractRoute, { reader, schema }: BodyTools): Body {
  const kindOf = compileMediaTypes(settings.contentTypes);
  const isAlwaysJson = settings.contentTypes.every(isJsonType);
  const mayBeEncoded = settings.contentEncodings.length > 0;
  return (context) => {
    const { body, request } = context;
    const rule = bodyRuleOf(request.method, settings);
    if (body.length === 0) return rule === "required" ? reject("contract.body_missing") : CONTINUE;
    if (rule === "forbidden") return reject("contract.body_unexpected");
    const plain = mayBeEncoded ? plainBody(context, route.bodyLimitBytes) : body;
    if (!Buffer.isBuffer(plain)) return { verdict: "reject", rejection: plain };
    if (!isAlwaysJson && kindOf(request.headers.get("content-type")) !== "json") return CONTINUE;
    const read = reader.read(plain);
    if (read.kind === "flawed") return { verdict: "reject", rejection: refuseJson(read) };
    const violations = schema?.check(read.json, read.members);
    if (violations) {
      return {
        verdict: "reject",
        rejection: rejection("contract.schema_violation", { violations }),
      };
    }
    return { verdict: "continue", learned: { json: read.json } };
  };
}

function reject(code: "contract.body_missing" | "contract.body_unexpected"): {
  readonly verdict: "reject";
  readonly rejection: Rejection;
} {
  return { verdict: "reject", rejection: rejection(code) };
}

/** The body as it is judged: inflated where it came compressed. What goes upstream stays as it came. */
function plainBody({ body, request }: RequestContext, limitBytes: number): Buffer | Rejection {
  const encoding = request.headers.get("content-encoding")?.toLowerCase();
  if (encoding === undefined || encoding === "identity") return body;
  const inflated = inflate(body, limitBytes);
  if (Buffer.isBuffer(inflated)) return inflated;
  return inflated === "too_large"
    ? rejection("contract.body_too_large", { cause: "inflated beyond its limit" })
    : rejection("contract.content_encoding_refused", { cause: "the compressed body is damaged" });
}
