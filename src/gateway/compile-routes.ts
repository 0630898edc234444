/**
 * Turns models and routes into the one route table. Every mistake that needs more than one setting to be seen is found
 * here: unknown upstreams, unknown successors, and paths that two routes could both match.
 */
import type { ConfigPath } from "../config/diagnostic.ts";
import type { Route } from "../pipeline/request-context.ts";
import { mayOverlap, parseTemplate, type PathTemplate } from "./path-template.ts";
import type { RootConfig, RouteSettings, VersionSettings } from "./schema.ts";

/** One row of the route table: what the pipeline sees, the template it matches, and what its stages are told. */
export interface CompiledRoute {
  readonly route: Route;
  readonly template: PathTemplate;
  readonly settings: RouteSettings | VersionSettings;
  /** The schema files of this very route: predict and Open Inference paths of one version differ. */
  readonly request: RouteSettings["request"];
  readonly response: RouteSettings["response"];
  /** Path of the same route of the successor version, for `Link`. */
  readonly successorPath: string | undefined;
  /** Where it stands in the configuration. */
  readonly at: ConfigPath;
}

/** A mistake with its place; the caller turns it into a diagnostic. */
export interface RouteMistake {
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint?: string;
}

export interface RouteTable {
  readonly routes: readonly CompiledRoute[];
  readonly mistakes: readonly RouteMistake[];
}

export function compileRoutes(config: RootConfig): RouteTable {
  const mistakes: RouteMistake[] = [];
  const routes = [...routesOfModels(config, mistakes), ...routesOfPaths(config, mistakes)];
  mistakes.push(
    ...findUnknownUpstreams(routes, config),
    ...findUnknownPartners(routes, config),
    ...findOverlaps(routes),
    ...findRepeatedIds(routes),
  );
  return { routes, mistakes };
}

interface Shape {
  readonly suffix: string;
  readonly methods: readonly string[];
  readonly path: (model: string, version: string) => string;
  readonly schemas: "predict" | "infer" | "none";
}

/** What one model version serves. The Open Inference Protocol v2 paths are those of its REST specification. */
const SHAPES: Record<VersionSettings["protocols"][number], readonly Shape[]> = {
  predict: [
    {
      suffix: "predict",
      methods: ["POST"],
      path: (model, version) => `/${model}/${version}/predict`,
      schemas: "predict",
    },
  ],
  "open-inference": [
    {
      suffix: "infer",
      methods: ["POST"],
      path: (model, version) => `/v2/models/${model}/versions/${version}/infer`,
      schemas: "infer",
    },
    {
      suffix: "metadata",
      methods: ["GET", "HEAD"],
      path: (model, version) => `/v2/models/${model}/versions/${version}`,
      schemas: "none",
    },
    {
      suffix: "ready",
      methods: ["GET", "HEAD"],
      path: (model, version) => `/v2/models/${model}/versions/${version}/ready`,
      schemas: "none",
    },
  ],
};

function routesOfModels(config: RootConfig, mistakes: RouteMistake[]): CompiledRoute[] {
  return Object.entries(config.models).flatMap(([model, { versions }]) =>
    Object.entries(versions).flatMap(([version, settings]) => {
      const at = ["models", model, "versions", version];
      const { successor } = settings;
      if (successor !== undefined && !Object.hasOwn(versions, successor)) {
        mistakes.push({
          at: [...at, "successor"],
          message: `model ${model} has no version "${successor}"`,
          hint: `versions: ${Object.keys(versions).join(", ")}`,
        });
      }
      const shapes = settings.protocols.flatMap((protocol) => SHAPES[protocol]);
      return shapes.map((shape): CompiledRoute => {
        const path = shape.path(model, version);
        return {
          route: {
            id: `${model}.${version}.${shape.suffix}`,
            template: path,
            methods: shape.methods,
            model,
            version,
            upstream: settings.upstream,
            bodyLimitBytes: settings.body,
            bodyMode: settings.bodyMode,
          },
          template: parseTemplate(path),
          settings,
          request: pick(shape, settings.request, settings.inferRequest),
          response: pick(shape, settings.response, settings.inferResponse),
          successorPath: successor === undefined ? undefined : shape.path(model, successor),
          at,
        };
      });
    }),
  );
}

function pick<T>({ schemas }: Shape, predict: T, infer: T): T | undefined {
  return schemas === "predict" ? predict : schemas === "infer" ? infer : undefined;
}

function routesOfPaths(config: RootConfig, mistakes: RouteMistake[]): CompiledRoute[] {
  return config.routes.flatMap((settings, index): CompiledRoute[] => {
    const at = ["routes", index];
    let template: PathTemplate;
    try {
      template = parseTemplate(settings.path);
    } catch (error) {
      mistakes.push({
        at: [...at, "path"],
        message: error instanceof Error ? error.message : String(error),
      });
      return [];
    }
    return [
      {
        route: {
          id: settings.id ?? idOf(settings.path),
          template: settings.path,
          methods: withHead(settings.methods),
          model: settings.model,
          version: settings.version,
          upstream: settings.upstream,
          bodyLimitBytes: settings.body,
          bodyMode: settings.bodyMode,
        },
        template,
        settings,
        request: settings.request,
        response: settings.response,
        successorPath: settings.successor,
        at,
      },
    ];
  });
}

/** RFC 9110 section 9.1: a server that supports GET MUST support HEAD. */
function withHead(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
}

/** "/causal/{model:slug}/explain" to "causal.model.explain". */
function idOf(path: string): string {
  const words = path.replace(/\{([^:}]+)[^}]*\}/g, "$1").match(/[A-Za-z0-9_-]+/g) ?? ["root"];
  return `${words.join(".")}${path.endsWith("/**") ? ".all" : ""}`;
}

function findUnknownUpstreams(
  routes: readonly CompiledRoute[],
  { upstreams }: RootConfig,
): RouteMistake[] {
  const reported = new Set<string>();
  return routes.flatMap(({ route, at }) => {
    const isKnown = Object.hasOwn(upstreams, route.upstream ?? "");
    const key = at.join("/");
    if (isKnown || reported.has(key)) return [];
    reported.add(key);
    return [
      {
        at: [...at, "upstream"],
        message: `there is no upstream "${route.upstream}"`,
        hint: `upstreams: ${Object.keys(upstreams).join(", ") || "none"}`,
      },
    ];
  });
}

function findUnknownPartners(
  routes: readonly CompiledRoute[],
  { constitution }: RootConfig,
): RouteMistake[] {
  const partners = constitution?.webhooks?.partners ?? {};
  const reported = new Set<string>();
  return routes.flatMap(({ settings: { webhook, bodyMode }, at }) => {
    const key = at.join("/");
    if (webhook === undefined || reported.has(key)) return [];
    reported.add(key);
    if (!Object.hasOwn(partners, webhook))
      return [
        {
          at: [...at, "webhook"],
          message: `there is no webhook partner "${webhook}"`,
          hint: `constitution.webhooks.partners: ${Object.keys(partners).join(", ") || "none"}`,
        },
      ];
    if (bodyMode === "buffer") return [];
    return [
      {
        at: [...at, "webhook"],
        message: "the signature is over the body, and this route streams it unseen",
        hint: "remove bodyMode, or the webhook",
      },
    ];
  });
}

function findOverlaps(routes: readonly CompiledRoute[]): RouteMistake[] {
  return routes.flatMap((later, i) =>
    routes.slice(0, i).flatMap((earlier) => {
      if (!mayOverlap(earlier.template, later.template)) return [];
      return [
        {
          at: later.at,
          message: `"${later.template.text}" and "${earlier.template.text}" could match the same path`,
          hint: `the other stands at ${earlier.at.join(".")}; make one of them narrower`,
        },
      ];
    }),
  );
}

function findRepeatedIds(routes: readonly CompiledRoute[]): RouteMistake[] {
  const seen = new Map<string, CompiledRoute>();
  return routes.flatMap((compiled) => {
    const { id } = compiled.route;
    const earlier = seen.get(id);
    seen.set(id, compiled);
    if (!earlier) return [];
    return [
      {
        at: compiled.at,
        message: `two routes are called "${id}"`,
        hint: `the other stands at ${earlier.at.join(".")}; give one of them an \`id\``,
      },
    ];
  });
}
