/** Whether the other end of a socket is on this machine. */
import { CidrSet, parseCidr, type Cidr } from "../config/cidr.ts";

/** RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3; IPv4-mapped addresses are read as IPv4. */
const LOOPBACK = new CidrSet(["127.0.0.0/8", "::1/128"].map((text) => parseCidr(text) as Cidr));

export const isLoopback = (peerAddress: string): boolean => LOOPBACK.has(peerAddress);
