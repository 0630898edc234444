/**
 * The `constitution.edge` section: which proxies in front of the gateway are believed about their callers, and in what.
 * Without it nobody is: the fields they would write are read from no one, and they never reach an upstream.
 */
import { z } from "zod";

/**
 * What an edge may tell. An edge that leaves one of these fields as its caller wrote it lets the caller say it, so only
 * what the edge itself sets should be listed.
 */
export const EDGE_TOPICS = ["tls", "mtls", "webhook", "user", "groups", "decision"] as const;

export type EdgeTopic = (typeof EDGE_TOPICS)[number];

const text = z
  .string()
  .max(256)
  .regex(/^[^\p{C}\s]+$/u, { error: "not a word of printable characters" });

const peer = z
  .strictObject({
    san: z
      .string()
      .max(2_048)
      .regex(/^(?:DNS|URI|IP Address|email):[^\p{C}\s]+$/u, {
        error: "not a subject alternative name with its kind",
      })
      .optional()
      .meta({ examples: ["DNS:edge.internal", "URI:spiffe://example.bank/edge"] })
      .describe(
        "Subject alternative name, with its kind; must equal one of the certificate's. Whoever can have a certificate with this name from the listener's authorities is believed.",
      ),
    thumbprint: z
      .string()
      // The last character holds four bits: another one there would name no certificate at all.
      .regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, {
        error: "not the base64url SHA-256 of a certificate (x5t#S256): 43 characters",
      })
      .optional()
      .describe("Base64url SHA-256 of the DER certificate, as in RFC 8705 `x5t#S256`."),
  })
  .refine((one) => (one.san === undefined) !== (one.thumbprint === undefined), {
    error: "an edge is known by either san or thumbprint",
    params: { hint: "keep one of the two" },
  });

/** The section `constitution.edge`. */
export const edgeSchema = z
  .strictObject({
    peers: z
      .array(peer)
      .min(1)
      .max(64)
      .describe("Who is believed: by the certificate that the listener has verified."),
    facts: z
      .array(z.enum(EDGE_TOPICS))
      .default([...EDGE_TOPICS])
      .describe(
        "What they are believed in. Name only what they set themselves: a field that they pass on from callers is the callers' word.",
      ),
    panic: z
      .boolean()
      .default(false)
      .describe("Whether they may declare break-glass, by `X-Panic-Mode`."),
    authMethod: text
      .optional()
      .describe(
        "`auth.method` of a user they name in `Cf-Access-Authenticated-User-Email`: how they make users prove themselves, such as access-passkey.",
      ),
    rpId: text.optional().describe("`auth.rp_id` of such a user: the WebAuthn relying party."),
    samePack: z
      .boolean()
      .default(false)
      .describe(
        "Whether an edge that decided the same by another pack diverges too. Then no pack can change without refusals, unless both change at once.",
      ),
  })
  .superRefine(({ peers, facts, panic, authMethod, rpId }, context) => {
    const refuse = (path: (string | number)[], message: string, hint: string) =>
      context.addIssue({ code: "custom", path, message, params: { hint } });
    const seen = new Set<string | undefined>();
    for (const [index, { san, thumbprint }] of peers.entries()) {
      if (seen.has(san ?? thumbprint))
        refuse(["peers", index], "this edge is listed already", "remove it");
      seen.add(san ?? thumbprint);
    }
    if (facts.length === 0 && !panic)
      refuse(["facts"], "edges that are believed in nothing", "name a fact, or remove the section");
    const isNamingUsers = facts.includes("user");
    for (const [field, value] of Object.entries({ authMethod, rpId }))
      if (value !== undefined && !isNamingUsers)
        refuse([field], "no edge is believed about users", 'add "user" to facts, or remove it');
  })
  .describe(
    "Proxies in front of the gateway whose word about callers counts. Only certificates make them known, never addresses.",
  );

export type EdgeConfig = z.output<typeof edgeSchema>;
