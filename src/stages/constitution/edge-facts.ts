/**
 * What a listed edge says of a request that came through it. From anyone else nothing is read, and what cannot be read
 * as one plain value is absent, never guessed.
 *
 * Whose facts they are: on a connection from a listed edge the certificate and the TLS version that the gateway proved
 * are the edge's own. They say who speaks, not who calls. So of a request through an edge, `transport.tls_version` and
 * `mtls.*` are the caller's hop as the edge tells it, and where it tells nothing they are absent: falling back to the
 * gateway's own hop would give the edge's certificate to every caller on the other side of it. Of any other request they
 * are what the gateway proved. A token, key or signature that the gateway itself verified always wins over an edge's
 * word on the same thing; that is for the stage that puts the two together.
 */
import type { PackName } from "../../pipeline/facts.ts";
import type { Peer, RequestContext } from "../../pipeline/request-context.ts";
import type { EdgeConfig, EdgeTopic } from "./edge-config.ts";
import { EDGE_FIELDS, type EdgeField, type ToldFacts } from "./edge-fields.ts";

/** Each is present only when the edge said it, and said it well. */
export interface EdgeFacts extends Readonly<ToldFacts> {
  /** As the operator states it for users whom the edge names. */
  readonly authMethod?: string;
  readonly rpId?: string;
  /** Fields that came but could not be read as one value, by name; private, for the operator's log. */
  readonly unreadable: readonly string[];
}

/** The `constitution.edge` section, ready for requests. */
export interface EdgeSettings {
  readonly peers: EdgePeers;
  readonly topics: ReadonlySet<EdgeTopic | "panic">;
  readonly authMethod: string | undefined;
  readonly rpId: string | undefined;
  /** Whether the edge must have decided by the same pack. */
  readonly isSamePackNeeded: boolean;
}

export function prepareEdge(config: EdgeConfig): EdgeSettings {
  return {
    peers: new EdgePeers(config.peers),
    topics: new Set([...config.facts, ...(config.panic ? (["panic"] as const) : [])]),
    authMethod: config.authMethod,
    rpId: config.rpId,
    isSamePackNeeded: config.samePack,
  };
}

/** Who is believed. Certificates alone make an edge known: an address is not proved, and many may share it. */
export class EdgePeers {
  readonly #names: ReadonlySet<string>;
  readonly #thumbprints: ReadonlySet<string>;

  constructor(peers: EdgeConfig["peers"]) {
    this.#names = new Set(peers.flatMap(({ san }) => san ?? []));
    this.#thumbprints = new Set(peers.flatMap(({ thumbprint }) => thumbprint ?? []));
  }

  /** `atMs`: wall clock; a connection may outlive the certificate that opened it. */
  has({ certificate }: Peer, atMs: number): boolean {
    if (!certificate?.verified || atMs >= certificate.expiresAtMs) return false;
    return (
      this.#thumbprints.has(certificate.thumbprintSha256) ||
      certificate.subjectAltNames.some((name) => this.#names.has(name))
    );
  }
}

/** What the edge tells of this request; undefined when it did not come from a listed edge. */
export function edgeFacts(
  { peer, request }: RequestContext,
  settings: EdgeSettings,
): EdgeFacts | undefined {
  if (!settings.peers.has(peer, request.receivedAtMs)) return undefined;
  const told: ToldFacts = {};
  const unreadable: string[] = [];
  for (const [field, value] of gatherFields(request.headers.fields, settings))
    if (value === undefined || !field.read(value, told)) unreadable.push(field.name);
  if (unreadable.includes("x-policy-decision")) told.decision = "unreadable";
  // What issued a certificate that did not verify, anyone may have written into it.
  if (told.mtlsVerified !== true) delete told.mtlsIssuer;
  const { authMethod, rpId } = settings;
  return {
    ...told,
    ...(told.userId !== undefined && authMethod !== undefined && { authMethod }),
    ...(told.userId !== undefined && rpId !== undefined && { rpId }),
    unreadable,
  };
}

/** The fields that count, each once; undefined for one that is repeated, as one of the two may be the caller's. */
function gatherFields(
  fields: readonly string[],
  { topics }: EdgeSettings,
): Map<EdgeField, string | undefined> {
  const found = new Map<EdgeField, string | undefined>();
  for (let i = 0; i < fields.length; i += 2) {
    const field = EDGE_FIELDS.get(fields[i] as string);
    if (field && topics.has(field.topic))
      found.set(field, found.has(field) ? undefined : fields[i + 1]);
  }
  return found;
}

/** What the edge had decided, where that is another thing than ours. */
export interface EdgeDivergence {
  /** "allow", "deny", or "unreadable": a decision that cannot be read cannot agree. */
  readonly decision: string;
  /** As the edge named it; empty when it did not, or when that could not be read. */
  readonly pack: string;
}

/**
 * Compares the edge's decision with ours; undefined when they agree or the edge made none. The pack it names may be ours
 * by id, `id@version` or BLAKE3; another one counts as divergence only where the operator asks for that.
 */
export function compareEdgeDecision(
  edge: EdgeFacts | undefined,
  ours: { readonly effect: "allow" | "deny"; readonly pack: PackName },
  { isSamePackNeeded }: Pick<EdgeSettings, "isSamePackNeeded">,
): EdgeDivergence | undefined {
  if (edge?.decision === undefined) return undefined;
  const { id, version, blake3 } = ours.pack;
  const isSamePack =
    edge.pack !== undefined && [id, `${id}@${version}`, blake3, `b3:${blake3}`].includes(edge.pack);
  if (edge.decision === ours.effect && (isSamePack || !isSamePackNeeded)) return undefined;
  return { decision: edge.decision, pack: edge.pack ?? "" };
}
