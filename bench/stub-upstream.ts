/**
 * The model of the benchmark: answers every HTTP/1.1 request with the same 120 bytes of JSON, as cheaply as Node can, so
 * that it is the gateway that is measured. Serves loopback only. Prints its port.
 */
import { createServer, type AddressInfo } from "node:net";

const ANSWER =
  '{"model_name":"churn","model_version":"2","outputs":[{"name":"p","datatype":"FP64","shape":[1,2],"data":[0.81,0.19]}]}';
const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`,
);

/** End of the first whole request in `bytes`, or -1. Understands Content-Length only: that is all its callers send. */
function endOfRequest(bytes: Buffer): number {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return -1;
  const head = bytes.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? "0";
  const end = headEnd + 4 + Number(length);
  return end <= bytes.length ? end : -1;
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    let bytes = pending ? Buffer.concat([pending, chunk]) : chunk;
    for (let end = endOfRequest(bytes); end > 0; end = endOfRequest(bytes)) {
      socket.write(RESPONSE);
      bytes = bytes.subarray(end);
    }
    pending = bytes.length > 0 ? bytes : undefined;
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
