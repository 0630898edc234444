/** The context of one running request, as the runner alone may write it. */
import type { Facts } from "./facts.ts";
import type { CallerRequest, Peer, RequestContext, Route } from "./request-context.ts";

const EMPTY = Buffer.alloc(0);

/** The runner's own view of a context: the only place where it is written. */
export class RunContext implements RequestContext {
  readonly request: CallerRequest;
  readonly peer: Peer;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  body: Buffer = EMPTY;
  readonly facts: Facts = {};

  constructor(request: CallerRequest, route: Route, params: Readonly<Record<string, string>>) {
    this.request = request;
    this.peer = request.peer;
    this.route = route;
    this.params = params;
  }
}
