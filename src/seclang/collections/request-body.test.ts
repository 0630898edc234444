import { describe, expect, test } from "vitest";
import { toBytes } from "../byte-string.ts";
import { listEntries, listParts } from "./list-entries.test-support.ts";
import { readRequestBody, type RequestBodyOptions } from "./request-body.ts";
import { readRequestHead } from "./request-head.ts";

function read(text: string, changes: Partial<RequestBodyOptions> = {}) {
  return readRequestBody({
    body: toBytes(text),
    processor: "JSON",
    withBodyVariable: false,
    expandEmbedded: false,
    ...changes,
  });
}

describe("a JSON body", () => {
  test("has an argument and a name for each leaf, with its place in the bytes", () => {
    const text = '{"a":"x","items":[{"sku":"A\\n1"},2.50,null,true],"a":[]}';
    const { entries } = read(text);
    expect(listEntries(entries)).toEqual([
      "argsPost json.a=x",
      "argsPostNames json.a=json.a",
      "argsPost json.items.0.sku=A\n1",
      "argsPostNames json.items.0.sku=json.items.0.sku",
      "argsPost json.items.1=2.50",
      "argsPostNames json.items.1=json.items.1",
      "argsPost json.items.2=",
      "argsPostNames json.items.2=json.items.2",
      "argsPost json.items.3=true",
      "argsPostNames json.items.3=json.items.3",
      "argsPost json.a=",
      "argsPostNames json.a=json.a",
    ]);
    expect(entries.map(({ start, end }) => text.slice(start, end)).slice(0, 5)).toEqual([
      "x",
      "",
      "A\\n1",
      "",
      "2.50",
    ]);
  });

  test("of one scalar has the argument json", () => {
    expect(listParts(read('"x"').entries, "argsPost")).toEqual(["argsPost json=x"]);
  });

  test("of lines is told by its media type", () => {
    const text = '{"a":1}\n{"a":2}\n';
    const { entries, fault } = read(text, { contentType: "application/x-ndjson" });
    expect(listParts(entries, "argsPost")).toEqual(["argsPost json.0.a=1", "argsPost json.1.a=2"]);
    expect(fault).toBeUndefined();
    expect(read(text).fault?.code).toBe("body.trailing");
  });

  test("keeps what stood before a fault", () => {
    const { entries, variables } = read('{"a":"attack","b":');
    expect(listParts(entries, "argsPost")).toEqual(["argsPost json.a=attack"]);
    expect(variables.get("REQBODY_ERROR")).toBe("1");
    expect(variables.get("REQBODY_PROCESSOR_ERROR")).toBe("1");
    expect(variables.get("REQBODY_ERROR_MSG")).toBe(
      "JSON: the text ends too early (body.truncated, byte 18)",
    );
  });

  test("has its values in the parts of their declared kinds", () => {
    const text = '{"model":"m-1","temp":0.5,"top":"0.5;x","role":"user","msg":"hi","free":"y"}';
    const { entries } = read(text, {
      fieldKind: (name) => {
        if (name === "json.model") return "identifier";
        if (name === "json.temp" || name === "json.top") return "number";
        if (name === "json.role") return ["user", "tool"];
        return name === "json.msg" ? "prompt" : undefined;
      },
    });
    expect(listParts(entries, "argsPost", "identifiers", "plain", "prompts", "argsGet")).toEqual([
      "identifiers json.model=m-1",
      "plain json.temp=0.5",
      "argsPost json.top=0.5;x",
      "plain json.role=user",
      "prompts json.msg=hi",
      "argsPost json.free=y",
    ]);
    expect(listParts(entries, "argsPostNames")).toHaveLength(6);
  });
});

describe("texts inside values", () => {
  const call = '{"tool":{"arguments":"{\\"cmd\\":\\"rm -rf /\\"}"}}';
  const expand = { expandEmbedded: true };

  test("become arguments behind those that were sent, in the place of the value around them", () => {
    const { entries, expandedFrom } = read(call, expand);
    expect(listEntries(entries.slice(expandedFrom))).toEqual([
      "argsPost json.tool.arguments.json.cmd=rm -rf /",
      "argsPostNames json.tool.arguments.json.cmd=json.tool.arguments.json.cmd",
    ]);
    expect(listParts(entries.slice(0, expandedFrom), "argsPost")).toEqual([
      'argsPost json.tool.arguments={"cmd":"rm -rf /"}',
    ]);
    expect(call.slice(entries[2]?.start, entries[2]?.end)).toBe('{\\"cmd\\":\\"rm -rf /\\"}');
  });

  test("stay closed when nobody asked", () => {
    const { entries, expandedFrom } = read(call);
    expect(expandedFrom).toBe(entries.length);
    expect(entries).toHaveLength(2);
  });

  test("are full text even in a prompt, and nothing in a number", () => {
    const options = { ...expand, fieldKind: () => "prompt" as const };
    const { entries } = read(call, options);
    expect(listParts(entries, "prompts", "argsPost")).toEqual([
      'prompts json.tool.arguments={"cmd":"rm -rf /"}',
      "argsPost json.tool.arguments.json.cmd=rm -rf /",
    ]);
    const digits = read('{"n":1111111111111111}', { ...expand, fieldKind: () => "number" });
    expect(digits.entries).toHaveLength(2);
  });

  test.each([
    ["base64", btoa("<script>alert(1)</script>")],
    ["base64", `data:;base64,${btoa("<script>alert(1)</script>")}`],
    ["base64", `data:text/html;x="y z";base64,${btoa("<script>alert(1)</script>")}`],
  ])("may be %s: %j", (suffix, value) => {
    const { entries, expandedFrom } = read(JSON.stringify({ v: value }), expand);
    expect(listParts(entries.slice(expandedFrom), "argsPost")).toEqual([
      `argsPost json.v.${suffix}=<script>alert(1)</script>`,
    ]);
  });

  test.each(['{"v":"[INST] hello"}', '{"v":"{not json"}', '{"v":"  [1,"}'])(
    "that only look like JSON are no fault: %s",
    (text) => {
      expect(read(text, expand).fault).toBeUndefined();
    },
  );

  test("that hold more arguments than allowed are a fault, not a blind spot", () => {
    const text = JSON.stringify({ a: "[1,2,3]", b: "[4,5,6]", c: "x" });
    const { fault, entries, expandedFrom } = read(text, { ...expand, limits: { fields: 4 } });
    expect(fault?.code).toBe("body.fields");
    expect(text.slice(fault?.at).startsWith("[4,5,6]")).toBe(true);
    expect(listParts(entries.slice(expandedFrom), "argsPost")).toHaveLength(4);
  });

  test("are found in form fields, too", () => {
    const { entries, expandedFrom } = read("p=%7B%22a%22:1%7D", {
      ...expand,
      processor: "URLENCODED",
    });
    expect(listParts(entries.slice(expandedFrom), "argsPost")).toEqual(["argsPost p.json.a=1"]);
  });
});

describe("a form", () => {
  test("has decoded arguments, and a REQUEST_BODY if one is wanted", () => {
    const { entries, variables } = read("a=%41+b&c", {
      processor: "URLENCODED",
      withBodyVariable: true,
    });
    expect(listEntries(entries)).toEqual([
      "requestBody=a=%41+b&c",
      "argsPost a=A b",
      "argsPostNames a=a",
      "argsPost c=",
      "argsPostNames c=c",
    ]);
    expect(variables.get("REQUEST_BODY_LENGTH")).toBe("9");
    expect(variables.get("REQBODY_PROCESSOR")).toBe("URLENCODED");
    expect(variables.get("URLENCODED_ERROR")).toBe("0");
  });

  test("may use another separator", () => {
    const { entries } = read("a=1;b=2&c", { processor: "URLENCODED", separator: ";" });
    expect(listParts(entries, "argsPost")).toEqual(["argsPost a=1", "argsPost b=2&c"]);
  });

  test("may hold one long text without an equals sign", () => {
    const text = "x".repeat(20_000);
    const { entries, fault } = read(text, { processor: "URLENCODED" });
    expect(listParts(entries, "argsPostNames")).toEqual([`argsPostNames ${text}=${text}`]);
    expect(fault).toBeUndefined();
  });

  test("with a broken escape sets URLENCODED_ERROR", () => {
    const { variables } = read("a=%zz", { processor: "URLENCODED" });
    expect(variables.get("URLENCODED_ERROR")).toBe("1");
  });
});

describe("an XML body", () => {
  test("has one text and each attribute value", () => {
    const { entries } = read('<a x="1"><b y="&lt;2">one</b> two<![CDATA[<3>]]></a>', {
      processor: "XML",
    });
    expect(listEntries(entries)).toEqual([
      "xmlAttributes //@*=1",
      "xmlAttributes //@*=<2",
      "xmlText /*=one two<3>",
    ]);
  });

  test("with a document type is a fault", () => {
    const { variables } = read("<!DOCTYPE a><a/>", { processor: "XML" });
    expect(variables.get("REQBODY_ERROR")).toBe("1");
  });
});

describe("a multipart body", () => {
  const contentType = "multipart/form-data; boundary=B";
  const part = (headers: string, content: string) => `--B\r\n${headers}\r\n\r\n${content}\r\n`;
  const field = part('Content-Disposition: form-data; name="f"', "text");
  const upload = part(
    'Content-Disposition: form-data; name="u"; filename="a.php"\r\nContent-Type: text/plain',
    "<?php",
  );
  const multipart = { processor: "MULTIPART", contentType } as const;

  test("has fields, file names and part headers", () => {
    const { entries, fault } = read(`${field}${upload}--B--\r\n`, multipart);
    expect(fault).toBeUndefined();
    expect(listEntries(entries)).toEqual([
      "argsPost f=text",
      "argsPostNames f=f",
      "files u=a.php",
      "filesNames u=u",
      'multipartPartHeaders f=Content-Disposition: form-data; name="f"',
      'multipartPartHeaders u=Content-Disposition: form-data; name="u"; filename="a.php"',
      "multipartPartHeaders u=Content-Type: text/plain",
    ]);
  });

  test("tells sizes and contents of files when a rule asks", () => {
    const { members, variables } = read(`${field}${upload}--B--\r\n`, multipart);
    expect(variables.get("FILES_COMBINED_SIZE")).toBe("5");
    expect(Object.fromEntries(members)).toEqual({
      FILES_SIZES: [{ name: "u", value: "5" }],
      FILES_TMPNAMES: [],
      FILES_TMP_CONTENT: [{ name: "u", value: "<?php" }],
      MULTIPART_NAME: [{ name: "u", value: "u" }],
      MULTIPART_FILENAME: [{ name: "u", value: "a.php" }],
    });
  });

  test.each([
    ["a field", `${field}--B--\r\n`, []],
    ["data before", `x\r\n${field}--B--\r\n`, ["DATA_BEFORE", "STRICT_ERROR"]],
    ["data after", `${field}--B--\r\nxyz`, ["DATA_AFTER", "STRICT_ERROR"]],
    ["bare line feeds", `${field}--B--\r\n`.replaceAll("\r\n", "\n"), ["LF_LINE", "STRICT_ERROR"]],
    ["a stray boundary", `${field.replace("text", "x--B")}--B--\r\n`, ["UNMATCHED_BOUNDARY"]],
    ["no end", field, ["STRICT_ERROR"]],
  ])("with %s raises its flags", (_, text, raised) => {
    const { variables } = read(text, multipart);
    const up = [...variables]
      .filter(([name, value]) => name.startsWith("MULTIPART_") && value === "1")
      .map(([name]) => name.slice("MULTIPART_".length));
    expect(up.toSorted()).toEqual(raised);
    expect([...variables.keys()].filter((name) => name.startsWith("MULTIPART_"))).toHaveLength(14);
  });
});

describe("a body that nobody reads", () => {
  test.each(["RAW", ""] as const)("under the processor %j is REQUEST_BODY at most", (processor) => {
    expect(read("{", { processor }).entries).toEqual([]);
    const { entries, fault } = read("{", { processor, withBodyVariable: true });
    expect(listEntries(entries)).toEqual(["requestBody={"]);
    expect(fault).toBeUndefined();
  });

  test.each(["JSON", "XML", "MULTIPART", "URLENCODED", ""] as const)(
    "because it is empty is no fault of %j and sets every variable",
    (processor) => {
      const { entries, variables } = read("", { processor });
      expect(entries).toEqual([]);
      expect(variables.get("REQBODY_ERROR")).toBe("0");
      expect(variables.get("MULTIPART_STRICT_ERROR")).toBe("0");
      expect(variables.get("FILES_COMBINED_SIZE")).toBe("0");
    },
  );
});

test("what was wrong with the query is still said beside the body", () => {
  const target = "/?a=%zz&b&c";
  const request = { method: "POST", target, protocol: "HTTP/1.1", headers: [] };
  const head = readRequestHead(request, { argumentsLimit: 2 });
  const { variables } = read("{}", { head });
  expect(variables.get("REQBODY_ERROR")).toBe("1");
  expect(variables.get("REQBODY_ERROR_MSG")).toMatch(/^URLENCODED: more fields/);
  expect(variables.get("URLENCODED_ERROR")).toBe("1");
});
