/** Hono on Node.js behind the rules: the body is read as bytes, inspected, and only then parsed; what is no JSON gets a 415. */
import { serve, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { inspect } from "./inspect.ts";

const app = new Hono<{ Bindings: HttpBindings }>();
app.use(bodyLimit({ maxSize: 1_048_576 }));
app.use(async (context, next) => {
  const body = new Uint8Array(await context.req.arrayBuffer());
  const type = context.req.header("content-type") ?? "";
  if (body.length > 0 && !/^application\/json *(?:;|$)/i.test(type)) return context.body(null, 415);
  const { incoming } = context.env;
  const refusal = await inspect(incoming, incoming.url ?? "/", body);
  if (refusal) return Response.json({ error: "refused" }, { status: refusal.status });
  return next();
});
app.post("/ask", async (context) => context.json(await context.req.json<object>()));
serve({ fetch: app.fetch, port: Number(process.env["PORT"]), hostname: "127.0.0.1" });
