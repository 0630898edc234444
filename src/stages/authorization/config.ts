/** The `authorization` section: who may do what. What no grant allows is refused; there is no way to say "deny". */
import { z } from "zod";
import { name } from "../../config/units.ts";

const VALUE_LIMIT = 256;

const value = z
  .string()
  .min(1)
  .max(VALUE_LIMIT)
  .refine((text) => text !== "*", {
    error: "`*` would match only a literal asterisk",
    params: { hint: "leave the field out: a condition that is absent holds for all" },
  });

/** One value or several; several mean any of them. */
const anyOf = z
  .union([value, z.array(value).min(1)])
  .transform((given): readonly string[] => (typeof given === "string" ? [given] : given));

/** RFC 6749 section 3.3, scope-token: neither space nor quote nor backslash, so it fits a header as it is. */
const scope = z
  .string()
  .max(VALUE_LIMIT)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { error: "not a scope: visible ASCII without quotes" });

const method = z.string().regex(/^[A-Z]{3,16}$/, { error: "not a method, written as in `POST`" });

const methods = z
  .union([method, z.array(method).min(1)])
  .transform((given): readonly string[] => (typeof given === "string" ? [given] : given));

const grantSchema = z
  .strictObject({
    name: name.optional().describe("Names the grant in records. Default: its place, `grants[0]`."),
    caller: anyOf.optional().describe("`client_id` of the token or owner of the API key; any of."),
    tenant: anyOf.optional().describe("Tenant of the credential; any of."),
    model: anyOf.optional().describe("Model of the route; any of."),
    version: anyOf.optional().describe("Model version of the route; any of."),
    route: anyOf.optional().describe("Route id; any of."),
    method: methods.optional().describe("Method of the request; any of."),
    scopes: z.array(scope).min(1).optional().describe("Scopes of the credential; all of."),
    permissions: z
      .array(value)
      .min(1)
      .optional()
      .describe("Permissions, of the credential itself or through `roles`; all of."),
    groups: z.array(value).min(1).optional().describe("Groups of the credential; any of."),
    roles: z.array(value).min(1).optional().describe("Roles of the credential; any of."),
  })
  .refine(({ name: _name, ...conditions }) => Object.keys(conditions).length > 0, {
    error: "a grant without a condition would allow everything to every caller",
    params: { hint: "name at least a caller, a tenant or a scope" },
  });

export type Grant = z.output<typeof grantSchema>;

/** The `authorization` section of the configuration. */
export const authorizationSchema = z
  .strictObject({
    roles: z
      .record(value, z.array(value).min(1))
      .default({})
      .describe("Permissions that a role brings."),
    grants: z
      .array(grantSchema)
      .default([])
      .describe("Each allows what fulfils all of its conditions. Without any, nothing is allowed."),
  })
  .superRefine(({ grants }, context) => {
    const seen = new Set<string>();
    for (const [index, grant] of grants.entries()) {
      if (grant.name === undefined) continue;
      if (seen.has(grant.name))
        context.addIssue({
          code: "custom",
          path: ["grants", index, "name"],
          message: `there is already a grant "${grant.name}"`,
          params: { hint: "records could not tell the two apart" },
          input: grant.name,
        });
      seen.add(grant.name);
    }
  });

export type AuthorizationSection = z.output<typeof authorizationSchema>;

/** What a route says about authorization, to stand among its other fields. */
export const routeAuthorizationFields = {
  identity: z
    .enum(["required", "none"])
    .default("required")
    .describe("`none` opens the route to everyone: neither credential nor grant is asked for."),
  scopes: z
    .array(scope)
    .default([])
    .describe("Scopes that every caller of this route needs, besides a grant; all of."),
};

export interface RouteAuthorization {
  readonly identity: "required" | "none";
  readonly scopes: readonly string[];
}

/** What the stage is made from. A route that is not in the map requires an identity. */
export interface AuthorizationConfig extends AuthorizationSection {
  readonly routes: ReadonlyMap<string, RouteAuthorization>;
}
