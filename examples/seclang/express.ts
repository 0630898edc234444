/** Express behind the rules: the body is read as bytes, inspected, and only then parsed; what is no JSON is not read at all. */
import express from "express";
import { inspect } from "./inspect.ts";

const app = express();
app.use(express.raw({ type: "application/json", limit: "1mb" }));
app.use((request, response, next) => {
  if (request.is("application/json") === false) return void response.sendStatus(415);
  inspect(request, request.originalUrl, request.body).then((refusal) => {
    if (refusal) response.status(refusal.status).json({ error: "refused" });
    else next();
  }, next);
});
app.post("/ask", (request, response) => {
  response.json(JSON.parse(String(request.body)));
});
app.listen(Number(process.env["PORT"]), "127.0.0.1");
