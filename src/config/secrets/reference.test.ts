import { describe, expect, test } from "vitest";
import { fileRef, printReference, secretRef } from "./reference.ts";

describe("references", () => {
  test.each([
    ["env:JWT_SECRET_KEY", { kind: "env", name: "JWT_SECRET_KEY" }],
    ["file:tls/server.key", { kind: "file", path: "tls/server.key" }],
    ["file:/run/secrets/key", { kind: "file", path: "/run/secrets/key" }],
    ["file:C:#odd name", { kind: "file", path: "C:#odd name" }],
    [
      "vault:secret/portcullis/jwt#key",
      { kind: "vault", path: "secret/portcullis/jwt", field: "key" },
    ],
    ["aws:portcullis/jwt#key", { kind: "aws", id: "portcullis/jwt", field: "key" }],
    ["aws:portcullis/jwt", { kind: "aws", id: "portcullis/jwt", field: undefined }],
    [
      "aws:arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf#key",
      {
        kind: "aws",
        id: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf",
        field: "key",
      },
    ],
  ])("%s", (text, parsed) => {
    expect(secretRef.parse(text)).toEqual(parsed);
    expect(printReference(secretRef.parse(text))).toBe(text);
  });

  test.each([
    "hunter2",
    "",
    "env:",
    "env:1A",
    "env:A B",
    "ENV:A",
    "file:",
    "file:///etc/x",
    "file:a\0b",
    "vault:secret/x",
    "vault:x#y",
    "vault:secret/../sys/seal#x",
    "vault:/secret/x#y",
    "vault:secret//x#y",
    "vault:secret/x?y=1#z",
    "vault:a/b#c#d",
    "vault:secret/%2e%2e/x#y",
    "aws:#x",
    "aws:a b#c",
    "aws:a#b#c",
    "https://vault/x",
    "constructor:x",
  ])("%j is refused without being repeated", (text) => {
    const result = secretRef.safeParse(text);
    expect(result.success).toBe(false);
    if (text.length > 5) expect(JSON.stringify(result.error?.issues)).not.toContain(text);
  });

  test("a file reference takes only files", () => {
    expect(fileRef.parse("file:a.pem")).toEqual({ kind: "file", path: "a.pem" });
    expect(fileRef.safeParse("env:A").success).toBe(false);
    expect(fileRef.safeParse("a.pem").error?.issues[0]?.message).toBe("not a reference to a file");
  });
});
