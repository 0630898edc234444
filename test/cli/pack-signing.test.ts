import { execFile } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { signEnvelope } from "../../src/packs/sign/dsse.ts";
import {
  createPackKey,
  publicPemOf,
  readPrivateKey,
  readPublicKeyBase64,
} from "../../src/packs/sign/keys.ts";
import { signPackJson } from "../../src/packs/sign/pack-json.ts";
import { packHash } from "../../src/packs/sign/pack-hash.ts";
import { signResponse } from "../../src/packs/sign/response-signature.ts";
import { yamlOf, type TestRelease } from "../../src/packs/sign/signed-packs.test-support.ts";
import { runCommand, type Finished } from "./command.ts";

const run = promisify(execFile);

const pack = (...args: readonly string[]): Promise<Finished> => runCommand(["pack", ...args]);

let folder = "";
beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), "portcullis-pack-"));
  folder = made;
  onTestFinished(() => rmSync(made, { recursive: true }));
});

const path = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(path(name), "utf8");
const write = (name: string, content: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(path(name), content, { mode });
  return path(name);
};

/** A key pair in `<name>.pem` and `<name>.pub`. */
function keyPair(name: string): readonly [privateFile: string, publicFile: string] {
  const { privatePem, publicPem } = createPackKey();
  return [write(`${name}.pem`, privatePem), write(`${name}.pub`, publicPem)];
}

/** A release whose time is around now. */
const current = (release: TestRelease = {}): Buffer =>
  yamlOf({ notBefore: "2020-01-01T00:00:00Z", expires: "2099-01-01T00:00:00Z", ...release });

/** What another program says of an Ed25519 signature. */
async function opensslVerifies(
  publicFile: string,
  text: Uint8Array,
  signature: string,
): Promise<boolean> {
  const signatureFile = write("signature.bin", Buffer.from(signature, "base64"));
  const key = ["-verify", "-pubin", "-inkey", publicFile, "-rawin"];
  const files = ["-sigfile", signatureFile, "-in", write("signed.bin", text)];
  return run("openssl", ["pkeyutl", ...key, ...files]).then(
    ({ stdout }) => stdout.includes("Verified Successfully"),
    () => false,
  );
}

describe("portcullis pack keygen", () => {
  test("makes a key that only its owner can read, and prints its public half", async () => {
    const { code, stdout } = await pack("keygen", path("officer.pem"));
    expect(code).toBe(0);
    expect(statSync(path("officer.pem")).mode & 0o777).toBe(0o600);
    expect(publicPemOf(readPrivateKey(read("officer.pem")))).toBe(stdout);
  });

  test("prints what POLICY_PUBKEY_PEM_B64 takes", async () => {
    const { stdout } = await pack("keygen", path("officer.pem"), "--base64");
    const publicKey = readPublicKeyBase64(stdout.trimEnd());
    expect(publicPemOf(publicKey)).toBe(publicPemOf(readPrivateKey(read("officer.pem"))));
  });

  test("never writes over a file", async () => {
    write("officer.pem", "the only key");
    const { code, stdout, stderr } = await pack("keygen", path("officer.pem"));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("is there already");
    expect(read("officer.pem")).toBe("the only key");
  });
});

describe("portcullis pack sign, and what verify says of it", () => {
  test("a pack.json, which OpenSSL verifies too", async () => {
    const [key, publicFile] = keyPair("officer");
    const yaml = yamlOf();
    const file = write("rules.yaml", yaml);
    const signed = await pack("sign", file, "--key", key, "--id", "doors", "--version", "7.1");
    expect(signed).toMatchObject({ code: 0, stderr: "" });
    expect(signed.stdout).toContain(packHash(yaml));

    const members = JSON.parse(read("pack.json")) as Record<string, string>;
    expect(Object.keys(members)).toEqual(["id", "version", "blake3", "signature", "created_at"]);
    const text = Buffer.from(`id=doors\nversion=7.1\nblake3=${packHash(yaml)}\n`);
    const signature = String(members["signature"]);
    expect(await opensslVerifies(publicFile, text, signature)).toBe(true);
    expect(await opensslVerifies(publicFile, text.subarray(1), signature)).toBe(false);

    const verified = await pack("verify", path("pack.json"), "--yaml", file, "--key", publicFile);
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toMatch(
      /: good\nid +doors\nversion +7\.1\nblake3 +[0-9a-f]{64}\nsigner +[0-9a-f]{64}\nrelease +none\n$/,
    );
  });

  test("with a key that OpenSSL made", async () => {
    await run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", path("officer.pem")]);
    await run("openssl", [
      "pkey",
      "-in",
      path("officer.pem"),
      "-pubout",
      "-out",
      path("officer.pub"),
    ]);
    chmodSync(path("officer.pem"), 0o600);
    const file = write("rules.yaml", yamlOf());
    const out = path("signed.json");
    const names = ["--id", "doors", "--version", "7", "--out", out];
    expect(await pack("sign", file, "--key", path("officer.pem"), ...names)).toMatchObject({
      code: 0,
    });
    const verified = await pack("verify", out, "--yaml", file, "--key", path("officer.pub"));
    expect(verified).toMatchObject({ code: 0 });
    expect(readdirSync(folder).sort()).toEqual([
      "officer.pem",
      "officer.pub",
      "rules.yaml",
      "signed.json",
    ]);
  });

  test("an envelope by two officers, whose signatures OpenSSL verifies too", async () => {
    const [a, publicA] = keyPair("a");
    const [b, publicB] = keyPair("b");
    const yaml = current({ prev: "0".repeat(64) });
    const signed = await pack("sign", write("rules.yaml", yaml), "--dsse", "--key", a, "--key", b);
    expect(signed).toMatchObject({ code: 0, stderr: "" });

    const envelope = JSON.parse(read("rules.dsse.json")) as {
      readonly payload: string;
      readonly signatures: readonly { readonly sig: string }[];
    };
    expect(Buffer.from(envelope.payload, "base64")).toEqual(yaml);
    const type = "application/vnd.portcullis.constitution+yaml";
    const text = Buffer.concat([Buffer.from(`DSSEv1 44 ${type} ${yaml.length} `), yaml]);
    for (const [i, key] of [publicA, publicB].entries()) {
      expect(await opensslVerifies(key, text, envelope.signatures[i]?.sig ?? "")).toBe(true);
    }

    const keys = ["--key", publicA, "--key", publicB];
    const verified = await pack("verify", path("rules.dsse.json"), "--dsse", ...keys, "--json");
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(verified.stdout)).toMatchObject({
      id: "doors",
      version: "7",
      blake3: packHash(yaml),
      signers: [/^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/].map((each) => expect.stringMatching(each)),
      release: { name: "doors", version: 7, prev: "0".repeat(64) },
    });
  });

  test("an envelope that a second officer signs later", async () => {
    const [a, publicA] = keyPair("a");
    const [b, publicB] = keyPair("b");
    const keys = ["--key", publicA, "--key", publicB];
    const first = path("rules.dsse.json");
    await pack("sign", write("rules.yaml", current()), "--dsse", "--key", a);
    const alone = await pack("verify", first, "--dsse", ...keys);
    expect(alone).toMatchObject({ code: 1, stdout: "" });
    expect(alone.stderr).toContain("pack.too_few_signatures");
    expect(await pack("verify", first, "--dsse", ...keys, "--threshold", "1")).toMatchObject({
      code: 0,
    });

    const before = read("rules.dsse.json");
    const inPlace = await pack("sign", first, "--add", "--key", b);
    expect(inPlace).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    expect(read("rules.dsse.json")).toBe(before);
    const again = await pack("sign", first, "--add", "--key", a, "--force");
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("pack.already_signed"),
    });

    expect(await pack("sign", first, "--add", "--key", b, "--force")).toMatchObject({ code: 0 });
    const both = await pack("verify", first, "--dsse", ...keys);
    expect(both).toMatchObject({ code: 0, stderr: "" });
    expect(both.stdout.match(/^signer /gm)).toHaveLength(2);
    expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});

describe("portcullis pack sign refuses", () => {
  let key = "";
  beforeEach(() => {
    [key] = keyPair("officer");
  });
  const names = ["--id", "doors", "--version", "7"];

  test("what no gateway would load, and says where it is wrong", async () => {
    const file = write("rules.yaml", yamlOf().toString().replace("CONTAINS", "CONTAIN"));
    const { code, stdout, stderr } = await pack("sign", file, "--key", key, ...names);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^\S+rules\.yaml:5:\d+: pack\.logic_\w+: /);
    expect(readdirSync(folder)).not.toContain("pack.json");
  });

  test("an envelope around what no gateway would load", async () => {
    const file = write("rules.yaml", current().toString().replace("CONTAINS", "CONTAIN"));
    expect(await pack("sign", file, "--dsse", "--key", key)).toMatchObject({ code: 1 });
    expect(readdirSync(folder)).not.toContain("rules.dsse.json");
  });

  test("an envelope without a release", async () => {
    const { code, stderr } = await pack(
      "sign",
      write("rules.yaml", yamlOf()),
      "--dsse",
      "--key",
      key,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("pack.release_missing");
  });

  test.each([0o644, 0o640, 0o604])("a key that others can read: %o", async (mode) => {
    chmodSync(key, mode);
    const { code, stderr } = await pack(
      "sign",
      write("rules.yaml", yamlOf()),
      "--key",
      key,
      ...names,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("pack.exposed_key");
    expect(readdirSync(folder)).not.toContain("pack.json");
  });

  test("to write over a file, unless it is told to", async () => {
    const file = write("rules.yaml", yamlOf());
    write("pack.json", "what was there");
    const refused = await pack("sign", file, "--key", key, ...names);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    expect(read("pack.json")).toBe("what was there");
    expect(await pack("sign", file, "--key", key, ...names, "--force")).toMatchObject({ code: 0 });
    expect(JSON.parse(read("pack.json"))).toMatchObject({ id: "doors", version: "7" });
  });

  test.each<readonly [string, RegExp, readonly string[]]>([
    ["a pack.json without its names", /--id and --version/, []],
    ["two keys for a pack.json", /one signature/, ["--key", "KEY", ...names]],
    ["names for an envelope", /leave --id and --version out/, ["--dsse", ...names]],
    ["a folder that is not there", /ENOENT/, [...names, "--out", "absent/pack.json"]],
  ])("%s", async (_what, message, options) => {
    const args = options.map((each) => (each === "KEY" ? key : each));
    const { code, stderr } = await pack(
      "sign",
      write("rules.yaml", yamlOf()),
      "--key",
      key,
      ...args,
    );
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(readdirSync(folder).sort()).toEqual(["officer.pem", "officer.pub", "rules.yaml"]);
  });

  test("without a key", async () => {
    const { code, stderr } = await pack("sign", write("rules.yaml", yamlOf()), ...names);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("--key") });
  });
});

describe("portcullis pack verify refuses", () => {
  test.each<readonly [string, number, RegExp, (files: Files) => readonly string[]]>([
    [
      "an altered pack",
      1,
      /pack\.hash_mismatch/,
      ({ json, other, publicFile }) => [json, "--yaml", other, "--key", publicFile],
    ],
    [
      "an altered signature",
      1,
      /pack\.bad_signature: /,
      ({ altered, yaml, publicFile }) => [altered, "--yaml", yaml, "--key", publicFile],
    ],
    [
      "a pack.json without its pack",
      1,
      /pack\.missing_yaml/,
      ({ json, publicFile }) => [json, "--key", publicFile],
    ],
    [
      "a pack.json where an envelope is asked for",
      1,
      /pack\.wrong_form/,
      ({ json, publicFile }) => [json, "--dsse", "--key", publicFile],
    ],
    ["the pack itself", 1, /pack\.unsigned/, ({ yaml, publicFile }) => [yaml, "--key", publicFile]],
    [
      "rules that do not load",
      1,
      /broken\.yaml:5:\d+: pack\.logic_/,
      ({ brokenJson, broken, publicFile }) => [brokenJson, "--yaml", broken, "--key", publicFile],
    ],
    [
      "a release that has ended",
      1,
      /pack\.expired/,
      ({ expired, publicFile }) => [expired, "--dsse", "--key", publicFile],
    ],
    [
      "a private key",
      1,
      /pack\.private_key/,
      ({ json, yaml, key }) => [json, "--yaml", yaml, "--key", key],
    ],
    [
      "a signature that is not there",
      2,
      /absent: does not exist/,
      ({ publicFile }) => ["absent", "--key", publicFile],
    ],
  ])("%s", async (_what, code, message, argsOf) => {
    const finished = await pack("verify", ...argsOf(files()));
    expect(finished).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(message) });
  });

  type Files = ReturnType<typeof files>;

  function files() {
    const [key, publicFile] = keyPair("officer");
    const privateKey = readPrivateKey(read("officer.pem"));
    const bytes = yamlOf();
    const noRules = Buffer.from(bytes.toString().replace("CONTAINS", "CONTAIN"));
    const signed = { id: "doors", version: "7", key: privateKey, createdAtMs: 0 };
    const json = signPackJson({ ...signed, bytes });
    const over = yamlOf({ notBefore: "2020-01-01T00:00:00Z", expires: "2021-01-01T00:00:00Z" });
    return {
      key,
      publicFile,
      yaml: write("rules.yaml", bytes),
      json: write("pack.json", json),
      broken: write("broken.yaml", noRules),
      brokenJson: write("broken.json", signPackJson({ ...signed, bytes: noRules })),
      altered: write("altered.json", json.replace("doors", "gates")),
      other: write("other.yaml", yamlOf(undefined, "everyone")),
      expired: write("over.dsse.json", signEnvelope({ bytes: over, keys: [privateKey] })),
    };
  }
});

describe("portcullis pack verify-response", () => {
  test("tells an answer of the gateway from another", async () => {
    const [key, publicFile] = keyPair("gateway");
    const blake3 = packHash(yamlOf());
    const body = Buffer.from('{"churn":0.93}');
    const bodyDigest = `blake3:${packHash(body)}` as const;
    const parts = { requestId: "r-1", status: 200, blake3, bodyDigest };
    const signature = signResponse({ ...parts, key: readPrivateKey(readFileSync(key, "utf8")) });
    const about = (status: string, file: string): Promise<Finished> =>
      pack(
        "verify-response",
        "--key",
        publicFile,
        "--pack",
        blake3,
        "--request-id",
        "r-1",
        "--status",
        status,
        "--body",
        file,
        "--signature",
        signature,
      );

    const good = await about("200", write("body", body));
    expect(good).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining(": good: "),
    });
    const wrong = {
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("pack.bad_response_signature"),
    };
    expect(await about("403", path("body"))).toMatchObject(wrong);
    expect(await about("200", write("other", "{}"))).toMatchObject(wrong);
    expect(await about("200", path("absent"))).toMatchObject({ code: 2 });
    const usage = await about("ok", path("body"));
    expect(usage).toMatchObject({ code: 1, stderr: expect.stringContaining("status") });
  });
});

test("every command about packs is there", async () => {
  const { stdout } = await pack("--help");
  const names =
    "keygen sign verify lint test diff explain verify-response reload promote rollback drop shadow-report approve-break-glass";
  for (const name of names.split(" ")) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
});
