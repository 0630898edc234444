/** Multipart bodies: what browsers send, and the spellings by which two readers can be made to see two bodies. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import { parseMultipart } from "./multipart.ts";
import type { MultipartFlags } from "./multipart-flags.ts";

const TYPE = "multipart/form-data; boundary=b";

const lines = (...all: string[]) => all.join("\r\n");

const part = (disposition: string, content = "v", ...headers: string[]) =>
  lines("--b", `Content-Disposition: ${disposition}`, ...headers, "", content, "");

const form = (...parts: string[]) => `${parts.join("")}--b--\r\n`;

const raised = (flags: Readonly<MultipartFlags>) =>
  Object.entries(flags)
    .filter(([, isUp]) => isUp)
    .map(([name]) => name);

const A = part('form-data; name="a"');

describe("reads what browsers send", () => {
  const body = form(
    part('form-data; name="a"', "1\r\n2"),
    part('form-data; name="f"; filename="x.txt"', "data\n--", "Content-Type: text/plain"),
    part('form-data; name="none"; filename=""', "", "Content-Type: application/octet-stream"),
    part('form-data; name="a"', ""),
    part("form-data; name=token", "--c"),
  );
  const parsed = parseMultipart(body, "multipart/form-data; boundary=b");

  test("without fault or flag", () => {
    expect(parsed.fault).toBeUndefined();
    expect(raised(parsed.flags)).toEqual([]);
    expect(parsed.isStrictError).toBe(false);
  });

  test("fields, duplicates included, with their ranges", () => {
    expect(parsed.fields.map(({ name, value }) => [name, value])).toEqual([
      ["a", "1\r\n2"],
      ["a", ""],
      ["token", "--c"],
    ]);
    for (const { value, start, end } of parsed.fields) expect(body.slice(start, end)).toBe(value);
  });

  test("files with names, sizes and ranges", () => {
    expect(parsed.files).toMatchObject([
      { name: "f", fileNames: ["x.txt"], sizeBytes: 7 },
      { name: "none", fileNames: [""], sizeBytes: 0 },
    ]);
    expect(parsed.files.map(({ start, end }) => body.slice(start, end))).toEqual(["data\n--", ""]);
  });

  test("part headers as lines under the part's name", () => {
    expect(parsed.partHeaders.map((header) => [header.part, header.line]).slice(1, 3)).toEqual([
      ["f", 'Content-Disposition: form-data; name="f"; filename="x.txt"'],
      ["f", "Content-Type: text/plain"],
    ]);
  });

  test("a header line that is refused is among them", () => {
    const refused = parseMultipart("--b\r\nA: b\r\n\x0eC: d\r\n\r\nv\r\n--b--", TYPE);
    expect(refused.fault?.code).toBe("body.header");
    expect(refused.partHeaders.map(({ line }) => line)).toEqual(["A: b", "\x0eC: d"]);
  });

  test.for<[string, string, string]>([
    ["no part at all", TYPE, "--b--\r\n"],
    ["no line end behind the last boundary", TYPE, `${A}--b--`],
    [
      "a part without content bytes",
      TYPE,
      '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n--b--',
    ],
    ["another parameter of the content type", `${TYPE}; charset=utf-8`, form(A)],
    [
      "header names in any case",
      TYPE.toUpperCase().replace("=B", "=b"),
      form(
        A.replace("Content-Disposition: form-data; name", "CONTENT-disposition: Form-Data; NAME"),
      ),
    ],
    ["a quote that the browser escaped", TYPE, form(part('form-data; name="a%22b"'))],
    [
      "an apostrophe in a file name",
      TYPE,
      form(part(`form-data; name="a"; filename="O'Brien.pdf"`)),
    ],
    [
      "a Windows path in a file name",
      TYPE,
      form(part(String.raw`form-data; name="a"; filename="C:\temp\x"`)),
    ],
    [
      "an extended file name",
      TYPE,
      form(part(`form-data; name="a"; filename="x"; filename*=UTF-8''%c3%a9`)),
    ],
  ])("%s", ([, type, other]) => {
    const read = parseMultipart(other, type);
    expect(read.fault).toBeUndefined();
    expect(raised(read.flags)).toEqual([]);
  });
});

describe("raises a flag where readers differ", () => {
  const disposition = (text: string) => form(part(`form-data; ${text}`));

  test.for<[string, string, string, (keyof MultipartFlags)[]]>([
    ["a quoted boundary", 'multipart/form-data; boundary="b"', form(A), ["boundaryQuoted"]],
    [
      "a space before the boundary",
      "multipart/form-data; boundary= b",
      form(A),
      ["boundaryWhitespace"],
    ],
    [
      "a space behind the boundary",
      "multipart/form-data; boundary=b ",
      form(A),
      ["boundaryWhitespace"],
    ],
    [
      "no semicolon before the boundary",
      "multipart/form-data boundary=b",
      form(A),
      ["missingSemicolon"],
    ],
    ["text before the first boundary", TYPE, `x\r\n${form(A)}`, ["dataBefore"]],
    ["a line end before the first boundary", TYPE, `\r\n${form(A)}`, ["dataBefore"]],
    ["text behind the last boundary", TYPE, `${form(A)}x`, ["dataAfter"]],
    ["parts behind the last boundary", TYPE, form(A) + form(A), ["dataAfter"]],
    ["line feeds alone", TYPE, form(A).replaceAll("\r", ""), ["lfLine"]],
    [
      "one line feed alone before a boundary",
      TYPE,
      form(A).replace("v\r", "v"),
      ["lfLine", "crlfLfLines"],
    ],
    ["a folded header", TYPE, form(part('form-data;\r\n name="a"')), ["headerFolding"]],
    ["no semicolon before the name", TYPE, form(part('form-data name="a"')), ["missingSemicolon"]],
    [
      "no semicolon between parameters",
      TYPE,
      disposition('name="a" filename="x"'),
      ["missingSemicolon"],
    ],
    ["a name in single quotes", TYPE, disposition("name='a'"), ["invalidQuoting"]],
    ["a quote inside a token", TYPE, disposition('name=a"b'), ["invalidQuoting"]],
    [
      "an escaped quote in a name",
      TYPE,
      disposition(String.raw`name="a\"; filename=\"x"`),
      ["invalidQuoting"],
    ],
    ["a backslash in a name", TYPE, disposition(String.raw`name="a\b"`), ["invalidQuoting"]],
    [
      "an escaped quote in a file name",
      TYPE,
      disposition(String.raw`name="a"; filename="x\".txt"`),
      ["invalidQuoting"],
    ],
    [
      "an extended file name without charset",
      TYPE,
      disposition(`name="a"; filename*=x`),
      ["invalidQuoting"],
    ],
    [
      "an extended file name in quotes",
      TYPE,
      disposition(`name="a"; filename*="UTF-8''x"`),
      ["invalidQuoting"],
    ],
    ["a space before the equals sign", TYPE, disposition('name ="a"'), ["invalidPart"]],
    ["an empty parameter", TYPE, disposition(';name="a"'), ["invalidPart"]],
    [
      "a file with content and no file name",
      TYPE,
      disposition('name="a"; filename=""'),
      ["invalidPart"],
    ],
    [
      "the boundary inside a line",
      TYPE,
      form(part('form-data; name="a"', "x--b\r\ny")),
      ["unmatchedBoundary"],
    ],
    [
      "the boundary behind a bare carriage return",
      TYPE,
      form(part('form-data; name="a"', "x\r--b--")),
      ["unmatchedBoundary"],
    ],
  ])("%s", ([, type, body, flags]) => {
    const read = parseMultipart(body, type);
    expect(read.fault).toBeUndefined();
    expect(raised(read.flags).sort()).toEqual([...flags].sort());
    expect(read.isStrictError).toBe(!flags.includes("unmatchedBoundary"));
    expect(read.fields.length + read.files.length).toBeGreaterThan(0);
  });

  test("a nameless file is inspected as a field, too", () => {
    const read = parseMultipart(disposition('name="a"; filename=""'), TYPE);
    expect(read.fields).toMatchObject([{ name: "a", value: "v" }]);
    expect(read.files).toMatchObject([{ name: "a", sizeBytes: 1 }]);
  });

  test("both file names are kept, the extended one decoded", () => {
    const body = disposition(`name="a"; filename="x.txt"; filename*=utf-8'en'%2e%2E%2fx.php`);
    expect(parseMultipart(body, TYPE).files[0]?.fileNames).toEqual(["x.txt", "../x.php"]);
  });
});

describe("stops with a fault, keeps the parts before it, and calls it a strict error", () => {
  const after = (broken: string) => A + broken;

  test.for<[string, string, string, number]>([
    ["nothing at all", "", "body.boundary", 0],
    ["no boundary anywhere", "hello", "body.boundary", 0],
    ["no last boundary", A, "body.truncated", 1],
    ["a content cut short", after(part('form-data; name="c"').slice(0, -3)), "body.truncated", 2],
    ["headers cut short", after("--b\r\nContent-Disp"), "body.truncated", 1],
    ["a boundary cut short", after("--b"), "body.truncated", 1],
    ["a boundary with letters behind it", after("--bx\r\n"), "body.boundary", 1],
    ["a boundary with a space behind it", after("--b \r\n"), "body.boundary", 1],
    ["a boundary with one hyphen behind it", after("--b-\r\n"), "body.boundary", 1],
    ["a last boundary with letters behind it", after("--b--x\r\n"), "body.boundary", 1],
    ["a boundary ended by a bare carriage return", after("--b\rContent"), "body.boundary", 1],
    ["a part without headers", after("--b\r\n\r\nx\r\n--b--"), "body.header", 1],
    ["a part without a name", after(form(part("form-data"))), "body.header", 1],
    ["an extended name", after(form(part(`form-data; name*=UTF-8''c`))), "body.header", 1],
    ["a continued name", after(form(part('form-data; name*0="c"; name*1="d"'))), "body.header", 1],
    [
      "a continued file name",
      after(form(part('form-data; name="c"; filename*0="d"'))),
      "body.header",
      1,
    ],
    ["two names", after(form(part('form-data; name="c"; name="d"'))), "body.header", 1],
    [
      "two names in different case",
      after(form(part('form-data; name="c"; NAME="d"'))),
      "body.header",
      1,
    ],
    [
      "two file names",
      after(form(part('form-data; name="c"; filename="d"; filename="e"'))),
      "body.header",
      1,
    ],
    ["an attachment", after(form(part('attachment; name="c"'))), "body.header", 1],
    ["a quote that never closes", after(form(part('form-data; name="c'))), "body.header", 1],
    [
      "a parameter without a value",
      after(form(part('form-data; name="c"; filename'))),
      "body.header",
      1,
    ],
    ["words behind a name", after(form(part('form-data; name="c"d'))), "body.header", 1],
    [
      "two Content-Dispositions",
      after(form(part('form-data; name="c"', "v", 'content-disposition: form-data; name="d"'))),
      "body.header",
      1,
    ],
    [
      "two Content-Types",
      after(form(part('form-data; name="c"', "v", "Content-Type: a/b", "Content-Type: c/d"))),
      "body.header",
      1,
    ],
    [
      "a header without a colon",
      after(form(part('form-data; name="c"', "v", "x"))),
      "body.header",
      1,
    ],
    [
      "a space before the colon",
      after("--b\r\nContent-Disposition : form-data; name=c\r\n\r\nv\r\n--b--"),
      "body.header",
      1,
    ],
    [
      "a folded line before any header",
      after("--b\r\n Content-Disposition: form-data; name=c\r\n\r\nv\r\n--b--"),
      "body.header",
      1,
    ],
    [
      "a folded line with a vertical tab",
      after(form(part('form-data;\r\n\vname="c"'))),
      "body.header",
      1,
    ],
    ["a NUL in a header", after(form(part('form-data; name="c\0"'))), "body.header", 1],
    [
      "a bare carriage return in a header",
      after(form(part('form-data; name="c"\rX: y'))),
      "body.header",
      1,
    ],
    [
      "a boundary among the headers",
      after("--b\r\nContent-Disposition: form-data; name=c\r\n--b\r\n\r\n--b--"),
      "body.header",
      1,
    ],
    [
      "too many headers",
      after(
        form(
          part("form-data; name=c", "v", ...Array.from({ length: 16 }, (_, at) => `X-${at}: y`)),
        ),
      ),
      "body.header",
      1,
    ],
    [
      "too long a header",
      after(form(part("form-data; name=c", "v", `X: ${"y".repeat(16_384)}`))),
      "body.header",
      1,
    ],
  ])("%s", ([, body, code, kept]) => {
    const read = parseMultipart(body, TYPE);
    expect(read.fault).toMatchObject({ code });
    expect(read.fault?.at).toBeLessThanOrEqual(body.length);
    expect(read.fields).toHaveLength(kept);
    expect(read.isStrictError).toBe(true);
  });

  test("which flags go with a fault", () => {
    const flags = (body: string) => raised(parseMultipart(body, TYPE).flags);
    expect(flags(after("--bx\r\n"))).toEqual(["unmatchedBoundary"]);
    expect(flags(form(part('form-data;\r\n\vname="c"')))).toEqual([
      "headerFolding",
      "invalidHeaderFolding",
      "invalidPart",
    ]);
    expect(flags(form(part('form-data; name="c')))).toEqual(["invalidQuoting", "invalidPart"]);
  });

  test.each([
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="b ',
    'multipart/form-data; boundary="b "',
    "multipart/form-data; boundary=b; boundary=c",
    "multipart/form-data; boundary=b; BOUNDARY=c",
    "multipart/form-data; boundary*=UTF-8''b",
    "multipart/form-data; boundary*0=b",
    "multipart/form-data; boundary=b, multipart/form-data",
    "multipart/form-data; boundary=b,c",
    "multipart/form-data; boundary=b c",
    "multipart/form-data; boundary=b;x",
    "multipart/form-data; boundary=\xe9",
    `multipart/form-data; boundary=${"b".repeat(71)}`,
    "multipart/mixed; boundary=b",
    "application/json",
    "",
  ])("no boundary in %j", (type) => {
    const read = parseMultipart(form(A), type);
    expect(read.fault).toMatchObject({ code: "body.boundary", at: 0 });
    expect(read.isStrictError).toBe(true);
  });

  test("a boundary of 70 bytes, punctuation included, is one", () => {
    const boundary = `----=_'()+./:?${"x".repeat(56)}`;
    const body = form(A).replaceAll("--b", `--${boundary}`);
    expect(parseMultipart(body, `multipart/form-data; boundary=${boundary}`).fault).toBeUndefined();
  });

  test.for<[string, object, string]>([
    ["parts", { parts: 1 }, "body.parts"],
    ["fields", { fields: 1 }, "body.fields"],
    ["bytes of a name", { nameBytes: 1 }, "body.name"],
    ["bytes of a value", { valueBytes: 1 }, "body.value"],
  ])("the limit of %s", ([, limits, code]) => {
    const read = parseMultipart(form(A, part("form-data; name=cc", "vv")), TYPE, limits);
    expect(read.fault?.code).toBe(code);
    expect(read.fields).toHaveLength(1);
    expect(read.flags.fileLimitExceeded).toBe(code === "body.parts");
  });
});

describe("properties", () => {
  test("reads back any contents that do not hold the boundary", () => {
    const content = fc.uint8Array({ maxLength: 40 }).map(fromBytes);
    fc.assert(
      fc.property(fc.array(content), (contents) => {
        const body = form(...contents.map((text) => part("form-data; name=a", text)));
        fc.pre(!contents.some((text) => text.includes("--b")));
        expect(parseMultipart(body, TYPE).fields.map((field) => field.value)).toEqual(contents);
      }),
    );
  });

  test("random bytes and shuffled pieces never throw", () => {
    const piece = fc.constantFrom(
      "--b",
      "--",
      "\r\n",
      "\n",
      "\r",
      "Content-Disposition: form-data",
      "; name=",
      '"',
      "'",
      "\\",
      "a",
      " ",
      "filename",
      "=",
      "*",
      "\0",
      ";",
      ":",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.uint8Array(), (pieces, raw) => {
        const mixed = pieces.join("");
        for (const body of [mixed, fromBytes(raw), A + mixed]) {
          parseMultipart(body, TYPE);
          parseMultipart(body, mixed);
          parseMultipart(body, `${TYPE}${mixed}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each(["-", "--b", "\r\n", "\n--b", "\r\n--b\r\n", "a", "--b--", '"', A])(
    "a megabyte of %j completes",
    (pump) => {
      const body = pump.repeat(Math.floor(1_048_576 / pump.length));
      parseMultipart(body, TYPE);
      parseMultipart(A + body, TYPE, { parts: Infinity, fields: Infinity });
      parseMultipart(`${A}--b\r\n${body}`, `multipart/form-data; boundary=${"-".repeat(69)}`);
    },
  );
});
