/**
 * Who may touch the constitution: a tool on this machine, and nobody else. It goes by the socket's own other end, never
 * by what a header says of it, and a browser on this machine is not such a tool.
 */
import { canonicalAddress } from "../config/cidr.ts";
import { isLoopback } from "./loopback.ts";
import type { OperatorRequest } from "./operator-request.ts";

/** Why somebody may not. */
export interface DoorRefusal {
  readonly code: "loopback_only" | "browser_refused" | "host_refused";
  readonly message: string;
}

/** A host, and a port or none (RFC 9110 section 7.2). */
const HOST = /^(?:\[(?<six>[^\]]+)\]|(?<name>[^:[\]]+))(?::\d{1,5})?$/;

/** Undefined when the request may go on. */
export function refusalAtDoor({ peerAddress, headers }: OperatorRequest): DoorRefusal | undefined {
  if (!isLoopback(peerAddress))
    return { code: "loopback_only", message: "this is answered on the machine itself only" };
  // A page that the operator has open may send requests here, and is answered even if it cannot read the answer.
  if (headers.origin !== undefined || headers.secFetchSite !== undefined)
    return { code: "browser_refused", message: "this is not answered to browsers" };
  // A name can be made to lead here by whoever owns it, and a browser then takes their page for ours (DNS rebinding).
  if (!isLocalHost(headers.host))
    return {
      code: "host_refused",
      message: "the Host field must be localhost or an address, such as 127.0.0.1",
    };
  return undefined;
}

function isLocalHost(host: string | undefined): boolean {
  const groups = HOST.exec(host ?? "")?.groups;
  const name = groups?.["six"] ?? groups?.["name"] ?? "";
  return name.toLowerCase() === "localhost" || canonicalAddress(name) !== undefined;
}
