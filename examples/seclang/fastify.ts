/** Fastify behind the rules: the body is read as bytes, inspected, and only then parsed; what is no JSON gets a 415. */
import fastify from "fastify";
import { inspect } from "./inspect.ts";

const app = fastify({ bodyLimit: 1_048_576 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
  done(null, body),
);
app.addHook("preValidation", async (request, reply) => {
  const refusal = await inspect(request.raw, request.originalUrl, request.body);
  if (refusal) return reply.code(refusal.status).send({ error: "refused" });
});
app.post("/ask", (request) => JSON.parse(String(request.body)) as object);
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
