import { expect, test } from "vitest";
import { htmlEntityDecode } from "./html-entity-decode.ts";

test.each([
  ["names with and without a semicolon", "&lt;&gt&quot;&amp&nbsp;", '<>"&\xa0'],
  ["names in any letter case", "&LT;&Gt", "<>"],
  ["text right after an open name stays", "&ltscript&gt1", "<script>1"],
  ["decimal numbers", "&#60;&#62", "<>"],
  ["hexadecimal numbers", "&#x3c;&#X3E", "<>"],
  ["leading zeros without end", "&#0000000060;&#x00000000003c;", "<<"],
  ["only the low byte counts", "&#316;&#x13c;&#xff1c;", "<<\x1c"],
  ["a number ends at another character", "&#60a&#x3cg", "<a<g"],
  ["numbers without digits stay", "&#;&#x;&#xg&#", "&#;&#x;&#xg&#"],
  ["an ampersand at the end stays", "a&", "a&"],
  ["unknown names stay", "&foo;&;&&", "&foo;&;&&"],
  [
    "punctuation by name needs its semicolon",
    "javascript&colon;&lpar;&NewLine;&colon",
    "javascript:(\n&colon",
  ],
  ["punctuation is exact in letter case", "&COLON;&tab;&Tab;", "&COLON;&tab;\t"],
  ["it decodes once", "&amp;lt;", "&lt;"],
  ["a reference after a lone ampersand is decoded", "&&lt;", "&<"],
  ["a name of the prototype is no name", "&constructor;", "&constructor;"],
  ["NUL is data", "&\0;", "&\0;"],
])("htmlEntityDecode: %s", (_sentence, value, expected) => {
  expect(htmlEntityDecode(value)).toBe(expected);
});
