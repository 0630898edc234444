/** nginx with ModSecurity in front of the model: one worker, held to the core under test. Serves loopback only. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPinned, TEST_CORE } from "../processes.ts";
import type { Subject } from "../subjects.ts";

/** Where Debian's `libnginx-mod-http-modsecurity` puts it. */
const MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
const START_LIMIT_MS = 10_000;

export const hasNginxModsecurity = (): boolean => existsSync(MODULE);

/** `rulesFile` includes everything it enforces. */
export async function startNginxModsecurity(
  folder: string,
  stubPort: number,
  rulesFile: string,
): Promise<Subject> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const root = join(folder, "nginx-modsecurity");
  mkdirSync(root, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${root}/${kind};`)
    .join(" ");
  writeFileSync(
    join(root, "nginx.conf"),
    `load_module ${MODULE};
worker_processes 1; master_process off; daemon off; pid ${root}/pid; error_log ${root}/error.log crit;
events { worker_connections 4096; }
http {
  access_log off; server_tokens off; ${temporary}
  keepalive_requests 100000000; keepalive_timeout 75s; client_body_buffer_size 256k;
  upstream model { server 127.0.0.1:${stubPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    modsecurity on;
    modsecurity_rules_file ${rulesFile};
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  const child = startPinned(TEST_CORE, ["nginx", "-c", join(root, "nginx.conf"), "-p", root]);
  await untilAnswered(port);
  return { port, pid: child.pid ?? 0, child };
}

/** It answers once its rules are loaded. */
async function untilAnswered(port: number): Promise<void> {
  const endsAt = Date.now() + START_LIMIT_MS;
  while (Date.now() < endsAt) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("nginx with ModSecurity did not start within ten seconds");
}
