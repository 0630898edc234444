/** Attacks in every place of a page, and texts that only look like them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectXss } from "./detect-xss.ts";

const ATTACKS: readonly (readonly [string, string])[] = [
  ["a script element", "<script>alert(1)</script>"],
  ["a script element left open at the end", "hello <script"],
  ["a script name with a NUL in it", "<scr\0ipt>alert(1)"],
  ["a script element with a slash for a blank", "<script/src=//evil.example>"],
  ["an event handler", "<img src=x onerror=alert(1)>"],
  ["an event handler after slashes", "<img/src='x'/onerror=alert(1)>"],
  ["an event handler with blanks around its equals sign", "<b onclick \t=\n alert(1)>x"],
  ["a handler no list knows, in a tag of the value's own", "<x onsomethingnew=alert(1)>"],
  ["a handler on a tag left open", "<img src=x onerror=alert(1)//"],
  ["a handler after a quoted value without a blank", '<a title="x"onclick=alert(1)>'],
  ["a handler in a closing tag", "</b onclick=alert(1)>"],
  ["an SVG element", "<svg><animate x=1>"],
  ["an SVG element with a namespace", "<svg:script>alert(1)"],
  ["a frame", "<IFRAME SRC=//evil.example></IFRAME>"],
  ["a base element", "<base href=//evil.example>"],
  ["a document type", "<!DOCTYPE html>"],
  ["an entity declaration", "<!ENTITY x SYSTEM 'file:///etc/passwd'>"],
  ["an XML declaration", "<?xml version='1.0'?>"],
  ["a namespace import", "<?import namespace=x implementation=y>"],
  ["a conditional comment", "<!--[if gte IE 4]>x<![endif]-->"],
  ["a comment with a back quote", "<!-- ` onload=x -->"],
  ["a script after a comment that ends early", "<!--><script>alert(1)</script>"],
  ["a script after a comment that ends with a bang", "<!--x--!><script>alert(1)"],
  ["a script in what would be CDATA in XML", "<![CDATA[<script>alert(1)</script>]]>"],
  ["a script after a bogus comment", "</ x><script>alert(1)"],
  ["a script URL", "<a href=javascript:alert(1)>x</a>"],
  ["a script URL with tabs and line ends inside", '<a href="java\tscr\nipt:alert(1)">x</a>'],
  ["a script URL after controls", '<a href="\x01\x1f javascript:alert(1)">x</a>'],
  ["a script URL of decimal references", "<a href=&#106;&#0000097vascript&#58;alert(1)>x"],
  ["a script URL of hexadecimal references", "<a href='&#x6A;avascript:alert(1)'>x"],
  ["a script URL with named references", "<a href='java&Tab;script&colon;alert(1)'>x"],
  ["a data URL", "<a href='data:text/html;base64,PHNjcmlwdD4='>x"],
  ["an old script URL", "<img src=vbscript:msgbox(1)>"],
  ["a style attribute", "<div style='width:expression(alert(1))'>"],
  ["a namespace declaration", "<x xmlns:a='http://www.w3.org/1999/xhtml'>"],
  ["an animation that sets a handler", "<set attributeName=onmouseover to=alert(1)>"],
  ["a way out of double quotes", '" onmouseover="alert(1)'],
  ["a way out of single quotes", "' onfocus='alert(1)' autofocus='"],
  ["a way out of back quotes", "` onerror=`alert(1)"],
  ["a way out of quotes and the tag", '"><script>alert(1)</script>'],
  ["a handler after an unquoted value", "x onmouseover=alert(1)"],
  ["an equals sign that opens the name", "<a =x onclick=alert(1)>"],
];

const BENIGN: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["a name", "Tom & Jerry's 5 > 3"],
  ["a comparison", "if a < b and c > d then x = 1"],
  ["a comparison without blanks", "a<b, b>c"],
  ["a heart", "I <3 this"],
  ["plain markup", "<b>bold</b> and <i class=x>italic</i>"],
  ["a link", '<a href="https://example.com/?a=1&b=2">x</a>'],
  ["a relative link", "<a href=/javascript/intro.html>x</a>"],
  ["a link to a file called data", "<a href=database.html>x</a>"],
  ["an image", '<img src="/logo.png" alt="x" width=10>'],
  ["a plain comment", "<!-- a note -->"],
  ["words that begin like handlers", "one=1 only=2 onboarding=done"],
  ["an address with a query", "https://example.com/?on=1&data=2"],
  ["a word that is a tag elsewhere", "the script of the film"],
  ["JSON", '{"name":"x","style":"formal","on":true}'],
  ["a generic type", "Map<string, List<number>> m = new Map();"],
  ["a mail address", "Ann <ann@example.com>"],
  ["an arrow", "a -> b => c <- d <= e"],
  ["SQL", "SELECT * FROM t WHERE a = 'x' AND b <> 'y'"],
  ["UTF-8 read as bytes", Buffer.from("Grüße = schön < 5 €").toString("latin1")],
  ["a script URL in prose", "javascript: a language"],
];

describe("detectXss", () => {
  test.each(ATTACKS)("finds %s", (_name, value) => {
    expect(detectXss(value)).toBe(true);
  });

  test.each(BENIGN)("lets %s pass", (_name, value) => {
    expect(detectXss(value)).toBe(false);
  });

  test("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof detectXss(Buffer.from(bytes).toString("latin1"))).toBe("boolean");
      }),
    );
  });

  test("never throws on scraps of markup", () => {
    const scraps =
      "<,>,/,=,',\",`,!,-,--,?,%,&#,x,&#x6a;,a,on,\0, ,\n,[cdata[,script,style,doctype";
    const scrap = fc.constantFrom(...scraps.split(","));
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 40 }), (parts) => {
        expect(typeof detectXss(parts.join(""))).toBe("boolean");
      }),
    );
  });

  test("finds every attack in any mix of upper and lower case", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ATTACKS),
        fc.infiniteStream(fc.boolean()),
        ([, value], upper) => {
          const mixed = value
            .split("")
            .map((byte) => (upper.next().value ? byte.toUpperCase() : byte));
          expect(detectXss(mixed.join(""))).toBe(true);
        },
      ),
    );
  });

  test("finds every attack after any plain text", () => {
    const plain = fc.stringMatching(/^[\w ,.;:]{0,40}$/u);
    const openers = ATTACKS.filter(([, value]) => value.startsWith("<"));
    fc.assert(
      fc.property(fc.constantFrom(...openers), plain, ([, value], before) => {
        expect(detectXss(before + value)).toBe(true);
      }),
    );
  });

  test("finds a handler with any blanks around its parts", () => {
    const blanks = fc.stringMatching(/^[ \t\n\f\r]{1,5}$/u);
    fc.assert(
      fc.property(blanks, blanks, blanks, (a, b, c) => {
        expect(detectXss(`<img${a}src=x${b}onerror${c}=${a}f()>`)).toBe(true);
      }),
    );
  });

  test.each([
    "<",
    "<!--",
    "<a ",
    "<a b=",
    "&#",
    "<!-->",
    "--!",
    "='",
    '<a b="',
    "</",
    "<%",
    "a=&#9;",
  ])("reads a long run of %j in one pass", (pump) => {
    // A quadratic pass over a megabyte would outlast the test's time limit many times over.
    expect(typeof detectXss(pump.repeat(1_000_000 / pump.length))).toBe("boolean");
  });
});
