/** The XML reader: what counts as text and attribute, and everything it refuses to understand. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBytes } from "../byte-string.ts";
import type { ParsedBody } from "./parsed-body.ts";
import { parseXml, XML_ATTRIBUTE, XML_TEXT } from "./xml.ts";

const values = (parsed: ParsedBody, name: string) =>
  parsed.fields.filter((field) => field.name === name).map((field) => field.value);

describe("reads text and attribute values", () => {
  test.for<[string, string, string, string[]]>([
    ["an empty element", "<a/>", "", []],
    ["text of nested elements, joined", "<a>x<b>y</b> <c>z</c></a>", "xy z", []],
    ["a payload cut by tags", "<a>uni<b/>on sel<!-- -->ect</a>", "union select", []],
    ["attributes in both quotes", `<a x="1'" y = '2"'><b z="3"/></a>`, "", ["1'", '2"', "3"]],
    ["namespace declarations, too", '<s:a xmlns:s="urn:x" s:b="1"/>', "", ["urn:x", "1"]],
    ["the five entities", "<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'", []],
    [
      "numeric references as UTF-8",
      `<a b="&#39;&#x20AC;">&#0000065;&#x1F600;</a>`,
      "A\xf0\x9f\x98\x80",
      ["'\xe2\x82\xac"],
    ],
    ["references decoded once", "<a>&amp;lt;</a>", "&lt;", []],
    ["a CDATA section as it is", "<a>x<![CDATA[<b>&y;]]]]><![CDATA[>]]></a>", "x<b>&y;]]>", []],
    ["no comments and instructions", "<!--a--><?b c?><a>1<!--2--><?x 3?>4</a><!--5-->\n", "14", []],
    [
      "a declaration",
      `<?xml version="1.0" encoding='utf-8' standalone="yes" ?>\r\n<a>x</a>`,
      "x",
      [],
    ],
    ["a declaration of ASCII", `<?xml version='1.0' encoding="US-ASCII"?><a>x</a>`, "x", []],
    ["a byte order mark", "\xef\xbb\xbf<a>x</a>", "x", []],
    ["UTF-8 in names and text", "<\xc3\xa9>\xc3\xa9</\xc3\xa9 >", "\xc3\xa9", []],
    ["an angle closing in text", "<a>1>2</a>", "1>2", []],
  ])("%s", ([, body, text, attributes]) => {
    const parsed = parseXml(body);
    expect(parsed.fault).toBeUndefined();
    expect(values(parsed, XML_TEXT)).toEqual([text]);
    expect(values(parsed, XML_ATTRIBUTE)).toEqual(attributes);
  });

  test("ranges point at raw attribute values and the root element", () => {
    const body = ' <a b="&lt;">x</a> ';
    const raw = parseXml(body).fields.map((field) => body.slice(field.start, field.end));
    expect(raw).toEqual(["&lt;", '<a b="&lt;">x</a> ']);
  });
});

describe("stops at a fault and keeps what was read", () => {
  test.for<[string, string, string, number, string[]]>([
    ["nothing at all", "", "body.truncated", 0, []],
    ["white space only", " \n", "body.truncated", 2, []],
    ["no XML", "hello", "body.syntax", 0, []],
    ["a document type", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "body.doctype", 0, []],
    [
      "an external entity",
      '<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://x/"><a/>',
      "body.doctype",
      21,
      [],
    ],
    ["a document type in small letters", "<!doctype a><a/>", "body.doctype", 0, []],
    ["an entity declaration inside", "<a>x<!ENTITY b></a>", "body.doctype", 4, ["x"]],
    ["an unknown entity in text", "<a>x<b/>&xxe;</a>", "body.entity", 8, ["x&xxe;"]],
    ["an unknown entity in an attribute", '<a b="&nbsp;"/>', "body.entity", 6, [""]],
    [
      "an entity named like a property",
      "<a>&constructor;</a>",
      "body.entity",
      3,
      ["&constructor;"],
    ],
    ["a reference to NUL", "<a>&#0;</a>", "body.entity", 3, ["&#0;"]],
    ["a reference to a surrogate", "<a>&#xD800;</a>", "body.entity", 3, ["&#xD800;"]],
    ["a reference beyond Unicode", "<a>&#x110000;</a>", "body.entity", 3, ["&#x110000;"]],
    ["a bare ampersand", "<a>x & y</a>", "body.syntax", 5, ["x & y"]],
    [
      "an encoding that hides letters",
      `<?xml version="1.0" encoding="UTF-7"?><a>+ADw-</a>`,
      "body.encoding",
      0,
      [],
    ],
    [
      "a Latin-1 declaration",
      `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
      "body.encoding",
      0,
      [],
    ],
    ["a broken declaration", "<?xml encoding='utf-7'?><a/>", "body.syntax", 0, []],
    ["XML 1.1", '<?xml version="1.1"?><a/>', "body.syntax", 0, []],
    ["a declaration behind white space", ' <?xml version="1.0"?><a/>', "body.syntax", 1, []],
    ["bytes that are not UTF-8, read all the same", "<a>x\xff</a>", "body.encoding", 4, ["x\xff"]],
    ["UTF-16 with its mark", "\xff\xfe<\0a\0/\0>\0", "body.encoding", 0, []],
    ["UTF-16 without", "<\0a\0/\0>\0", "body.control", 1, []],
    ["a NUL, read all the same", "<a>x\0</a>", "body.control", 4, ["x\0"]],
    ["an element left open", "<a>x<b>y</b>", "body.truncated", 12, ["xy"]],
    ["a tag left open", "<a>x<b", "body.truncated", 6, ["x"]],
    ["a comment left open", "<a>x<!-- </a>", "body.truncated", 13, ["x"]],
    ["a CDATA section left open", "<a>x<![CDATA[ </a>", "body.truncated", 18, ["x"]],
    ["the wrong end tag", "<a>x<b>y</a></b>", "body.syntax", 11, ["xy"]],
    ["an end tag in another case", "<a>x</A>", "body.syntax", 7, ["x"]],
    ["an end tag too many", "<a>x</a></a>", "body.syntax", 11, ["x"]],
    ["a second root", "<a>x</a><b/>", "body.trailing", 8, ["x"]],
    ["text behind the root", "<a>x</a>y", "body.trailing", 8, ["x"]],
    ["CDATA before the root", "<![CDATA[x]]><a/>", "body.syntax", 0, []],
    ["two hyphens in a comment", "<a>x<!-- -- --></a>", "body.syntax", 9, ["x"]],
    ["the end of a CDATA section in text", "<a>x]]></a>", "body.syntax", 4, [""]],
    ["a doubled attribute", '<a b="1" b="2"/>', "body.syntax", 9, [""]],
    ["attributes without space", '<a b="1"c="2"/>', "body.syntax", 8, [""]],
    ["an attribute without quotes", "<a b=1/>", "body.syntax", 5, [""]],
    ["an attribute without value", "<a b>x</a>", "body.syntax", 4, [""]],
    ["a tag inside an attribute", '<a b="<c>"/>', "body.syntax", 6, [""]],
    ["a space before the tag name", "<a>< b/></a>", "body.syntax", 4, [""]],
    ["an instruction without a target", "<a>x<? y?></a>", "body.syntax", 4, ["x"]],
  ])("%s", ([, body, code, at, text]) => {
    const parsed = parseXml(body);
    expect(parsed.fault).toMatchObject({ code, at });
    expect(values(parsed, XML_TEXT)).toEqual(text);
  });

  test.for<[string, string, object, string, number]>([
    ["depth", "<a><b><c/></b></a>", { depth: 2 }, "body.depth", 6],
    [
      "fields, of which one is the text",
      '<a b="1" c="2" d="3">x</a>',
      { fields: 3 },
      "body.fields",
      18,
    ],
    ["bytes of a name", "<a><bcd/></a>", { nameBytes: 2 }, "body.name", 3],
    ["bytes of all text", "<a>12<b>34</b></a>", { valueBytes: 3 }, "body.value", 8],
    ["bytes of an attribute", '<a b="1234"/>', { valueBytes: 3 }, "body.value", 6],
  ])("the limit of %s", ([, body, limits, code, at]) => {
    const parsed = parseXml(body, limits);
    expect(parsed.fault).toMatchObject({ code, at });
    expect(values(parsed, XML_TEXT)).toHaveLength(1);
  });
});

describe("properties", () => {
  const escape = (text: string) =>
    text.replaceAll(/[<>&"']/g, (byte) => `&#${byte.charCodeAt(0)};`);

  test("reads back escaped text and attributes", () => {
    const printable = fc.string({ unit: "grapheme-ascii" });
    fc.assert(
      fc.property(printable, printable, (text, attribute) => {
        const parsed = parseXml(`<a b="${escape(attribute)}">${escape(text)}</a>`);
        expect(parsed.fields.map((field) => field.value)).toEqual([attribute, text]);
        expect(parsed.fault).toBeUndefined();
      }),
    );
  });

  test("random bytes and shuffled markup never throw", () => {
    const piece = fc.constantFrom(
      "<",
      ">",
      "/",
      "a",
      " ",
      "=",
      '"',
      "'",
      "&",
      ";",
      "#x41",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "<?",
      "?>",
      "xml",
      "!",
      "<a>",
      "</a>",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.uint8Array(), (pieces, raw) => {
        parseXml(fromBytes(raw));
        parseXml(pieces.join(""));
        parseXml(`<a>${pieces.join("")}`);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    "<",
    "<a>",
    "<a/>",
    "&",
    "&amp;",
    "a",
    " ",
    "<!---->",
    "<?a?>",
    "]]",
    '"',
    "<![CDATA[]]>",
    "</a>",
  ])("a megabyte of %j completes", (pump) => {
    const body = pump.repeat(Math.floor(1_048_576 / pump.length));
    const limits = { depth: Infinity, fields: Infinity };
    for (const head of ["", "<a>", "<a b='", "<!--", "<?xml ", "&#"]) parseXml(head + body, limits);
  });

  test("a megabyte of attributes completes", () => {
    const body = `<a ${Array.from({ length: 100_000 }, (_, at) => `b${at}=""`).join(" ")}/>`;
    expect(parseXml(body, { fields: Infinity }).fault).toBeUndefined();
    expect(parseXml(body).fault?.code).toBe("body.fields");
  });
});
