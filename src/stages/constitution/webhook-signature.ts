/**
 * Whether a delivery comes from the partner it should come from: the right signature over the exact bytes of the body, at
 * a time near ours, for the first time. It never calls a delivery verified whose body it has not seen whole.
 */
import { createHash, createHmac, timingSafeEqual, verify, type KeyObject } from "node:crypto";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Clock } from "../../pipeline/stage.ts";
import type { WebhooksConfig, WebhookPartner } from "./webhook-config.ts";
import { readDelivery, type Delivery } from "./webhook-delivery.ts";
import { prepareWebhookKeys, type WebhookKeyReader } from "./webhook-keys.ts";
import { DeliveryMemory } from "./webhook-replays.ts";

export interface WebhookTools extends WebhookKeyReader {
  readonly clock: Clock;
  /** Of the configuration that this one replaces: what its partners delivered stays known. */
  readonly previous?: WebhookVerifier | undefined;
}

export type WebhookVerdict =
  | { readonly outcome: "verified" }
  /** `cause` is for the operator's log and holds nothing of the delivery. */
  | { readonly outcome: "refused"; readonly cause: string };

interface Partner {
  readonly config: WebhookPartner;
  readonly keys: readonly KeyObject[];
  readonly memory: DeliveryMemory;
}

/** Reads every partner's keys; throws, with a text for the operator, when one cannot be used. */
export async function prepareWebhooks(
  config: WebhooksConfig,
  tools: WebhookTools,
): Promise<WebhookVerifier> {
  const partners = await Promise.all(
    Object.entries(config.partners).map(
      async ([name, partner]) =>
        [name, partner, await prepareWebhookKeys(name, partner, tools)] as const,
    ),
  );
  return new WebhookVerifier(partners, tools);
}

const VERIFIED: WebhookVerdict = { outcome: "verified" };

export class WebhookVerifier {
  readonly #partners: ReadonlyMap<string, Partner>;
  readonly #clock: Clock;

  constructor(
    partners: readonly (readonly [string, WebhookPartner, readonly KeyObject[]])[],
    { clock, previous }: Pick<WebhookTools, "clock" | "previous">,
  ) {
    this.#clock = clock;
    this.#partners = new Map(
      partners.map(([name, config, keys]) => {
        const memory = (previous && previous.#partners.get(name)?.memory) ?? new DeliveryMemory();
        memory.keepFor(config.tolerance, clock.nowMs());
        return [name, { config, keys, memory }];
      }),
    );
  }

  /** Whether a route may name this partner. */
  has(partner: string): boolean {
    return this.#partners.has(partner);
  }

  /**
   * Judges one delivery; undefined when it is not signed at all. With the body read: call it in `onBody`. Call it once a
   * request: the second time the same delivery is a replay.
   */
  verify(context: RequestContext, partnerName: string): WebhookVerdict | undefined {
    const partner = this.#partners.get(partnerName);
    if (!partner) throw new Error(`no webhook partner ${partnerName}`);
    const delivery = readDelivery(context.request.headers.fields, partner.config);
    if (delivery === undefined) return undefined;
    const cause =
      typeof delivery === "string"
        ? delivery
        : (findNoBody(context) ?? this.#findWrong(partner, delivery, context.body));
    return cause === undefined
      ? VERIFIED
      : { outcome: "refused", cause: `webhook of ${partnerName}: ${cause}` };
  }

  #findWrong(
    { config, keys, memory }: Partner,
    delivery: Delivery,
    body: Buffer,
  ): string | undefined {
    // The time first: it costs nothing, and most forgeries and all late replays end here.
    const aheadMs = delivery.seconds * 1000 - this.#clock.nowMs();
    if (aheadMs > config.tolerance) return "signed too far in the future";
    if (aheadMs < -config.tolerance) return "signed too long ago";
    if (!memory.reaches(delivery.seconds))
      return "signed before this gateway began to remember deliveries";
    if (!keys.some((key) => isSignedWith(key, delivery, body)))
      return "the signature does not match";
    // What is signed, not the signature: with two keys in use one delivery has two good signatures. An id alone would not
    // do either, as senders keep it when they try again.
    const digest = createHash("sha256").update(delivery.prefix).update(body).digest("base64");
    switch (memory.remember(digest, this.#clock.monotonicMs())) {
      case "first":
        return undefined;
      case "seen":
        return "the delivery was accepted before";
      case "full":
        return "more deliveries than can be remembered";
    }
  }
}

/** A signature over no bytes must not vouch for bytes that were not looked at. */
function findNoBody({ body, request, route }: RequestContext): string | undefined {
  if (route.bodyMode === "stream") return "the body is streamed and cannot be verified";
  const { contentLength } = request;
  const isWhole = contentLength === undefined ? body.length > 0 : body.length === contentLength;
  return isWhole ? undefined : "the body is not there";
}

function isSignedWith(key: KeyObject, { prefix, signatures }: Delivery, body: Buffer): boolean {
  if (key.type === "public") {
    const signed = Buffer.concat([Buffer.from(prefix, "latin1"), body]);
    return signatures.some((signature) => verify(null, signed, key, signature));
  }
  const expected = createHmac("sha256", key).update(prefix).update(body).digest();
  return signatures.some((signature) => timingSafeEqual(signature, expected));
}
