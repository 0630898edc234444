/** Reads the request of a test stage; it refuses the settings that need a real server or the answer of an earlier stage. */
import { Buffer } from "node:buffer";
import { fromBytes, type ByteString } from "../byte-string.ts";
import type { FtwInput } from "./ftw-test.ts";
import { expandTemplate } from "./expand-template.ts";
import type { StrictNode } from "./strict-node.ts";

// Where to send it is the runner's affair: dest_addr, port and protocol are read and left.
const INPUT_KEYS = [
  "dest_addr",
  "port",
  "protocol",
  "method",
  "uri",
  "version",
  "headers",
  "ordered_headers",
  "data",
  "encoded_data",
  "encoded_request",
  "raw_request",
  "autocomplete_headers",
  "stop_magic",
];

export function readInput(node: StrictNode, isOlderForm: boolean): FtwInput {
  const members = node.members(INPUT_KEYS);
  const isCompleted =
    members.get("autocomplete_headers")?.flag() ?? !(members.get("stop_magic")?.flag() ?? false);
  return {
    method: members.get("method")?.bytes() ?? "GET",
    uri: members.get("uri")?.bytes() ?? "/",
    version: members.get("version")?.bytes() ?? "HTTP/1.1",
    headers: [
      ...(members.get("headers")?.entries() ?? []).map(fromMember),
      ...(members.get("ordered_headers")?.items() ?? []).map(fromPair),
    ],
    data: dataOf(members),
    wholeRequest:
      decodeBase64(members.get("encoded_request")) ?? members.get("raw_request")?.bytes(),
    isCompleted,
    sendsZeroLength: !isOlderForm,
  };
}

function fromMember([name, value]: [string, StrictNode]): readonly [ByteString, ByteString] {
  return [fromBytes(Buffer.from(name, "utf8")), value.bytes()];
}

function fromPair(node: StrictNode): readonly [ByteString, ByteString] {
  const members = node.members(["name", "value"]);
  return [
    members.get("name")?.bytes() ?? node.fail("has no name"),
    members.get("value")?.bytes() ?? "",
  ];
}

/** A list is the older form's way to write lines. */
function dataOf(members: ReadonlyMap<string, StrictNode>): ByteString | undefined {
  const data = members.get("data");
  if (data === undefined) return decodeBase64(members.get("encoded_data"));
  if (data.isList())
    return data
      .items()
      .map((line) => line.bytes())
      .join("\r\n");
  return expandTemplate(data.bytes()) ?? data.fail("holds a template that is not understood");
}

function decodeBase64(node: StrictNode | undefined): ByteString | undefined {
  if (node === undefined || node.isEmpty()) return undefined;
  const text = node.text().replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) node.fail("must be base64");
  return fromBytes(Buffer.from(text, "base64"));
}
